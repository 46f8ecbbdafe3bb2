"""Plain values and arrays between two processes, as bytes; nothing is unpickled.

One frame: 8 bytes that say how long the text is, the text (JSON), the bytes of each array that
it describes. Whoever reads believes nothing: kinds, shapes and lengths are checked first.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

import numpy as np

__all__ = ["FrameError", "read_frame", "write_frame"]

_LENGTH: Final = struct.Struct("<Q")
_LONGEST_TEXT: Final = 1 << 20  # what is said of one case
_MOST_ARRAYS: Final = 8
_KINDS: Final = frozenset(
    ["|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"]
)

Array = np.ndarray[Any, np.dtype[Any]]


class FrameError(ValueError):
    """What came is no frame, or ends in the middle of one."""


def write_frame(stream: IO[bytes], values: Mapping[str, Any], arrays: Sequence[Array]) -> None:
    """Write values that JSON can hold, and arrays of numbers in C order."""
    described = [[array.dtype.str, list(array.shape)] for array in arrays]
    text = json.dumps({"values": dict(values), "arrays": described}).encode()
    stream.write(_LENGTH.pack(len(text)))
    stream.write(text)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).data)
    stream.flush()


def read_frame(stream: IO[bytes], largest: int) -> tuple[dict[str, Any], list[Array]] | None:
    """Read the next frame.

    Args:
        stream: Where it comes from.
        largest: Bytes that all arrays together may have.

    Returns:
        Values and arrays, or None where the stream has ended.

    Raises:
        FrameError: It is no frame, or larger than it may be.
        MemoryError: It may be as large as it is, but there is not as much memory.
    """
    begin = stream.read(_LENGTH.size)
    if not begin:
        return None
    if len(begin) < _LENGTH.size:
        raise FrameError("the stream ends in the middle of a frame")
    (length,) = _LENGTH.unpack(begin)
    if length > _LONGEST_TEXT:
        raise FrameError(f"a text of {length:,} bytes")
    try:
        text = bytearray(length)
        _fill(stream, memoryview(text))
        content = json.loads(text)
        values, described = content["values"], content["arrays"]
        if len(described) > _MOST_ARRAYS:
            raise FrameError(f"{len(described):,} arrays")
        arrays = []
        for kind, shape in described:
            arrays.append(_array(stream, kind, shape, largest))
            largest -= arrays[-1].nbytes
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise FrameError(f"not a frame: {error}") from error
    return values, arrays


def _array(stream: IO[bytes], kind: str, shape: list[int], largest: int) -> Array:
    if kind not in _KINDS or any(type(n) is not int or n < 0 for n in shape):
        raise FrameError(f"an array of {kind!r} {shape!r}")
    if math.prod(shape) * np.dtype(kind).itemsize > largest:
        raise FrameError(f"an array of {shape!r}")
    content = bytearray(math.prod(shape) * np.dtype(kind).itemsize)
    _fill(stream, memoryview(content))
    return np.frombuffer(content, np.dtype(kind)).reshape(shape)


def _fill(stream: IO[bytes], view: memoryview) -> None:
    filled = 0
    while filled < len(view):
        count = stream.readinto(view[filled:])  # type: ignore[attr-defined]
        if not count:
            raise FrameError("the stream ends in the middle of a frame")
        filled += count
