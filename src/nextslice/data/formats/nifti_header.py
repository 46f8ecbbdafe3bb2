"""What a NIfTI-1 header promises, read without a library and believed in nothing.

The fields are those of nifti1.h (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h).
"""

from __future__ import annotations

import math
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nextslice.data.formats.streams import COPY_AGAIN
from nextslice.data.geometry import Geometry, check_axes, no_place
from nextslice.errors import DataError

__all__ = ["BEGIN", "NiftiFields", "NiftiHeader", "check_extensions", "nifti_header"]

BEGIN = 352
"""Voxels begin here at the earliest; the last 4 bytes before say whether extensions follow."""

_HEADER = 348
_LATEST = 1 << 26  # voxels begin here at the latest: extensions of 64 MiB are rich ones
_LEAST_EXTENSION = 16

_BITS = {
    2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32,
    1024: 64, 1280: 64, 1536: 128, 1792: 128, 2048: 256, 2304: 32,
}  # fmt: skip
"""The size of a voxel of each number type; single bits (1) are no whole bytes."""

_KINDS = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8",
    256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
"""numpy's names of those that are one real number."""

_ROUNDED = 1e-2
"""Of a length, by which two spacings of one header may differ: some are written rounded."""

_MILLIMETRES = {1: 1000.0, 3: 0.001}
"""Of the units of length that are not millimetres."""


@dataclass(frozen=True)
class NiftiFields:
    """Where voxels lie and what they mean, number for number as a header has it.

    Attributes:
        qform: Code of the position by quaternion; 0 where it does not count.
        sform: Code of the position by rows; 0 where it does not count.
        unit: The bits of ``xyzt_units`` that are the unit of length.
        pixdim: The first four of them: handedness and spacing.
        quaternion: ``quatern_b`` to ``quatern_d`` and ``qoffset_x`` to ``qoffset_z``.
        rows: ``srow_x``, ``srow_y`` and ``srow_z``.
        slope: An intensity is ``slope * voxel + intercept``; 1 where the header has none.
        intercept: See `slope`.
    """

    qform: int
    sform: int
    unit: int
    pixdim: tuple[float, ...]
    quaternion: tuple[float, ...]
    rows: tuple[float, ...]
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def scaled(self) -> bool:
        """Whether intensities are other numbers than voxels."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    def by_rows(self, shape: tuple[int, int, int]) -> Geometry:
        """The grid that the rows place, sheared or not."""
        unit = _MILLIMETRES.get(self.unit, 1.0)
        to_lps = (-unit, -unit, unit)
        rows = [[n * way for n in self.rows[4 * i :][:4]] for i, way in enumerate(to_lps)]
        sx, sy, sz = (math.hypot(*(row[axis] for row in rows)) for axis in range(3))
        steps = (sx, sy, sz)
        direction = tuple(n / s for row in rows for n, s in zip(row[:3], steps, strict=True))
        return Geometry(shape, (sx, sy, sz), (rows[0][3], rows[1][3], rows[2][3]), direction)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; :meth:`from_dict` takes them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NiftiFields:
        """The fields that :meth:`to_dict` wrote.

        Raises:
            ValueError: They are not as many numbers as a header has.
        """
        qform, sform, unit = (int(values[name]) for name in ("qform", "sform", "unit"))
        names = ("pixdim", "quaternion", "rows")
        pixdim, quaternion, rows = (tuple(map(float, values[name])) for name in names)
        if (len(pixdim), len(quaternion), len(rows)) != (4, 6, 12):
            raise ValueError("not the numbers of a NIfTI header")
        scaling = float(values["slope"]), float(values["intercept"])
        return cls(qform, sform, unit, pixdim, quaternion, rows, *scaling)


@dataclass(frozen=True)
class NiftiHeader:
    """What is promised.

    Attributes:
        size: Bytes of the whole file, unpacked.
        offset: Bytes before the voxels.
        order: "<" or ">", the order of the bytes of a number.
        kind: numpy's name of the voxels' type with its order, where each is one real number.
        extended: Whether there are extensions before the voxels.
        shape: Voxels along each axis, three axes at least.
        sheared: Whether the axes are not at right angles; the rows then place the voxels.
        fields: Where the voxels lie and what they mean.
    """

    size: int
    offset: int
    order: str
    kind: str | None
    extended: bool
    shape: tuple[int, ...]
    sheared: bool
    fields: NiftiFields

    @property
    def floats(self) -> str | None:
        """The voxels' type where they are floating-point numbers."""
        return self.kind if self.kind and self.kind[1] == "f" else None


