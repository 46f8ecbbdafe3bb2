"""A small phantom, once with its labels and once without, and live projects on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nextslice as ns
from nextslice.annotators import Desk
from nextslice.annotators.views import SliceView
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.live import LiveProject

LABELS = "cortex,medulla"
SETTINGS = (
    "network.channels=[4, 8]",
    "training.steps=8",
    "training.steps_per_epoch=4",
    "uncertainty.samples=2",
    "initial=3",
    "budget=3",
    "device=cpu",
    "data.size=[40, 40]",
)


@pytest.fixture(scope="session")
def labelled_scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small synthetic patients with their labels."""
    folder = tmp_path_factory.mktemp("phantom") / "labelled"
    write_phantom(folder, Phantom(patients=3, size=(48, 40), slices=(8, 9)))
    return folder


@pytest.fixture(scope="session")
def bare_scans(labelled_scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same scans in a folder, without anything else."""
    folder = tmp_path_factory.mktemp("bare") / "scans"
    shutil.copytree(labelled_scans / "imagesTr", folder)
    return folder


@pytest.fixture
def create(bare_scans: Path, tmp_path: Path) -> Callable[..., LiveProject]:
    """Make a live project with tiny trainings."""

    def create(name: str = "project", **changes: Any) -> LiveProject:
        assignments = (*SETTINGS, *changes.pop("assignments", ()))
        arguments: dict[str, Any] = {"images": bare_scans, "labels": LABELS} | changes
        return LiveProject.create(tmp_path / name, assignments=assignments, **arguments)

    return create


@pytest.fixture
def desk(create: Callable[..., LiveProject]) -> Iterator[Desk]:
    """A desk at its first query."""
    with Desk(create()) as desk:
        yield desk


class Expert:
    """Draws the labels of the data set on native slices."""

    name = "Dr Script"

    def __init__(self, pool: ns.SlicePool) -> None:
        self.pool = pool

    def draw(self, view: SliceView) -> np.ndarray:
        """The label of a slice: the file's own array, transposed, as a viewer shows it."""
        return np.ascontiguousarray(self.pool.native_label(view.case)[:, :, view.index].T)

    def save(self, desk: Desk, view: SliceView) -> None:
        desk.save(
            view.id,
            self.draw(view),
            annotator=self.name,
            base_version=view.version,
            key=f"{view.id}-{view.version}",
            seconds=2.0,
        )

    def answer(self, desk: Desk) -> None:
        for view in desk.overview().slices:
            self.save(desk, view)


@pytest.fixture
def expert(labelled_scans: Path) -> Expert:
    return Expert(ns.SlicePool.from_folder(labelled_scans, size=(40, 40)))
