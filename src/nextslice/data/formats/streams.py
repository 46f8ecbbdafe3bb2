"""A file's bytes, block after block; a compressed stream is held against its checksum."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from nextslice.errors import DataError

__all__ = ["COPY_AGAIN", "plain", "unpacked"]

COPY_AGAIN = "Copy or download the file again from its source, or export it again."
"""What to do about a damaged file."""

_BLOCK = 1 << 18
_UNPACKED = 1 << 22  # a block of zeros unpacks to a thousand times its size; not at once


def plain(stream: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes from where it stands, block after block."""
    while block := stream.read(_BLOCK):
        yield block


def unpacked(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    """Unpack gzip or zlib to the end of the file; members may follow each other.

    Raises:
        DataError: The stream is damaged, or ends before its checksum.
    """
    waiting = stream.read(_BLOCK)
    try:
        while waiting:
            member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: either kind of header
            while not member.eof:
                block = member.decompress(waiting, _UNPACKED)
                if block:
                    yield block
                waiting = member.unconsumed_tail
                if not waiting and not member.eof and len(block) < _UNPACKED:
                    waiting = stream.read(_BLOCK)
                    if not waiting:
                        raise _damaged(path, "cannot be unpacked to the end")
            waiting = member.unused_data or stream.read(_BLOCK)
            while waiting and not waiting.strip(b"\0"):  # tapes pad with zeros
                waiting = stream.read(_BLOCK)
    except zlib.error as error:
        # "incorrect data check" or "length check": all was unpacked, but is not what it was.
        proven = "data check" in str(error) or "length check" in str(error)
        what = "do not match their checksum" if proven else "cannot be unpacked"
        foreign = "header check" in str(error)
        raise _damaged(
            path, what, ", or is not compressed as its name says" * foreign
        ) from error


def _damaged(path: Path, what: str, or_else: str = "") -> DataError:
    return DataError(
        f"{path} is damaged: its compressed data {what}.",
        cause=f"the file was cut short or changed while it was copied{or_else}.",
        remedy=COPY_AGAIN,
    )
