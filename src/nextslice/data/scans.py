"""The scans of a data set as they are on disk, for people to look at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from nextslice.data.formats.readers import Volume
from nextslice.data.gate.admission import read_scan
from nextslice.data.geometry import TOLERANCE, Geometry
from nextslice.data.layouts import recognise
from nextslice.errors import DataError

__all__ = ["Scans"]

_KEPT_BYTES: Final = 512 * 2**20


class Scans:
    """Volumes by case, the last ones kept in memory; may be shared by threads.

    Args:
        folder: A folder in one of the layouts of :mod:`nextslice.data.layouts`.
        keep: Bytes of voxels to keep; the volume that was asked for last is always kept.

    Raises:
        DataError: The folder cannot be used.
    """

    def __init__(self, folder: Path, *, keep: int = _KEPT_BYTES) -> None:
        data_set = recognise(folder)
        self._folder = data_set.folder
        self._files = {case.case: case.image for case in data_set.cases}
        self._keep = keep
        self._kept: OrderedDict[str, Volume] = OrderedDict()
        self._lock = threading.Lock()  # two threads must not unpack the same file

    def path(self, case: str) -> Path:
        """Where a case's scan lies.

        Raises:
            DataError: There is no such case.
        """
        if case not in self._files:
            raise DataError(
                f"Expected a scan of the case {case}, there is none any more.",
                cause="the file was moved or renamed while the project was open.",
                remedy="Put it back, and open the project again.",
            )
        return self._files[case]

    def volume(self, case: str, grid: Geometry | None = None) -> Volume:
        """A case's scan.

        Args:
            case: The case.
            grid: What its grid was when the project began, to hold it against.

        Raises:
            DataError: It cannot be read, or lies on another grid.
        """
        volume = self._volume(case)
        if grid is not None:
            _demand_grid(volume, case, grid)
        return volume

    def _volume(self, case: str) -> Volume:
        with self._lock:
            if case not in self._kept:
                self._kept[case] = read_scan(self.path(case), self._folder)
            self._kept.move_to_end(case)
            while len(self._kept) > 1 and self._bytes() > self._keep:
                self._kept.popitem(last=False)
            return self._kept[case]

    def stored(self, case: str, grid: Geometry) -> Volume:
        """A case's scan as it is stored: unscaled, with its header's numbers and its SHA-256.

        It is not kept.

        Args:
            case: The case.
            grid: What its grid was when the project began.

        Raises:
            DataError: It cannot be read, or lies on another grid.
        """
        volume = read_scan(self.path(case), self._folder, stored=True)
        _demand_grid(volume, case, grid)
        return volume

    def _bytes(self) -> int:
        return sum(volume.voxels.nbytes for volume in self._kept.values())


def _demand_grid(volume: Volume, case: str, grid: Geometry) -> None:
    if volume.geometry.differences(grid, TOLERANCE):
        raise DataError(
            f"The scan of {case} is not the one that the project began with.",
            cause="the file was replaced.",
            remedy="Put the old one back.",
        )
