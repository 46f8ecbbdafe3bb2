"""A slice's name, and slices that stay on disk until somebody asks for them."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nextslice.types import Flags, Rows

__all__ = ["LazySlices", "SliceId"]

# Pages of a mapped file stay counted as ours after they were read, until a pool larger than
# the memory fills it. They are given back after this many bytes; the system keeps the file in
# its own cache for as long as there is room, so that reading it again costs next to nothing.
_GIVE_BACK_AFTER: Final = 64 * 2**20


@dataclass(frozen=True, order=True, slots=True)
class SliceId:
    """A slice for good: it outlives any pool and any order.

    Attributes:
        case: The case's id.
        index: The slice's place in its volume along the slicing axis, from 0.

    In messages and on the command line it is written "case:index".
    """

    case: str
    index: int

    def __str__(self) -> str:
        return f"{self.case}:{self.index}"


class LazySlices:
    """A read-only view of rows of an array (slices, height, width), in memory or mapped.

    Indexing with a range, an array of rows or an array of truth values gives an array of its
    own in memory; with one row, one slice (height, width). Negative rows count from the end.
    ``np.asarray`` loads everything.
    """

    def __init__(self, source: np.ndarray[Any, np.dtype[Any]], rows: Rows) -> None:
        self._source = source
        self._rows = rows
        self._bytes_read = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<LazySlices {self.shape} {self.dtype}>"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, height, width)."""
        height, width = self._source.shape[1:]
        return len(self._rows), int(height), int(width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 for images, uint8 for masks."""
        return self._source.dtype

    def __getitem__(
        self, rows: int | np.integer[Any] | slice | Rows | Flags | list[int]
    ) -> np.ndarray[Any, np.dtype[Any]]:
        if isinstance(rows, list) and not rows:
            rows = slice(0, 0)
        picked = self._rows[rows]
        if np.ndim(picked) == 1 and len(picked) and _is_run(picked):
            # A run of rows is one read; picking row by row would be many.
            slices = np.array(self._source[picked[0] : picked[-1] + 1])
        else:
            slices = np.array(self._source[picked])
        self._give_back_pages(slices.nbytes)
        return slices

    def _give_back_pages(self, just_read: int) -> None:
        self._bytes_read += just_read
        if self._bytes_read >= _GIVE_BACK_AFTER:
            self._bytes_read = 0
            mapping = _read_only_mapping_of(self._source)
            if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapping.madvise(mmap.MADV_DONTNEED)

    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> np.ndarray[Any, np.dtype[Any]]:
        if copy is False:
            raise ValueError("lazy slices cannot be had without copying them into memory")
        return self[:] if dtype is None else self[:].astype(dtype)

    def select(self, rows: slice | Rows | list[int]) -> LazySlices:
        """A lazy view of some rows of this view, in the order given."""
        return LazySlices(
            self._source,
            self._rows[rows if isinstance(rows, slice) else np.asarray(rows, dtype=np.intp)],
        )


def _read_only_mapping_of(array: np.ndarray[Any, np.dtype[Any]]) -> mmap.mmap | None:
    """The mapped file that an array views, if nobody can have changed its pages in memory.

    A copy-on-write mapping keeps changes in its pages alone: given back, they are lost.
    """
    base: object = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return None
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def _is_run(rows: Rows) -> bool:
    return bool(rows[-1] - rows[0] == len(rows) - 1 and np.all(np.diff(rows) == 1))
