"""Is a file of voxels whole? Asked before anything trusts what it holds.

A .nii.gz that was cut short, a .nii with missing voxels and a .zraw with a flipped bit are all
read without an error by common readers, which fill the gap with zeros or with noise. So every
compressed stream is unpacked to its end here, checksum included, and every size is compared
with the one that the header promises.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextslice.data.streams import COPY_AGAIN, plain, unpacked
from nextslice.errors import DataError

__all__ = [
    "NotFinite",
    "Payload",
    "files_of",
    "find_payload",
    "is_nifti",
    "verify_nifti",
    "verify_whole",
]

_LARGEST_TEXT_HEADER = 1 << 16
_LOOK_ON = 1 << 30  # bytes unpacked in search of a checksum once something is wrong


@dataclass(frozen=True)
class Payload:
    """Where a scan's voxels lie.

    Attributes:
        file: The file that holds them: the scan itself, or a .raw or .zraw beside its header.
        offset: Bytes before the voxels (0 for NIfTI, whose header is counted with them).
        compressed: Whether they are a gzip or zlib stream.
        sized: Whether a size can be foretold (not for voxels written out as text).
    """

    file: Path
    offset: int = 0
    compressed: bool = False
    sized: bool = True


class NotFinite:
    """Where stored floating-point voxels are NaN or infinite, and which of these they are.

    Args:
        offset: Bytes before the first voxel.
        kind: The voxels' number type, or None for whole numbers, which are always finite.

    Attributes:
        places: Positions of the voxels in the file, from 0.
        values: What is there.
    """

    def __init__(self, offset: int = 0, kind: str | None = None) -> None:
        self.places: list[int] = []
        self.values: list[float] = []
        self._offset = offset
        self._kind = np.dtype(kind) if kind else None
        self._rest = b""

    def look_at(self, block: bytes, begin: int) -> None:
        """Take in the file's next bytes, which begin at byte `begin`."""
        if self._kind is None:
            return
        content = self._rest + block[max(self._offset - begin, 0) :]
        first = (
            max(begin, self._offset) - self._offset - len(self._rest)
        ) // self._kind.itemsize
        whole = len(content) // self._kind.itemsize * self._kind.itemsize
        self._rest = content[whole:]
        numbers = np.frombuffer(content[:whole], self._kind)
        (odd,) = np.nonzero(~np.isfinite(numbers))
        self.places += (odd + first).tolist()
        self.values += numbers[odd].tolist()


def verify_whole(path: Path, voxel_bytes: int) -> None:
    """Raise unless all the bytes that a MetaImage or NRRD header promises are there, unharmed.

    Args:
        path: A scan in any format but NIfTI, for which :func:`verify_nifti` is.
        voxel_bytes: The size of all voxels by the header.

    Raises:
        DataError: The file is cut short, too long or damaged.
    """
    payload = find_payload(path)
    if not payload.sized:
        return
    if not payload.file.is_file():
        raise DataError(
            f"{path} keeps its voxels in {payload.file.name}, which is not beside it.",
            cause="the header was moved or renamed without its data file.",
            remedy=f"Put {payload.file.name} into {path.parent}.",
        )
    with payload.file.open("rb") as stream:
        stream.seek(payload.offset)
        blocks = unpacked(stream, payload.file) if payload.compressed else plain(stream)
        found = _count(blocks, voxel_bytes, NotFinite(), payload.compressed)
    # Raw data files may carry a header of their own in front, so they may be longer.
    if found < voxel_bytes or (found > voxel_bytes and payload.compressed):
        raise _wrong_size(payload.file, voxel_bytes, found, payload.compressed)


def verify_nifti(path: Path) -> NotFinite:
    """Raise unless all the bytes that a NIfTI header promises are there, unharmed.

    The header is read here, without a library, so that a damaged stream is told from a file
    of another kind. Its voxels may be stored in a smaller type than they are read in.

    Returns:
        The stored numbers that are NaN or infinite. ITK's reader puts 0 in their place
        without a word; with no other format does it.

    Raises:
        DataError: The file is cut short, too long or damaged, or is no NIfTI-1.
    """
    compressed = path.name.lower().endswith(".gz")
    with path.open("rb") as stream:
        blocks = unpacked(stream, path) if compressed else plain(stream)
        first = next(blocks, b"")
        try:
            header = _nifti_header(first, path)
        except DataError:
            # If a checksum fails further on, the header is not to blame, and that is said.
            _count(blocks, 0, NotFinite(), compressed)
            raise
        not_finite = NotFinite(header.offset, header.floats)
        found = _count(itertools.chain([first], blocks), header.size, not_finite, compressed)
    if found != header.size:
        raise _wrong_size(path, header.size, found, compressed)
    return not_finite


