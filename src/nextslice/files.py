"""Writing files so that a crash leaves the old one or the new one, never half of one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["file_sha256", "sync_folder", "usual_mode", "write_atomically", "writing_atomically"]


@contextmanager
def writing_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its name once the block has ended.

    The bytes are on the disk (fsync of the file and of its folder) before this returns. If
    the block raises, `path` is as it was.
    """
    _make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(usual_mode())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace `path` by `content` (text is written as UTF-8) in one step."""
    with writing_atomically(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def _make_folder(folder: Path) -> None:
    """Make a folder whose own name survives a power cut, and those above it."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the system offers that."""
    if os.name == "nt":  # Windows cannot open a folder for syncing
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def usual_mode() -> int:
    """The permissions of a file that is simply made; temporary files begin with fewer."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
