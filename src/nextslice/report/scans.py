"""The scans and the models behind runs, for the figures that show them.

A run's files name its data set and hold its fingerprint; the scans themselves lie where they
always did. They are opened as the run opened them, from the same cache, and used only if the
fingerprint is the same: a report never shows a slice that the run did not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextslice.data.pool import SlicePool
from nextslice.errors import CheckpointError, NextsliceError
from nextslice.progress import OnProgress, ignore_progress
from nextslice.report.facts import data_name
from nextslice.report.runs import Run
from nextslice.report.tables import plain_text
from nextslice.settings import validated
from nextslice.types import SliceMasks

__all__ = ["RunScans", "Scans", "pixel_aspect"]


@dataclass(frozen=True)
class RunScans:
    """The slices that a run could ask for, and those it was tested on."""

    train: SlicePool
    test: SlicePool


class Scans:
    """The scans of runs, each data set opened once.

    Args:
        on_progress: Told how far the preparation of a data set is, where its cache is gone.

    Attributes:
        remarks: What could not be opened, one sentence each; without paths, because the page
            may be passed on.
    """

    def __init__(self, on_progress: OnProgress = ignore_progress) -> None:
        self.remarks: list[str] = []
        self._on_progress = on_progress
        self._opened: dict[str, tuple[RunScans, str] | None] = {}

    def of(self, run: Run) -> RunScans | None:
        """The scans of a run, or None where they are not there or not the same any more."""
        key = repr((run.config.get("data"), run.config.get("split")))
        if key not in self._opened:
            self._opened[key] = self._open(run)
        opened = self._opened[key]
        if opened is None:
            return None
        scans, fingerprint = opened
        if run.environment.get("data") != fingerprint:
            self._miss(run, "is not what the runs saw: scans or labels have changed since")
            return None
        return scans

    def masks(self, run: Run, cycle: int, row: int) -> SliceMasks | None:
        """What a run's model of one cycle makes of a test slice.

        Args:
            run: The run.
            cycle: Whose model.
            row: Of the test pool.

        Returns:
            Class numbers, (1, height, width); None where the model is not kept.
        """
        scans = self.of(run)
        folder = run.folder / "models" / f"cycle-{cycle:02d}"
        if scans is None:
            return None
        if not folder.is_dir():
            self._remark(
                f"The models of {plain_text(run.strategy)} are not kept: no test slice is "
                "shown across cycles."
            )
            return None
        # A report without scans does without torch, which takes seconds to load.
        from nextslice.config import NetworkConfig  # noqa: PLC0415
        from nextslice.models.checkpoints import load_model  # noqa: PLC0415
        from nextslice.models.unet import UNet  # noqa: PLC0415

        try:
            settings = validated(
                NetworkConfig, dict(run.config.get("network") or {}), "network"
            )
            network = UNet(len(scans.test.classes) + 1, settings.channels, settings.dropout)
            model = load_model(folder, network, device="cpu", precision="float32")
        except CheckpointError:
            return None
        return model.predict(scans.test.images[row : row + 1])

    def _open(self, run: Run) -> tuple[RunScans, str] | None:
        settings = run.config.get("data")
        folder = settings.get("folder") if isinstance(settings, Mapping) else None
        if not isinstance(folder, str):  # a learner's own run does not say where its data lies
            return None
        if "split" not in run.config:  # a live project, whose scans have no labels beside them
            return None
        try:
            there = Path(folder).is_dir()
        except OSError:
            there = False
        if not there:
            self._miss(run, "is not where the runs read it")
            return None
        from nextslice.config import Config  # noqa: PLC0415 - the same
        from nextslice.simulation import open_splits  # noqa: PLC0415

        try:
            splits = open_splits(validated(Config, run.config), self._on_progress)
        except (NextsliceError, OSError, ValueError, MemoryError):  # pixels of a kilometre
            self._miss(run, "cannot be opened any more as the runs opened it")
            return None
        return RunScans(splits.train, splits.test), splits.fingerprint

    def _miss(self, run: Run, why: str) -> None:
        self._remark(
            f"The data set {data_name(run)} {why}. Figures that need its scans or labels are "
            "left out."
        )

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)


def pixel_aspect(pool: SlicePool, case: str) -> float:
    """How much taller than wide a case's pixels are, so that organs keep their shape.

    Stretched slices (``fit="resize"``) are shown as the model sees them.
    """
    preparation, geometry = pool.preparation, pool.geometry(case)
    if preparation.spacing is not None or preparation.fit == "resize":
        return 1.0
    across, down = np.delete(geometry.spacing, preparation.slicing_axis(geometry))
    return float(down / across)
