"""A small live project that people have worked on, for tests of what comes out of one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nextslice.annotators import Desk
from nextslice.annotators.views import SliceView
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.data.pool import SliceId
from nextslice.live import LiveProject

__all__ = ["Annotated", "annotate"]

SETTINGS = (
    "network.channels=[4, 8]",
    "training.steps=6",
    "training.steps_per_epoch=3",
    "uncertainty.samples=2",
    "budget=5",
    "device=cpu",
    "threads=1",
    "data.size=[40, 36]",  # smaller than the slices: what lies outside is cut off
)


@dataclass
class Annotated:
    """What is known of the project without asking it.

    Attributes:
        folder: The project's.
        scans: Its scans; the first case came with its label.
        given: That case.
        drawn: The newest mask of each slice that was drawn, on its native slice.
        skipped: The slice that was skipped.
    """

    folder: Path
    scans: Path
    given: str = "phantom_000"
    drawn: dict[SliceId, np.ndarray] = field(default_factory=dict)
    skipped: SliceId | None = None


def annotate(place: Path) -> Annotated:
    """Two trainings and two queries: the first answered but for a skip, of the second two."""
    made = Annotated(place / "project", place / "scans")
    write_phantom(made.scans, Phantom(patients=3, size=(48, 40), slices=(8, 9)))
    (made.scans / "dataset.json").unlink()
    (made.scans / "phantom.json").unlink()
    for label in sorted((made.scans / "labelsTr").iterdir())[1:]:
        label.unlink()
    project = LiveProject.create(
        made.folder, images=made.scans, labels="cortex,medulla", assignments=SETTINGS
    )
    rng = np.random.default_rng(0)
    with Desk(project) as desk:
        desk.wait()
        first, *others = desk.overview().slices
        desk.skip(first.id, reason="motion", annotator="Ada", base_version=0, key="skip")
        made.skipped = SliceId(first.case, first.index)
        for view in others:
            _draw(desk, made, view, rng)
        desk.finish_query()
        desk.wait()
        assert not desk.overview().error
        for view in desk.overview().slices[:2]:
            _draw(desk, made, view, rng)
    return made


def _draw(desk: Desk, made: Annotated, view: SliceView, rng: np.random.Generator) -> None:
    """Noise, up to the edges: every pixel tells whether it came through."""
    mask = rng.integers(0, 3, view.shape).astype(np.uint8)
    desk.save(
        view.id, mask, annotator="Ada", base_version=view.version, key=view.id, seconds=30.0
    )
    made.drawn[SliceId(view.case, view.index)] = mask


def copied(made: Annotated, place: Path) -> Annotated:
    """A copy of the project, on the same scans, to be spoilt."""
    shutil.copytree(made.folder, place / "project")
    return Annotated(place / "project", made.scans, made.given, made.drawn, made.skipped)
