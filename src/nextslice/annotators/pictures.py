"""What people see of a slice, on its native grid: the scan, proposals, what was drawn."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from nextslice.annotators.views import Annotation, ImageView, MaskView
from nextslice.data.preparation import intensity_limits
from nextslice.data.scans import Scans
from nextslice.errors import SettingsError
from nextslice.live import LiveProject
from nextslice.project import Proposals
from nextslice.types import NativeMask

__all__ = ["Pictures"]


class Pictures:
    """Views of the slices of a live project, by their rows in the pool; shared by threads.

    Who saves looks at proposals, too, and never waits for a scan that somebody else looks at.
    """

    def __init__(self, project: LiveProject) -> None:
        self._live = project
        self._pool = project.pool
        self._scans = Scans(Path(project.config.data.folder))
        self._limits: dict[str, tuple[float, float]] = {}
        self._measuring: dict[str, threading.Lock] = {}
        self._proposals: dict[int, Proposals] = {}
        self._reading = threading.Lock()

    def image(self, row: int, offset: int = 0) -> ImageView:
        """See :meth:`nextslice.annotators.desk.Desk.image`."""
        name, native = self._pool.slice_id(row), self._live.native(row)
        index = name.index + offset
        if not 0 <= index < native.count:
            raise SettingsError(
                f"Slices of {name.case} go from 0 to {native.count - 1}, not {index}."
            )
        volume = self._scans.volume(name.case, native.geometry)
        # Measuring takes seconds: once for each case, and only those who look at it wait.
        with self._measuring.setdefault(name.case, threading.Lock()):
            if name.case not in self._limits:
                self._limits[name.case] = intensity_limits(volume.voxels)
            low, high = self._limits[name.case]
        pixels = np.array(native.cut(volume.voxels, index), np.float32, order="C")
        return ImageView(pixels, index, native.position_mm(index), low, high)

    def proposal(self, row: int) -> NativeMask | None:
        """What the model that asked for the slice proposes; None without a model."""
        proposals = self._proposals_for(row)
        mask = None if proposals is None else proposals.mask(row)
        return None if mask is None else self._live.native(row).from_pool(mask)

    def uncertainty(self, row: int) -> ImageView | None:
        """How unsure that model is of each pixel, 0 to 1; 0 outside the pool's window."""
        proposals = self._proposals_for(row)
        levels = None if proposals is None else proposals.uncertainty(row)
        if levels is None:
            return None
        native, index = self._live.native(row), self._pool.slice_id(row).index
        pixels = native.from_pool(levels).astype(np.float32) / 255
        return ImageView(pixels, index, native.position_mm(index), 0.0, 1.0)

    def annotation(self, row: int, version: int | None = None) -> Annotation | None:
        """See :meth:`nextslice.annotators.desk.Desk.annotation`."""
        if version is None:
            answer = self._live.project.newest_answers([row]).get(row)
        else:
            found = (a for a in self._live.project.versions(row) if a.version == version)
            answer = next(found, None)
        mask = None if answer is None else self._live.native_mask(answer)
        if answer is None or mask is None:
            return None
        return Annotation(
            mask, answer.version, answer.annotator, answer.created, answer.conflicting
        )

    def neighbour(self, row: int, offset: int) -> MaskView | None:
        """The mask that counts of the slice `offset` places along the volume, if it has one."""
        name = self._pool.slice_id(row)
        rows, index = self._pool.rows_of(name.case), name.index + offset
        if not rows.start <= row + offset < rows.stop:
            return None
        found = self.annotation(row + offset)
        return None if found is None else MaskView(found.mask, index)

    def nearest(self, row: int) -> MaskView | None:
        """The mask of the nearest other annotated slice of the volume, if there is one."""
        rows = self._pool.rows_of(self._pool.slice_id(row).case)
        answers = self._live.project.newest_answers(range(rows.start, rows.stop))
        drawn = [r for r, a in answers.items() if a.mask_sha256 is not None and r != row]
        if not drawn:
            return None
        return self.neighbour(row, min(drawn, key=lambda r: (abs(r - row), r)) - row)

    def has_proposals(self, cycle: int) -> bool:
        """Whether the proposals of a cycle are kept."""
        return self._of_cycle(cycle) is not None

    def _proposals_for(self, row: int) -> Proposals | None:
        cycle = self._live.project.asked_in(row)
        return self._of_cycle(cycle) if cycle else None  # the first query has no model

    def _of_cycle(self, cycle: int) -> Proposals | None:
        with self._reading:
            if cycle not in self._proposals:
                found = self._live.project.proposals(
                    cycle, shape=self._pool.size, classes=len(self._live.classes)
                )
                if found is None:
                    return None
                self._proposals[cycle] = found
            return self._proposals[cycle]
