"""One slice between the grid of its file, which people see and draw on, and that of a pool.

A native slice is the file's own array at one place of the sliced axis, (height, width) as
:mod:`nextslice.data.preparation` orients it, before it is resampled and fitted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from nextslice.data.geometry import Geometry
from nextslice.data.preparation import Preparation
from nextslice.types import NativeMask, SliceMask, VolumeMask

__all__ = ["NativeSlices"]

_RAS = np.array([-1.0, -1.0, 1.0])  # geometries are LPS, what viewers print is RAS
_LETTERS = ("RL", "AP", "IS")  # against and along each axis of LPS


@dataclass(frozen=True)
class NativeSlices:
    """The native slices of a case.

    Attributes:
        preparation: The pool's; its axis is named.
        geometry: The case's native grid.
    """

    preparation: Preparation
    geometry: Geometry

    @property
    def count(self) -> int:
        """How many slices the volume has."""
        return self.geometry.shape[self._axis]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a slice in pixels."""
        down, across = self._plane
        return self.geometry.shape[down], self.geometry.shape[across]

    @property
    def spacing(self) -> tuple[float, float]:
        """Millimetres from row to row and from column to column."""
        down, across = self._plane
        return self.geometry.spacing[down], self.geometry.spacing[across]

    @property
    def towards(self) -> tuple[str, str]:
        """Where rows and where columns count to: R or L, A or P, S or I, whichever is nearest.

        A viewer that follows radiologists lets rows count to P or I and columns to L or P, and
        mirrors a slice that is stored otherwise.
        """
        down, across = self._plane
        return self._letter(down), self._letter(across)

    def position_mm(self, index: int) -> float:
        """Where a slice lies along its normal, as viewers print it.

        The coordinate (RAS, millimetres) of the slice's plane along the direction in which it
        is sliced, counted towards right, anterior or superior, whichever is nearest.
        """
        axis = self._axis
        direction = np.array(self.geometry.direction).reshape(3, 3)[:, axis] * _RAS
        origin = np.array(self.geometry.origin) * _RAS
        towards = np.sign(direction[np.argmax(np.abs(direction))])
        along = float(origin @ direction) + index * self.geometry.spacing[axis]
        return float(towards * along)

    def cut(
        self, voxels: np.ndarray[Any, np.dtype[Any]], index: int
    ) -> np.ndarray[Any, np.dtype[Any]]:
        """The native slice at `index` of the case's scan or label (x, y, z); a view."""
        cut: np.ndarray[Any, np.dtype[Any]]
        cut = self.preparation.planes(voxels, self.geometry)[index]
        return cut

    def to_pool(self, mask: NativeMask) -> SliceMask:
        """A native mask as training sees it: by nearest neighbour, cut or padded to size."""
        volume: VolumeMask = self.preparation.volume(mask[None], self._thin)
        slices = self.preparation.prepare_mask(volume, self._thin)
        return np.ascontiguousarray(slices[0])

    def from_pool(self, mask: SliceMask) -> NativeMask:
        """A mask on the pool's grid put back on the native one, by nearest neighbour.

        Exactly what was drawn where nothing was resampled; 0 outside the pool's window.
        """
        volume = self.preparation.restore(mask[None], self._thin)
        return np.ascontiguousarray(self.preparation.planes(volume, self._thin)[0])

    def _letter(self, axis: int) -> str:
        direction = np.array(self.geometry.direction).reshape(3, 3)[:, axis]
        nearest = int(np.argmax(np.abs(direction)))
        return _LETTERS[nearest][int(direction[nearest] > 0)]

    @property
    def _axis(self) -> int:
        return self.preparation.slicing_axis(self.geometry)

    @property
    def _plane(self) -> tuple[int, int]:
        return self.preparation.plane(self.geometry)

    @cached_property
    def _thin(self) -> Geometry:
        """The grid of a volume that is one slice thick: each slice is prepared by itself."""
        x, y, z = (1 if a == self._axis else n for a, n in enumerate(self.geometry.shape))
        return replace(self.geometry, shape=(x, y, z))
