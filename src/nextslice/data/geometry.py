"""Where a volume's voxels lie in the patient, and whether they can lie there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextslice.errors import DataError

__all__ = [
    "SPACINGS",
    "TOLERANCE",
    "Geometry",
    "check_axes",
    "check_grid",
    "no_place",
    "sheared",
    "times",
]

TOLERANCE = 1e-3
"""Two geometries are the same when spacing and origin differ by less than this many
millimetres and direction cosines by less than this: above the rounding of any format, below
what moves a voxel."""

SPACINGS = (1e-4, 100.0)
"""Millimetres between voxels: from a tenth of a micrometre to what no scanner steps."""

_LONGEST = 10_000.0  # mm along one axis: five patients

_SKEW = 1e-2  # cosine between two axes above which they are sheared: 1 mm aside in 100


@dataclass(frozen=True)
class Geometry:
    """Where a volume's voxels lie in the patient.

    Attributes:
        shape: Voxels along x, y, z (the file's axes).
        spacing: Millimetres between voxel centres along x, y, z.
        origin: Centre of the first voxel, in millimetres, LPS.
        direction: The axes' direction cosines, a 3 x 3 matrix row by row, LPS.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def differences(self, other: Geometry, tolerance: float = TOLERANCE) -> list[str]:
        """What differs from `other` by more than `tolerance`, a line each; empty if nothing.

        Args:
            other: The geometry to compare with.
            tolerance: Millimetres for spacing and origin; a plain number for the direction
                cosines. Shapes must be equal.
        """
        found = []
        if self.shape != other.shape:
            found.append(f"shape {times(self.shape)} and {times(other.shape)}")
        for name, unit in (("spacing", " mm"), ("origin", " mm"), ("direction", "")):
            mine, yours = getattr(self, name), getattr(other, name)
            gap = max(abs(a - b) for a, b in zip(mine, yours, strict=True))
            if not gap <= tolerance:
                found.append(
                    f"{name} {_numbers(mine)} and {_numbers(yours)} (up to {gap:.4g}{unit})"
                )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for JSON; :meth:`from_dict` takes them back."""
        return {
            "shape": list(self.shape),
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": list(self.direction),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Geometry:
        """The geometry that :meth:`to_dict` wrote, exactly."""
        x, y, z = (int(n) for n in values["shape"])
        sx, sy, sz = (float(n) for n in values["spacing"])
        ox, oy, oz = (float(n) for n in values["origin"])
        direction = tuple(float(n) for n in values["direction"])
        return cls((x, y, z), (sx, sy, sz), (ox, oy, oz), direction)


def check_grid(path: Path, geometry: Geometry, *, accept_sheared: bool = False) -> None:
    """Raise unless a geometry is that of a rectangular grid that a scanner could make.

    Args:
        path: The file, for the message.
        geometry: What its header says.
        accept_sheared: Whether its axes need not be at right angles.

    Raises:
        DataError: No voxels, a spacing or an extent that cannot be, or axes that are not
            finite, singular or sheared.
    """
    spacing = geometry.spacing
    if min(geometry.shape) < 1:
        raise DataError(
            f"{path} should hold voxels, but its shape is {times(geometry.shape)}.",
            remedy="Export the scan again.",
        )
    if not all(s > 0 and math.isfinite(s) for s in spacing):
        raise DataError(
            f"{path} should have a positive spacing, but has {_numbers(spacing)} mm.",
            remedy="Export the scan again with its voxel spacing.",
        )
    lengths = [n * s for n, s in zip(geometry.shape, spacing, strict=True)]
    if not (SPACINGS[0] <= min(spacing) and max(spacing) <= SPACINGS[1]) or (
        max(lengths) > _LONGEST
    ):
        raise DataError(
            f"{path} should have a spacing of {SPACINGS[0]:g} to {SPACINGS[1]:g} mm and be "
            f"no longer than {_LONGEST:,.0f} mm, but has {_numbers(spacing)} mm and "
            f"{times(geometry.shape)} voxels.",
            cause="the header is damaged, or counts in another unit than millimetres.",
            remedy="Export the scan again with its voxel spacing in millimetres.",
        )
    if not all(map(math.isfinite, geometry.origin)):
        raise DataError(
            f"{path} should say where it begins, but its origin is "
            f"{_numbers(geometry.origin)} mm.",
            remedy="Export the scan again with its position.",
        )
    axes = [geometry.direction[axis::3] for axis in range(3)]
    check_axes(axes, path, accept_sheared=accept_sheared)


def check_axes(
    axes: Sequence[Sequence[float]], path: Path, *, accept_sheared: bool = False
) -> bool:
    """Raise unless three axes, in any unit, are finite and at right angles to each other.

    Args:
        axes: The step from voxel to voxel along each axis: three vectors of three numbers.
        path: The file, for the message.
        accept_sheared: Whether right angles do not matter.

    Returns:
        Whether they are sheared.

    Raises:
        DataError: They are not finite, singular or sheared. Turned (oblique) axes are fine.
    """
    if not all(math.isfinite(n) for axis in axes for n in axis):
        raise no_place(path, "has numbers that are not finite")
    lengths = [math.hypot(*axis) for axis in axes]
    if min(lengths) == 0 or max(lengths) > 1e6 * min(lengths):
        raise no_place(path, "is singular")
    units = [[n / length for n in axis] for axis, length in zip(axes, lengths, strict=True)]
    cosines = [
        abs(sum(a * b for a, b in zip(units[i], units[j], strict=True)))
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    if max(cosines) > 1 - _SKEW:
        raise no_place(path, "is singular")
    if max(cosines) > _SKEW and not accept_sheared:
        raise sheared(path)
    return max(cosines) > _SKEW


def sheared(path: Path) -> DataError:
    """What is said of axes that are not at right angles."""
    return DataError(
        f"{path} should have axes at right angles, but its affine is sheared.",
        cause="the scan was registered or tilted (gantry tilt) without resampling it.",
        remedy="Resample the scan and its label onto a rectangular grid, or let all such scans "
        "in as they are: --set data.accept_sheared=true (nextslice check: --accept-sheared; in "
        "Python: accept_sheared=True).",
    )


def no_place(path: Path, what: str, name: str = "affine") -> DataError:
    """What is said of an affine, or of a part of it, that places no voxel."""
    return DataError(
        f"{path} should say where its voxels lie, but its {name} {what}.",
        cause="the header is damaged, or was written by a faulty program.",
        remedy="Export the scan again with its position and its voxel spacing.",
    )


def times(shape: tuple[int, ...]) -> str:
    """A shape as people write it: 3 x 4 x 5."""
    return " x ".join(str(n) for n in shape)


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values) + ")"
