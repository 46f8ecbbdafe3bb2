"""Volumes -> slices of one size with intensities in [0, 1], and all the way back.

Paper, section 4.1: "sliced along the short axis", "resampled to 1.0 mm", "resized to
128 x 128" (prostate) or kept at their resolution in 50 x 50 (hippocampus), "normalized based
on the 1% and 99% percentiles for each scan". Through-plane, volumes stay as they are.

A slice along axis a has the two other axes in reverse order: for a = 2 it is (y, x), that is
(height, width), as a viewer shows it. Pixel centres are kept: nothing moves by half a pixel.
"""

from __future__ import annotations

import operator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from nextslice.data.formats.readers import Volume
from nextslice.data.geometry import SPACINGS, Geometry
from nextslice.data.sides import Side
from nextslice.errors import DataError, SettingsError
from nextslice.types import SliceImages, SliceMasks, VolumeMask, Voxels

__all__ = ["Preparation", "intensity_limits"]

_PERCENTILES = (1.0, 99.0)
_EQUAL = 1e-3  # spacings that differ by less than this share are the same
_LARGEST_SIZE = 8192  # per side; more is a slip of the keyboard


@dataclass(frozen=True)
class Preparation:
    """The settings of the way from volumes to slices.

    Attributes:
        axis: Slice along this axis of the file (0, 1, 2). None takes the short axis: the one
            with the largest spacing, and the last of those where several are equally large
            (so the third where all are equal).
        spacing: Resample in-plane to this many millimetres; None keeps the resolution.
        size: (height, width) of a slice in pixels; None takes, for one case, its own size. A
            pool takes the smallest size that holds every case.
        fit: "crop" cuts or pads round the centre and keeps the resolution; "resize"
            stretches to the size. Resampling and resizing are one interpolation.

    Raises:
        SettingsError: A value out of range.
    """

    axis: int | None = None
    spacing: float | None = None
    size: tuple[int, int] | None = None
    fit: Literal["crop", "resize"] = "crop"

    def __post_init__(self) -> None:
        if self.axis not in (None, 0, 1, 2):
            raise SettingsError(f"axis should be 0, 1, 2 or None, but is {self.axis!r}.")
        least, most = SPACINGS
        if self.spacing is not None and not (
            isinstance(self.spacing, int | float | np.floating)
            and least <= self.spacing <= most
        ):
            raise SettingsError(
                f"spacing should be from {least:g} to {most:g} mm, but is {self.spacing!r}."
            )
        if self.size is not None:
            object.__setattr__(self, "size", _checked_size(self.size))
        if self.fit not in ("crop", "resize"):
            raise SettingsError(f'fit should be "crop" or "resize", but is {self.fit!r}.')

    def slicing_axis(self, geometry: Geometry) -> int:
        """The axis that a volume is sliced along."""
        if self.axis is not None:
            return self.axis
        largest = max(geometry.spacing)
        return max(a for a in range(3) if geometry.spacing[a] >= largest * (1 - _EQUAL))

    def plane(self, geometry: Geometry) -> tuple[int, int]:
        """The file's axes that run down and across a slice: rows count along the first."""
        first, second = (a for a in range(3) if a != self.slicing_axis(geometry))
        return second, first

    def case_size(self, geometry: Geometry) -> tuple[int, int]:
        """(height, width) that holds a case whole, after resampling and before fitting."""
        rows, columns = (self._side(geometry, axis) for axis in self.plane(geometry))
        return rows.stretched, columns.stretched

    def planes(
        self, voxels: np.ndarray[Any, np.dtype[Any]], geometry: Geometry
    ) -> np.ndarray[Any, np.dtype[Any]]:
        """A volume (x, y, z) as its native slices (slices, height, width); a view.

        Raises:
            DataError: The volume does not have the geometry's shape.
        """
        if voxels.shape != geometry.shape:
            raise DataError(
                f"Voxels should have the shape {geometry.shape} of their geometry, but have "
                f"{voxels.shape}."
            )
        return np.moveaxis(voxels, self.slicing_axis(geometry), 0).swapaxes(1, 2)

    def volume(
        self, planes: np.ndarray[Any, np.dtype[Any]], geometry: Geometry
    ) -> np.ndarray[Any, np.dtype[Any]]:
        """Native slices as the volume (x, y, z) that :meth:`planes` cut them from."""
        axis = self.slicing_axis(geometry)
        return np.ascontiguousarray(np.moveaxis(planes.swapaxes(1, 2), 0, axis))

    def prepare_image(self, volume: Volume) -> SliceImages:
        """Normalise and cut a scan into slices.

        Intensities map linearly from the scan's 1st and 99th percentiles to 0 and 1, clipped.
        Where these two coincide (a scan that is nearly all one value) its minimum and maximum
        take their place; a constant scan is all zeros. In-plane resampling is linear, after a
        Gaussian against aliasing where pixels grow (sigma (scale - 1) / 2 native pixels).
        Padding is 0.

        Returns:
            float32 of shape (slices, height, width), values in [0, 1].
        """
        rows, columns = self._sides(volume.geometry)
        planes = self.planes(volume.voxels, volume.geometry)
        low, high = intensity_limits(volume.voxels)
        images = np.zeros((len(planes), rows.fitted, columns.fitted), np.float32)
        for plane, image in zip(planes, images, strict=True):
            grey = _normalised(plane, low, high)
            kept = _stretch(grey, rows, columns)[rows.kept, columns.kept]
            image[rows.place, columns.place] = kept
        return images

    def prepare_mask(self, mask: VolumeMask, geometry: Geometry) -> SliceMasks:
        """Cut a mask of class numbers into slices, by nearest neighbour; padding is 0."""
        rows, columns = self._sides(geometry)
        planes = self.planes(mask, geometry)
        slices = np.zeros((len(planes), rows.fitted, columns.fitted), np.uint8)
        here = np.ix_(rows.sources[rows.kept], columns.sources[columns.kept])
        slices[:, rows.place, columns.place] = planes[:, here[0], here[1]]
        return slices

    def restore(self, masks: SliceMasks, geometry: Geometry) -> VolumeMask:
        """Put a case's slices back on its native grid, by nearest neighbour.

        Exactly the inverse of :meth:`prepare_mask` where nothing was resampled and nothing
        was cut away; outside the window of a crop is background.

        Args:
            masks: All slices of the case in order, as :meth:`prepare_mask` shapes them.
            geometry: The case's native geometry.

        Raises:
            DataError: The slices do not have the shape that this case has.
        """
        return self._restored(masks, geometry)

    def restore_values(self, values: SliceImages, geometry: Geometry) -> Voxels:
        """The same for a number per pixel, such as an uncertainty; 0 outside the window.

        Args:
            values: All slices of the case in order, as :meth:`prepare_image` shapes them.
            geometry: The case's native geometry.

        Raises:
            DataError: The slices do not have the shape that this case has.
        """
        return self._restored(values, geometry)

    def cropped_foreground(self, mask: VolumeMask, geometry: Geometry) -> int:
        """How many native foreground voxels lie outside the window of the crop."""
        rows, columns = self._sides(geometry)
        inside = np.zeros((rows.stretched, columns.stretched), bool)
        inside[rows.kept, columns.kept] = True
        seen = inside[np.ix_(rows.sources_back, columns.sources_back)]
        foreground = self.planes(mask, geometry) > 0
        return int(np.count_nonzero(foreground) - np.count_nonzero(foreground[:, seen]))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"size": list(self.size) if self.size else None}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Preparation:
        """The preparation that :meth:`to_dict` wrote."""
        return cls(**values)

    def _restored(
        self, slices: np.ndarray[Any, np.dtype[Any]], geometry: Geometry
    ) -> np.ndarray[Any, np.dtype[Any]]:
        rows, columns = self._sides(geometry)
        count = geometry.shape[self.slicing_axis(geometry)]
        expected = (count, rows.fitted, columns.fitted)
        if slices.shape != expected:
            raise DataError(
                f"Masks of this case should have the shape (slices, height, width) = "
                f"{expected}, but have {slices.shape}.",
                cause="the masks belong to another case, or were prepared with other settings.",
            )
        inner = np.zeros((len(slices), rows.stretched, columns.stretched), slices.dtype)
        inner[:, rows.kept, columns.kept] = slices[:, rows.place, columns.place]
        back = np.ix_(rows.sources_back, columns.sources_back)
        native = inner[:, back[0], back[1]]
        return self.volume(native, geometry)

    def _sides(self, geometry: Geometry) -> tuple[Side, Side]:
        down, across = self.plane(geometry)
        height, width = self.size or (None, None)
        return self._side(geometry, down, height), self._side(geometry, across, width)

    def _side(self, geometry: Geometry, axis: int, fitted: int | None = None) -> Side:
        native = geometry.shape[axis]
        stretched, scale, offset = native, 1.0, 0.0
        if self.spacing is not None:
            step = self.spacing / geometry.spacing[axis]
            # Spacings that differ by rounding alone must not cost an interpolation.
            if abs(step - 1) > _EQUAL:
                stretched = max(1, round(native / step))
                scale, offset = step, (native - 1) / 2 - (stretched - 1) / 2 * step
        if fitted is None or fitted == stretched:
            return Side(native, stretched, stretched, scale, offset)
        if self.fit == "resize":
            factor = stretched / fitted
            offset += ((factor - 1) / 2) * scale
            return Side(native, fitted, fitted, scale * factor, offset)
        return Side(native, stretched, fitted, scale, offset)


