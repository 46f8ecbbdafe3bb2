"""Writing files so that a crash leaves the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from nextslice.errors import StorageError
from nextslice.failpoints import reach

__all__ = [
    "file_sha256",
    "remove_unfinished",
    "storage_error",
    "sync_folder",
    "usual_mode",
    "write_atomically",
    "writing_atomically",
]

_UNFINISHED: Final = ".tmp"


@contextmanager
def writing_atomically(path: Path, what: str = "") -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its name once the block has ended.

    The bytes are on the disk (fsync of the file and of its folder) before this returns. If
    the block raises, `path` is as it was.

    Args:
        path: The file; folders above it are made.
        what: What it is among :data:`nextslice.failpoints.WRITTEN`, if it is one of them.

    Raises:
        StorageError: The disk does not take it.
    """
    name = ""
    try:
        _make_folder(path.parent)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED
        )
        with os.fdopen(handle, "wb") as stream:
            _reach(what, "opened")
            yield stream
            stream.flush()
            _reach(what, "written")
            os.fsync(stream.fileno())
        _reach(what, "fsynced")
        Path(name).chmod(usual_mode())
        Path(name).replace(path)
        _reach(what, "renamed")
        sync_folder(path.parent)
        _reach(what, "durable")
    except BaseException as error:
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise storage_error(path, error) from error
        raise


def write_atomically(path: Path, content: bytes | str, what: str = "") -> None:
    """Replace `path` by `content` (text is written as UTF-8) in one step.

    Raises:
        StorageError: See :func:`writing_atomically`.
    """
    view = memoryview(content.encode() if isinstance(content, str) else content)
    half = len(view) // 2
    with writing_atomically(path, what) as stream:
        stream.write(view[:half])
        if what:
            stream.flush()
            _reach(what, "half")
        stream.write(view[half:])


def _reach(what: str, step: str) -> None:
    if what:
        reach(f"{what}.{step}")


def storage_error(path: Path, error: OSError) -> StorageError:
    """What to say of a file that the disk does not take."""
    causes = {
        errno.ENOSPC: "the disk is full.",
        errno.EDQUOT: "your share of the disk is used up.",
        errno.EFBIG: "the file is larger than the disk, or a limit of yours, allows.",
        errno.EIO: "the disk, its cable or the network to it fails.",
        errno.EROFS: "the disk is mounted for reading alone.",
        errno.EACCES: "the folder belongs to somebody else.",
        errno.EPERM: "the folder belongs to somebody else.",
        errno.EISDIR: "a folder of that name is there.",
        errno.ENOTDIR: "a file stands where a folder is needed.",
    }
    return StorageError(
        f"{path} cannot be written: {error.strerror or error}.",
        cause=causes.get(error.errno or 0, ""),
        remedy="Look at the disk, make room or choose another folder, then do the same again: "
        "what was kept before is as it was.",
        errno=error.errno,
    )


def remove_unfinished(folder: Path, *, below: Iterable[str] = ()) -> None:
    """Remove what a process left that was killed in the midst of writing.

    Args:
        folder: In it, and
        below: in these of its folders and all below them; nobody may be writing there now.
    """
    for path in folder.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)
    for name in below:
        for path in (folder / name).rglob(f".*{_UNFINISHED}"):
            path.unlink(missing_ok=True)


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


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# Asked once: it can only be read by changing it, and threads would get in each other's way.
_UMASK: Final = _umask()


def usual_mode() -> int:
    """The permissions of a file that is simply made; temporary files begin with fewer."""
    return 0o666 & ~_UMASK


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
