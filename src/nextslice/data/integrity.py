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
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from nextslice.errors import DataError

__all__ = ["NotFinite", "Payload", "files_of", "find_payload", "verify_whole"]

_BLOCK = 1 << 18
_LARGEST_TEXT_HEADER = 1 << 16
_COPY_AGAIN = "Copy or download the file again from its source, or export it again."


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


def verify_whole(path: Path, voxel_bytes: int) -> NotFinite:
    """Raise unless all the bytes that a scan's header promises are there and undamaged.

    Args:
        path: A scan in any format that :func:`nextslice.data.readers.read_volume` reads.
        voxel_bytes: The size of all voxels by the header. NIfTI's own header is used instead,
            because its voxels may be stored in a smaller type than they are read in.

    Returns:
        The stored numbers of a NIfTI file that are NaN or infinite. ITK's reader puts 0 in
        their place without a word; no other format does.

    Raises:
        DataError: The file is cut short, too long or damaged.
    """
    payload = find_payload(path)
    if not payload.sized:
        return NotFinite()
    if not payload.file.is_file():
        raise DataError(
            f"{path} keeps its voxels in {payload.file.name}, which is not beside it.",
            cause="The header was moved or renamed without its data file.",
            remedy=f"Put {payload.file.name} into {path.parent}.",
        )
    is_nifti = _is_nifti(path)
    not_finite = NotFinite()
    with payload.file.open("rb") as stream:
        stream.seek(payload.offset)
        blocks = _unpacked(stream, payload.file) if payload.compressed else _plain(stream)
        first = next(blocks, b"")
        promised = voxel_bytes
        if is_nifti:
            header = _nifti_header(first, path)
            promised, not_finite = header.size, NotFinite(header.offset, header.floats)
        found = 0
        for block in itertools.chain([first], blocks):
            not_finite.look_at(block, found)
            found += len(block)
            if found > promised and payload.compressed:
                break  # enough is known, and a stream made to swell stops here
    # Raw data files may carry a header of their own in front, so they may be longer.
    if found < promised or (found > promised and (is_nifti or payload.compressed)):
        more = "more than " if found > promised else ""
        raise DataError(
            f"{payload.file} should hold {promised:,} bytes by its header"
            f"{' (unpacked)' if payload.compressed else ''}, but holds {more}"
            f"{promised if more else found:,}.",
            cause="The file was cut short while it was copied, or its header was changed.",
            remedy=_COPY_AGAIN,
        )
    return not_finite


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
    if _is_nifti(path):
        return Payload(path, compressed=name.endswith(".gz"))
    with path.open("rb") as stream:
        text = stream.read(_LARGEST_TEXT_HEADER)
    if name.endswith((".mhd", ".mha")):
        return _meta_image(path, text)
    return _nrrd(path, text)


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))


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


def _plain(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block


def _unpacked(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    """Unpack gzip or zlib to the end of the file; members may follow each other."""
    waiting = stream.read(_BLOCK)
    try:
        while waiting:
            member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: either kind of header
            while waiting and not member.eof:
                if block := member.decompress(waiting):
                    yield block
                waiting = member.unused_data or stream.read(_BLOCK)
            if not member.eof:
                raise zlib.error("the stream ends before its checksum")
            while waiting and not waiting.strip(b"\0"):  # tapes pad with zeros
                waiting = stream.read(_BLOCK)
    except zlib.error as error:
        raise DataError(
            f"{path} is damaged: its compressed data cannot be unpacked to the end ({error}).",
            cause="The file was cut short or changed while it was copied.",
            remedy=_COPY_AGAIN,
        ) from error


@dataclass(frozen=True)
class _NiftiHeader:
    size: int
    offset: int
    floats: str | None


def _nifti_header(start: bytes, path: Path) -> _NiftiHeader:
    """What a NIfTI-1 header promises: voxel offset + voxels x bits / 8 bytes."""
    for order in "<>":
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
        cause="The file is of another kind than its name says, or it is damaged.",
        remedy=_COPY_AGAIN,
    )