def nifti_header(start: bytes, path: Path, *, accept_sheared: bool = False) -> NiftiHeader:
    """Read the header at the beginning of a file.

    Args:
        start: The file's first bytes, unpacked; 352 if it has as many.
        path: The file, for messages.
        accept_sheared: Whether its axes need not be at right angles.

    Raises:
        DataError: It is no NIfTI-1 header of a single file, or what it promises cannot be:
            sizes that are not positive, a voxel's size that is not its type's, voxels that
            begin within the header or nowhere near it, or a geometry that is not finite,
            singular or sheared, or has two spacings.
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
    # Of voxels that begin earlier, ITK's reader takes 4 bytes of the header for the first.
    if not (BEGIN <= offset <= _LATEST and offset == int(offset)):
        raise _impossible(path, f"voxels at byte {offset:g}")
    slope, intercept = struct.unpack_from(f"{order}2f", start, 112)
    # A slope that is not a number says that there is none, in nibabel's way.
    if not math.isnan(slope) and not (math.isfinite(slope) and math.isfinite(intercept)):
        raise _impossible(path, f"voxels rescaled by {slope:g} and {intercept:g}")
    sheared = _check_forms(start, order, path, accept_sheared)
    shape = [*dimensions[:count], 1, 1][: max(3, count)]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    begin = int(offset)
    numbers = _KINDS.get(kind)
    scaled = math.isfinite(slope) and slope != 0  # else voxels mean what they are
    qform, sform = struct.unpack_from(f"{order}2h", start, 252)
    return NiftiHeader(
        size=begin + math.prod(dimensions[:count]) * bits // 8,
        offset=begin,
        order=order,
        kind=numbers and order + numbers,
        shape=tuple(shape),
        sheared=sheared,
        extended=len(start) > _HEADER and start[_HEADER] != 0,
        fields=NiftiFields(
            qform,
            sform,
            start[123] & 0x07,
            struct.unpack_from(f"{order}4f", start, 76),
            struct.unpack_from(f"{order}6f", start, 256),
            struct.unpack_from(f"{order}12f", start, 280),
            *((slope, intercept) if scaled else ()),
        ),
    )


def check_extensions(start: bytes, header: NiftiHeader, path: Path) -> None:
    """Raise unless the extensions before the voxels are as long as they say.

    Args:
        start: The file's bytes up to its voxels.
        header: Of this file.
        path: The file, for messages.

    Raises:
        DataError: One of them would not end before the voxels, or has no length.
    """
    place = BEGIN
    # Zeros at the end are room that a writer left.
    while header.extended and any(start[place : header.offset]):
        size, _ = struct.unpack_from(f"{header.order}2i", start.ljust(place + 8, b"\0"), place)
        if not _LEAST_EXTENSION <= size <= header.offset - place:
            raise _impossible(path, f"an extension of {size:,} bytes")
        place += size


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


def _check_forms(start: bytes, order: str, path: Path, accept_sheared: bool) -> bool:
    """The two ways to say where voxels lie, each where its code says that it is there.

    Returns:
        Whether the rows are there, and sheared.
    """
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
    (count,) = struct.unpack_from(f"{order}h", start, 40)
    steps = pixels[1:4][:count]
    if 0 in steps:  # ITK would take 1 for it
        raise no_place(path, "has a voxel spacing (pixdim) of 0")
    if by_rows <= 0:
        return False
    axes = [rows[axis::4] for axis in range(3)]
    if check_axes(axes, path, accept_sheared=accept_sheared):
        return True
    # Where the rows place the voxels, ITK takes directions alone from them.
    if by_rows == 1 or by_quaternion <= 0:
        lengths = [math.hypot(*axis) for axis in axes]
        if any(abs(a - b) > _ROUNDED * a for a, b in zip(lengths, steps, strict=False)):
            raise no_place(path, "has another voxel spacing than its pixdim")
    return False


def _impossible(path: Path, what: str) -> DataError:
    return DataError(
        f"{path} has a header that cannot be right: {what}.",
        cause="the header is damaged, or was written by a faulty program.",
        remedy=COPY_AGAIN,
    )
