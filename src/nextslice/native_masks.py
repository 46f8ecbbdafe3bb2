"""The masks of answers on the slices of their files, also for those who only look."""

from __future__ import annotations

import numpy as np

from nextslice.data.native import NativeSlices
from nextslice.data.pool import SlicePool
from nextslice.project import Answer, AnswerKind, Records
from nextslice.types import NativeMask, VolumeMask

__all__ = ["NativeMasks"]


class NativeMasks:
    """From answers to native masks; threads may share it.

    Args:
        pool: The project's slices.
        records: The project's records.
    """

    def __init__(self, pool: SlicePool, records: Records) -> None:
        self._pool = pool
        self._records = records
        self._given: tuple[str, VolumeMask] | None = None

    def slices_of(self, row: int) -> NativeSlices:
        """The native slices of the volume that a slice of the pool belongs to."""
        case = self._pool.slice_id(row).case
        return NativeSlices(self._pool.preparation, self._pool.geometry(case))

    def of(self, answer: Answer) -> NativeMask | None:
        """The mask of an answer on its native slice; None for an answer without a mask.

        As it was drawn. One that was given on the pool's grid is put back from there.

        Raises:
            ProjectError: It is missing or damaged.
        """
        if answer.kind is AnswerKind.GIVEN:
            name = self._pool.slice_id(answer.row)
            label = self._given_label(name.case)
            return np.ascontiguousarray(self.slices_of(answer.row).cut(label, name.index))
        classes = len(self._pool.classes)
        if answer.native_sha256 is not None:
            shape = self.slices_of(answer.row).shape
            return self._records.mask(answer.native_sha256, shape=shape, classes=classes)
        if answer.mask_sha256 is not None:
            size = self._pool.size
            mask = self._records.mask(answer.mask_sha256, shape=size, classes=classes)
            return self.slices_of(answer.row).from_pool(mask)
        return None

    def _given_label(self, case: str) -> VolumeMask:
        """A label that came with the data; the last one is kept, as slices come by volume."""
        kept = self._given
        if kept is None or kept[0] != case:
            kept = self._given = (case, self._pool.native_label(case))
        return kept[1]
