"""Is a file of voxels whole? Asked before anything trusts what it holds.

A .nii.gz that was cut short, a .nii with missing voxels and a .zraw with a flipped bit are all
read without an error by common readers, which fill the gap with zeros or with noise. So every
compressed stream is unpacked to its end here, checksum included, and every size is compared
with the one that the header promises.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nextslice.data.formats.nifti_header import (
    BEGIN,
    NiftiHeader,
    check_extensions,
    nifti_header,
)
from nextslice.data.formats.payload import find_payload
from nextslice.data.formats.streams import COPY_AGAIN, plain, unpacked
from nextslice.errors import DataError

__all__ = [
    "LARGEST",
    "NiftiFile",
    "NotFinite",
    "bound_voxels",
    "verify_nifti",
    "verify_whole",
]

LARGEST = 1 << 31
"""Bytes of voxels that one file may hold, where nobody says otherwise: 2 GiB."""

_LOOK_ON = 1 << 26  # bytes unpacked in search of a checksum once something is wrong


class NotFinite:
    """Where stored floating-point voxels are NaN or infinite, and which of these they are.

    Args:
        offset: Bytes before the first voxel.
        kind: The voxels' number type, or None for whole numbers, which are always finite.
    """

    def __init__(self, offset: int = 0, kind: str | None = None) -> None:
        self._places: list[np.ndarray[Any, np.dtype[np.intp]]] = []
        self._values: list[np.ndarray[Any, np.dtype[Any]]] = []
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
        if len(odd):
            self._places.append(odd + first)
            self._values.append(numbers[odd])

    def put_back(self, voxels: np.ndarray[Any, np.dtype[Any]]) -> None:
        """Write what was found where it was found, into voxels in the order of the file."""
        flat = voxels.reshape(-1)
        for places, values in zip(self._places, self._values, strict=True):
            flat[places] = values


@dataclass(frozen=True, eq=False)
class NiftiFile:
    """A NIfTI file that is whole.

    Attributes:
        header: What it promises, and holds.
        not_finite: The stored numbers that are NaN or infinite. ITK's reader puts 0 in their
            place without a word; with no other format does it.
        stored: The voxels as they are stored, before scaling, in the order of the file; None
            where one voxel is not one real number.
    """

    header: NiftiHeader
    not_finite: NotFinite
    stored: np.ndarray[Any, np.dtype[Any]] | None = None


def bound_voxels(path: Path, size: int, largest: int) -> None:
    """Raise if a header promises more than may be read; asked before anything is allocated.

    Args:
        path: The scan.
        size: Bytes of all voxels by its header.
        largest: The most that may be.

    Raises:
        DataError: It is too large.
    """
    if size > largest:
        raise DataError(
            f"{path} should hold {largest:,} bytes of voxels at most, but its header promises "
            f"{size:,}.",
            cause="the header is damaged or made to do harm; or the scan is very large.",
            remedy=f"{COPY_AGAIN} If it is sound, allow more memory: NEXTSLICE_SCAN_GB.",
        )


def verify_whole(path: Path, voxel_bytes: int) -> None:
    """Raise unless exactly the bytes that a MetaImage or NRRD header promises are there.

    Args:
        path: A scan in any format but NIfTI, for which :func:`verify_nifti` is.
        voxel_bytes: The size of all voxels by the header.

    Raises:
        DataError: The file is cut short, too long or damaged.
    """
    payload = find_payload(path)
    if not payload.file.is_file():
        raise DataError(
            f"{path} keeps its voxels in {payload.file.name}, which is not beside it.",
            cause="the header was moved or renamed without its data file.",
            remedy=f"Put {payload.file.name} into {path.parent}.",
        )
    with payload.file.open("rb") as stream:
        stream.seek(payload.offset)
        blocks = unpacked(stream, payload.file) if payload.compressed else plain(stream)
        found = _count(blocks, voxel_bytes, _pass_by, payload.compressed)
    if found != voxel_bytes:
        raise _wrong_size(payload.file, voxel_bytes, found, payload.compressed)


def verify_nifti(
    path: Path, largest: int = LARGEST, *, accept_sheared: bool = False
) -> NiftiFile:
    """Raise unless all the bytes that a NIfTI header promises are there, unharmed.

    The header is read here, without a library, so that a damaged stream is told from a file
    of another kind. Its voxels may be stored in a smaller type than they are read in.

    Args:
        path: The scan.
        largest: Bytes of voxels that it may hold.
        accept_sheared: Whether its axes need not be at right angles.

    Raises:
        DataError: The file is cut short, too long, too large or damaged, or is no NIfTI-1.
        MemoryError: Its voxels do not fit into the memory there is.
    """
    compressed = path.name.lower().endswith(".gz")
    with path.open("rb") as stream:
        blocks = unpacked(stream, path) if compressed else plain(stream)
        first = _first(blocks, BEGIN)
        try:
            header = nifti_header(first, path, accept_sheared=accept_sheared)
        except DataError:
            # If a checksum fails further on, the header is not to blame, and that is said.
            _count(blocks, 0, _pass_by, compressed)
            raise
        bound_voxels(path, header.size - header.offset, largest)
        first += _first(blocks, header.offset - len(first))
        not_finite, content = NotFinite(header.offset, header.floats), bytearray()

        def look(block: bytes, begin: int) -> None:
            not_finite.look_at(block, begin)
            content.extend(block)

        found = _count(itertools.chain([first], blocks), header.size, look, compressed)
    if found != header.size:
        raise _wrong_size(path, header.size, found, compressed)
    check_extensions(first, header, path)
    if header.kind is None:
        return NiftiFile(header, not_finite)
    voxels = np.frombuffer(content, header.kind, offset=header.offset)
    native = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
    return NiftiFile(header, not_finite, native)


def _first(blocks: Iterator[bytes], least: int) -> bytes:
    """The next bytes, so many at least if there are; blocks may be small."""
    found = [b""]
    while least > 0 and (block := next(blocks, b"")):
        found.append(block)
        least -= len(block)
    return b"".join(found)


def _pass_by(block: bytes, begin: int) -> None:
    """Look at nothing."""


def _count(
    blocks: Iterator[bytes],
    promised: int,
    look: Callable[[bytes, int], object],
    compressed: bool,
) -> int:
    found = 0
    for block in blocks:
        if found < promised:
            look(block, found)
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