def _checked_size(size: Any) -> tuple[int, int]:
    try:
        height, width = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        height = width = 0
    if not (1 <= height <= _LARGEST_SIZE and 1 <= width <= _LARGEST_SIZE):
        raise SettingsError(
            f"size should be (height, width) in pixels, as (50, 50), each from 1 to "
            f"{_LARGEST_SIZE}, but is {size!r}."
        )
    return height, width


def intensity_limits(voxels: np.ndarray[Any, np.dtype[Any]]) -> tuple[float, float]:
    """The intensities that become 0 and 1: a scan's 1st and 99th percentiles.

    Where these two coincide, its minimum and maximum.
    """
    low, high = np.percentile(voxels, _PERCENTILES)
    if low == high:
        low, high = voxels.min(), voxels.max()
    return float(low), float(high)


def _normalised(
    plane: np.ndarray[Any, np.dtype[Any]], low: float, high: float
) -> np.ndarray[Any, np.dtype[np.float32]]:
    if low == high:
        return np.zeros(plane.shape, np.float32)
    # In double precision: large offsets (time stamps, Hounsfield units x 1000) would be lost.
    grey = (np.clip(plane, low, high).astype(np.float64) - low) / (high - low)
    return np.asarray(np.clip(grey, 0.0, 1.0), np.float32)


def _stretch(
    grey: np.ndarray[Any, np.dtype[np.float32]], rows: Side, columns: Side
) -> np.ndarray[Any, np.dtype[np.float32]]:
    if rows.is_identity and columns.is_identity:
        return grey
    from scipy import ndimage  # noqa: PLC0415  half a second that opening a pool need not wait

    sigma = [max(0.0, (side.scale - 1) / 2) for side in (rows, columns)]
    if any(sigma):
        grey = ndimage.gaussian_filter(grey, sigma, mode="nearest")
    stretched = ndimage.affine_transform(
        grey,
        np.array([rows.scale, columns.scale]),
        offset=(rows.offset, columns.offset),
        output_shape=(rows.stretched, columns.stretched),
        order=1,
        mode="nearest",
    )
    return np.clip(np.asarray(stretched, np.float32), 0.0, 1.0)