def is_nifti(path: Path) -> bool:
    """Whether a file is NIfTI by its name."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def _count(
    blocks: Iterator[bytes], promised: int, not_finite: NotFinite, compressed: bool
) -> int:
    found = 0
    for block in blocks:
        if found < promised:
            not_finite.look_at(block, found)
        found += len(block)
        # Too much may be the mark of damage that the checksum will prove, so go on for a
        # while; but a stream made to swell stops here.
        if found > promised + (_LOOK_ON if compressed else 0):
            break
    return found


def _wrong_size(path: Path, promised: int, found: int, compressed: bool) -> DataError:
    holds = f"more than {promised:,}" if found > promised else f"{found:,}"
    return DataError(
        f"{path} should hold {promised:,} bytes by its header"
        f"{' (unpacked)' if compressed else ''}, but holds {holds}.",
        cause="the file was cut short while it was copied, or its header was changed.",
        remedy=COPY_AGAIN,
    )


def files_of(path: Path) -> tuple[Path, ...]:
    """All files that a scan consists of: itself, and its data file where that is another."""
    try:
        other = find_payload(path).file
    except (DataError, OSError):
        return (path,)
    return (path,) if other == path else (path, other)


def find_payload(path: Path) -> Payload:
    """Where the voxels of a scan lie, by the first lines of its file.

    Raises:
        DataError: The header names a data file outside its own folder, or more than one.
    """
    name = path.name.lower()
    if is_nifti(path):
        return Payload(path, compressed=name.endswith(".gz"))
    with path.open("rb") as stream:
        text = stream.read(_LARGEST_TEXT_HEADER)
    if name.endswith((".mhd", ".mha")):
        return _meta_image(path, text)
    return _nrrd(path, text)


def _meta_image(path: Path, text: bytes) -> Payload:
    fields: dict[bytes, bytes] = {}
    offset = 0
    for line in text.splitlines(keepends=True):
        offset += len(line)
        key, _, value = line.partition(b"=")
        fields[key.strip().lower()] = value.strip()
        if key.strip().lower() == b"elementdatafile":  # by the format's rule the last one
            break
    target = fields.get(b"elementdatafile", b"").decode("utf-8", "replace")
    compressed = fields.get(b"compresseddata", b"").lower() == b"true"
    sized = fields.get(b"binarydata", b"true").lower() == b"true"
    if target.upper() == "LOCAL":
        return Payload(path, offset, compressed, sized)
    return Payload(_beside(path, target), 0, compressed, sized)


def _nrrd(path: Path, text: bytes) -> Payload:
    fields: dict[bytes, bytes] = {}
    offset = 0
    for line in text.splitlines(keepends=True):
        offset += len(line)
        if not line.strip():
            break
        key, _, value = line.partition(b":")
        fields[key.strip().lower().replace(b" ", b"")] = value.strip()
    encoding = fields.get(b"encoding", b"raw").lower()
    compressed = encoding in {b"gz", b"gzip"}
    sized = compressed or encoding == b"raw"
    if b"datafile" not in fields:
        return Payload(path, offset, compressed, sized)
    target = fields[b"datafile"].decode("utf-8", "replace")
    return Payload(_beside(path, target), 0, compressed, sized)


def _beside(path: Path, target: str) -> Path:
    relative = Path(target)
    several = not target or "%" in target or target.upper().startswith("LIST")
    if several or relative.is_absolute() or ".." in relative.parts:
        raise DataError(
            f"{path} should name one data file in its own folder, but names {target!r}.",
            remedy="Convert the scan to a single file (.nii.gz, .mha or .nrrd).",
        )
    return path.parent / relative


@dataclass(frozen=True)
class _NiftiHeader:
    size: int
    offset: int
    floats: str | None


def _nifti_header(start: bytes, path: Path) -> _NiftiHeader:
    """What a NIfTI-1 header promises: voxel offset + voxels x bits / 8 bytes."""
    for order in "<>":
        if len(start) >= 4 and struct.unpack_from(f"{order}i", start)[0] == 540:
            raise DataError(
                f"{path} is a NIfTI-2 file; NIfTI-1 was expected.",
                remedy="Convert it to NIfTI-1, .mha or .nrrd.",
            )
        if len(start) < 348 or struct.unpack_from(f"{order}i", start)[0] != 348:
            continue
        count, *dimensions = struct.unpack_from(f"{order}8h", start, 40)
        kind, bits = struct.unpack_from(f"{order}2h", start, 70)
        offset = struct.unpack_from(f"{order}f", start, 108)[0]
        if 1 <= count <= 7 and min(dimensions[:count]) >= 1 and math.isfinite(offset):
            begin = max(int(offset), 352)
            size = begin + math.prod(dimensions[:count]) * bits // 8
            floats = {16: "f4", 64: "f8"}.get(kind)
            return _NiftiHeader(int(size), begin, floats and order + floats)
    raise DataError(
        f"{path} does not begin with a valid NIfTI header.",
        cause="the file is of another kind than its name says, or it is damaged.",
        remedy=COPY_AGAIN,
    )
