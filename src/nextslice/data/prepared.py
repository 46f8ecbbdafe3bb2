"""The slices of a data set and where each case lies in them, on disk or in memory."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nextslice.data.gate.checks import Verdict
from nextslice.data.geometry import Geometry
from nextslice.data.labels import LabelMap
from nextslice.data.preparation import Preparation
from nextslice.errors import DataError
from nextslice.failpoints import reach
from nextslice.files import sync
from nextslice.types import VolumeMask

__all__ = ["CaseRecord", "NpyWriter", "Prepared"]


@dataclass(frozen=True)
class CaseRecord:
    """Where a case lies in the arrays.

    Attributes:
        case: Its id.
        geometry: Its native grid.
        start: Row of its first slice.
        slices: How many it has.
        label_start: Where its native label begins in the flat array; None without a label.
        cropped: Native foreground voxels that the fit cut away.
    """

    case: str
    geometry: Geometry
    start: int
    slices: int
    label_start: int | None
    cropped: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; :meth:`from_dict` takes them back."""
        return asdict(self) | {"geometry": self.geometry.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CaseRecord:
        """The record that :meth:`to_dict` wrote."""
        return cls(**(values | {"geometry": Geometry.from_dict(values["geometry"])}))


@dataclass(frozen=True, eq=False)
class Prepared:
    """All slices of a data set, in one form for disk and memory.

    Attributes:
        images: float32 (slices, height, width), in [0, 1].
        masks: uint8 class numbers of the same shape; all 0 for a case without a label.
        native_labels: uint8 class numbers of all labelled cases on their native grids, flat.
        cases: Where each case lies, in order.
        layout: How the folder was laid out.
        preparation: The settings, size and axis included.
        labels: Which label values became which class.
        refused: The cases that were left out.
        fingerprint: SHA-256 over voxels, labels, geometry and settings.
    """

    images: np.ndarray[Any, np.dtype[Any]]
    masks: np.ndarray[Any, np.dtype[Any]]
    native_labels: np.ndarray[Any, np.dtype[Any]]
    cases: tuple[CaseRecord, ...]
    layout: str
    preparation: Preparation
    labels: LabelMap
    refused: tuple[Verdict, ...]
    fingerprint: str

    def native_label(self, record: CaseRecord) -> VolumeMask:
        """A case's class numbers (x, y, z).

        Raises:
            DataError: The case has no label.
        """
        if record.label_start is None:
            raise DataError(
                f"The case {record.case} has no label.",
                remedy="Use only those that have: pool.subset(pool.labelled_cases).",
            )
        stop = record.label_start + math.prod(record.geometry.shape)
        flat = self.native_labels[record.label_start : stop]
        return np.array(flat).reshape(record.geometry.shape)


class NpyWriter:
    """A .npy file that grows along its first axis; its final shape is written at the end.

    It has no temporary name, for its folder has one: see :mod:`nextslice.data.cache`.
    """

    def __init__(self, path: Path, kind: np.dtype[Any]) -> None:
        self.path = path
        self.count = 0
        self.shape: tuple[int, ...] = (0,)
        self._kind = kind
        self._stream = path.open("wb")
        self._write_header()
        self._begin = self._stream.tell()

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._stream.close()

    def _finish(self) -> None:
        self._stream.seek(0)
        self._write_header()
        if self._stream.tell() != self._begin:  # numpy leaves room for any first dimension
            raise ValueError(f"the header of {self.path} does not fit into its place")
        self._stream.flush()
        reach("array.written")
        sync(self._stream.fileno())
        reach("array.fsynced")

    def append(self, rows: np.ndarray[Any, np.dtype[Any]]) -> None:
        """Add rows; all but the first axis must be the same each time."""
        self._stream.write(np.ascontiguousarray(rows, self._kind).data)
        self.count += len(rows)
        self.shape = (self.count, *rows.shape[1:])

    def _write_header(self) -> None:
        np.lib.format.write_array_header_1_0(
            self._stream,
            {"descr": self._kind.str, "fortran_order": False, "shape": self.shape},
        )
