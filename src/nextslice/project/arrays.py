"""Arrays from a project's files, read strictly: they may be damaged, or made by somebody else.

How large an array is stands in its header, and is held against its file and against what is
expected before any memory is taken. Headers are read as numpy writes them and no other way.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from nextslice.plain_files import open_plain

__all__ = [
    "MOST_PIXELS",
    "ArrayHeader",
    "Fits",
    "Source",
    "array_pieces",
    "parse_array",
    "read_arrays",
]

MOST_PIXELS: Final = 2**26
"""Of a slice."""


_MAGIC: Final = b"\x93NUMPY\x01\x00"
_HEADER: Final = re.compile(
    r"\{'descr': '([<|](?:[iuf][1248]|U[0-9]{1,5}))', 'fortran_order': (True|False), "
    r"'shape': (\([0-9, ]{0,80}\)), \} *\n"
)
_PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_PIECE: Final = 2**20
# What zipfile says of files that are no whole archives; NotImplementedError is among the
# RuntimeErrors.
_BROKEN: Final = (
    OSError,
    EOFError,
    KeyError,
    OverflowError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class ArrayHeader:
    """What an array's file says of it.

    Attributes:
        dtype: Of its values: whole or floating numbers, or texts.
        shape: Of it.
        in_columns: Whether its first index runs fastest.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    in_columns: bool

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


Fits = Callable[[ArrayHeader], bool]
"""Whether an array is one that is expected."""


Source = Path | bytes
"""A file, or the bytes of one."""


def parse_array(content: bytes, fits: Fits) -> np.ndarray:
    """The array in the bytes of a ``.npy`` file.

    Raises:
        ValueError: It is damaged, or not what is expected.
    """
    stream = io.BytesIO(content)
    header = _header(stream, len(content), fits)
    return _array(header, stream.read())


def read_arrays(source: Source, wanted: Mapping[str, Fits]) -> dict[str, np.ndarray]:
    """The arrays in a ``.npz`` file, by their names.

    Args:
        source: The file.
        wanted: Name -> what fits; these arrays and no others must be there.

    Raises:
        ValueError: It is missing, damaged or not what is expected.
    """
    return {
        name: _array(header, stream.read(header.size))
        for name, header, stream in _members(source, wanted)
    }


def array_pieces(
    source: Source, wanted: Mapping[str, Fits]
) -> Iterator[tuple[str, np.ndarray]]:
    """Read a ``.npz`` file as :func:`read_arrays` does, a little at a time.

    Yields:
        The name of an array, and some of its values in the order of the file; at least once
        for each array.

    Raises:
        ValueError: See there.
    """
    for name, header, stream in _members(source, wanted):
        left = header.size
        while True:
            piece = stream.read(min(left, _PIECE - _PIECE % (header.dtype.itemsize or 1)))
            yield name, np.frombuffer(piece, header.dtype)
            left -= len(piece)
            if not left:
                break
            if not piece:
                raise ValueError(f"{name} ends early")


def _members(
    source: Source, wanted: Mapping[str, Fits]
) -> Iterator[tuple[str, ArrayHeader, IO[bytes]]]:
    try:
        with _opened(source) as file, zipfile.ZipFile(file) as archive:
            found = archive.infolist()
            if sorted(info.filename for info in found) != sorted(f"{n}.npy" for n in wanted):
                raise ValueError("it holds other arrays than it should")
            for info in found:
                if info.compress_type not in _PACKED or info.flag_bits & _ENCRYPTED:
                    raise ValueError("it is packed in a way that none of ours is")
                name = info.filename.removesuffix(".npy")
                # zipfile unpacks no more than the size that it is told here.
                with archive.open(info) as stream:
                    yield name, _header(stream, info.file_size, wanted[name]), stream
    except _BROKEN as error:
        raise ValueError(f"it is damaged: {error}") from error


def _opened(source: Source) -> IO[bytes]:
    return open_plain(source) if isinstance(source, Path) else io.BytesIO(source)


def _header(stream: IO[bytes], size: int, fits: Fits) -> ArrayHeader:
    start = stream.read(len(_MAGIC) + 2)
    length = int.from_bytes(start[len(_MAGIC) :], "little")
    found = _HEADER.fullmatch(stream.read(length).decode("latin-1"))
    if not start.startswith(_MAGIC) or found is None:
        raise ValueError("there is no header of an array")
    dtype, in_columns, written = found.groups()
    shape = tuple(int(count) for count in re.findall(r"[0-9]+", written))
    header = ArrayHeader(np.dtype(dtype), shape, in_columns == "True")
    if repr(shape) != written or len(start) + length + header.size != size:
        raise ValueError(f"an array of shape {written:.80} does not fill {size:,} bytes")
    if not fits(header):
        raise ValueError(f"an array of {dtype} and shape {written} is not expected")
    return header


def _array(header: ArrayHeader, values: bytes) -> np.ndarray:
    if len(values) != header.size:
        raise ValueError("an array ends early")
    flat = np.frombuffer(bytearray(values), header.dtype)
    return flat.reshape(header.shape, order="F" if header.in_columns else "C")
