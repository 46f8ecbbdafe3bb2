"""What a NIfTI-1 header promises, read without a library and believed in nothing.

The fields are those of nifti1.h (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from nextslice.data.geometry import check_axes, no_place
from nextslice.data.streams import COPY_AGAIN
from nextslice.errors import DataError

__all__ = ["NiftiHeader", "nifti_header"]

_HEADER = 348
_BEGIN = 352  # voxels begin here at the earliest

_BITS = {
    2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32,
    1024: 64, 1280: 64, 1536: 128, 1792: 128, 2048: 256, 2304: 32,
}  # fmt: skip
"""The size of a voxel of each number type; single bits (1) are no whole bytes."""

_FLOATS = {16: "f4", 64: "f8"}


@dataclass(frozen=True)
class NiftiHeader:
    """What is promised.

    Attributes:
        size: Bytes of the whole file, unpacked.
        offset: Bytes before the voxels.
        floats: numpy's name of the voxels' type where they are floating-point numbers.
    """

    size: int
    offset: int
    floats: str | None


def nifti_header(start: bytes, path: Path) -> NiftiHeader:
    """Read the header at the beginning of a file.

    Args:
        start: The file's first bytes, unpacked; 348 at least.
        path: The file, for messages.

    Raises:
        DataError: It is no NIfTI-1 header of a single file, or what it promises cannot be:
            sizes that are not positive, a voxel's size that is not its type's, or a geometry
            that is not finite, singular or sheared.
    """
    order = _byte_order(start, path)
    if start[344:348] != b"n+1\0":
        raise DataError(
            f"{path} should hold header and voxels in one file (magic 'n+1'), but its magic is "
            f"{start[344:348]!r}.",
            cause="it is the .hdr of a pair of files, or of the older Analyze format.",
            remedy="Convert the scan to a single .nii.gz.",
        )
    count, *dimensions = struct.unpack_from(f"{order}8h", start, 40)
    if not 1 <= count <= 7 or min(dimensions[:count]) < 1:
        shown = " x ".join(str(n) for n in dimensions[: max(1, min(count, 7))])
        raise _impossible(path, f"{count} dimensions of {shown} voxels")
    kind, bits = struct.unpack_from(f"{order}2h", start, 70)
    if _BITS.get(kind) != bits:
        raise _impossible(path, f"voxels of type {kind} with {bits} bits")
    (offset,) = struct.unpack_from(f"{order}f", start, 108)
    if not math.isfinite(offset):
        raise _impossible(path, f"voxels at byte {offset}")
    slope, intercept = struct.unpack_from(f"{order}2f", start, 112)
    # A slope that is not a number says that there is none, in nibabel's way.
    if not math.isnan(slope) and not (math.isfinite(slope) and math.isfinite(intercept)):
        raise _impossible(path, f"voxels rescaled by {slope:g} and {intercept:g}")
    _check_forms(start, order, path)
    begin = max(int(offset), _BEGIN)
    size = begin + math.prod(dimensions[:count]) * bits // 8
    floats = _FLOATS.get(kind)
    return NiftiHeader(size, begin, floats and order + floats)


def _byte_order(start: bytes, path: Path) -> str:
    for order in "<>":
        length = struct.unpack_from(f"{order}i", start)[0] if len(start) >= 4 else 0
        if length == 540:
            raise DataError(
                f"{path} is a NIfTI-2 file; NIfTI-1 was expected.",
                remedy="Convert it to NIfTI-1, .mha or .nrrd.",
            )
        if length == _HEADER and len(start) >= _HEADER:
            return order
    raise DataError(
        f"{path} does not begin with a valid NIfTI header.",
        cause="the file is of another kind than its name says, or it is damaged.",
        remedy=COPY_AGAIN,
    )


def _check_forms(start: bytes, order: str, path: Path) -> None:
    """The two ways to say where voxels lie, each where its code says that it is there."""
    pixels = struct.unpack_from(f"{order}8f", start, 76)
    by_quaternion, by_rows = struct.unpack_from(f"{order}2h", start, 252)
    quaternion = struct.unpack_from(f"{order}6f", start, 256)
    rows = struct.unpack_from(f"{order}12f", start, 280)
    given = pixels[:4]
    given += quaternion if by_quaternion > 0 else ()
    given += rows if by_rows > 0 else ()
    if not all(map(math.isfinite, given)):
        raise no_place(path, "has numbers that are not finite")
    if by_quaternion > 0 and sum(q * q for q in quaternion[:3]) > 1.001:
        raise no_place(path, "turns by a quaternion longer than 1")
    if by_rows > 0:
        check_axes([rows[axis::4] for axis in range(3)], path)


def _impossible(path: Path, what: str) -> DataError:
    return DataError(
        f"{path} has a header that cannot be right: {what}.",
        cause="the header is damaged, or was written by a faulty program.",
        remedy=COPY_AGAIN,
    )
