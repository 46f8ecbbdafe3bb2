"""Writing files so that a crash leaves the old one or the new one, never half of one.

Each file goes the same way: a temporary one beside it, its bytes on the disk, its name, the
names of its folder on the disk. ``tests/faults/test_order_of_writing.py`` holds every file of a
project to that order.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from nextslice.errors import StorageError
from nextslice.failpoints import reach

if sys.platform != "win32":
    import fcntl

    # macOS only: its fsync hands the bytes to the disk, which may keep them in a cache that a
    # power cut empties; this one waits until they are written.
    _FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)

__all__ = [
    "cause_of",
    "file_sha256",
    "make_folder",
    "remove_unfinished",
    "replacing",
    "storage_error",
    "sync",
    "sync_folder",
    "usual_mode",
    "write_atomically",
    "writing_atomically",
]

_UNFINISHED: Final = ".tmp"


@contextmanager
def replacing(path: Path, what: str, suffix: str = "") -> Iterator[Path]:
    """An empty temporary file beside `path` that takes its name once the block has ended.

    For what writes to a name and not into a stream. The bytes are on the disk (fsync of the
    file and of its folder) before this returns. If the block raises, `path` is as it was.

    Args:
        path: The file; folders above it are made.
        what: What it is among :data:`nextslice.failpoints.WRITTEN`.
        suffix: What the temporary name must end in, for those who tell a format by it.

    Raises:
        StorageError: The disk does not take it.
    """
    name = ""
    handle: int | None = None
    try:
        make_folder(path.parent)
        _demand_replaceable(path)
        # Open to the end, so that an error of the disk while others write to it is told here.
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED + suffix
        )
        temporary = Path(name)
        reach(f"{what}.opened")
        yield temporary
        reach(f"{what}.written")
        temporary.chmod(usual_mode())
        sync(handle)
        reach(f"{what}.fsynced")
        os.close(handle)  # Windows renames no open file
        handle = None
        temporary.replace(path)
        reach(f"{what}.renamed")
        sync_folder(path.parent)
        reach(f"{what}.durable")
    except BaseException as error:
        if handle is not None:
            os.close(handle)
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise storage_error(path, error) from error
        raise


@contextmanager
def writing_atomically(path: Path, what: str) -> Iterator[IO[bytes]]:
    """A stream into a temporary file beside `path` that takes its name as in `replacing`.

    Args:
        path: The file; folders above it are made.
        what: What it is among :data:`nextslice.failpoints.WRITTEN`.

    Raises:
        StorageError: The disk does not take it.
    """
    with replacing(path, what) as temporary, temporary.open("wb") as stream:
        yield stream


def write_atomically(path: Path, content: bytes | str, what: str) -> None:
    """Replace `path` by `content` (text is written as UTF-8) in one step.

    Raises:
        StorageError: See :func:`replacing`.
    """
    view = memoryview(content.encode() if isinstance(content, str) else content)
    half = len(view) // 2
    with writing_atomically(path, what) as stream:
        stream.write(view[:half])
        stream.flush()
        reach(f"{what}.half")
        stream.write(view[half:])


def storage_error(path: Path, error: OSError) -> StorageError:
    """What to say of a file that the disk does not take."""
    named = error.errno == errno.ENAMETOOLONG
    look = "Choose a shorter name" if named else "Look at the disk, make room"
    return StorageError(
        f"{path if not named else f'{path!s:.80}...'} cannot be written: "
        f"{error.strerror or error}.",
        cause=cause_of(error),
        remedy=f"{look} or choose another folder, then do the same again: what was kept "
        "before is as it was.",
        errno=error.errno,
    )


def cause_of(error: OSError) -> str:
    """Why the disk does not take a file, in words; empty where nobody can tell."""
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
        errno.EEXIST: "a file stands where a folder is needed.",
        errno.ENAMETOOLONG: "the name, or that of a folder above it, is longer than allowed.",
    }
    return causes.get(error.errno or 0, "")


def remove_unfinished(folder: Path, *, below: Iterable[str] = ()) -> None:
    """Remove what a process left that was killed in the midst of writing.

    Args:
        folder: In it, and
        below: in these of its folders and all below them; nobody may be writing there now.
    """
    for path in folder.glob(f".*{_UNFINISHED}*"):
        path.unlink(missing_ok=True)
    for name in below:
        for path in (folder / name).rglob(f".*{_UNFINISHED}*"):
            path.unlink(missing_ok=True)


def _demand_replaceable(path: Path) -> None:
    """Raise if what has the name is a device, a pipe or a socket: others use that."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # nothing is there, or writing will tell
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
        raise StorageError(
            f"{path} cannot be written: it is no file, but a device, a pipe or a socket.",
            cause="a slip in the name. What is written takes the place of what was there.",
            remedy="Choose the name of a file, old or new.",
        )


_NOT_OURS: Final = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP})


def make_folder(folder: Path) -> None:
    """Make a folder whose own name survives a power cut, and those above it.

    The name of one that is there is brought to the disk as well: whoever made it a moment ago
    may not have come to that yet.

    Raises:
        OSError: It cannot be made.
    """
    if folder.is_dir():
        try:
            sync_folder(folder.parent)
        except OSError as error:
            # Where we may not look into the folder above, or where its file system brings no
            # folder to the disk (that of a mount point, say), we have made nothing in it.
            if error.errno not in _NOT_OURS:
                raise
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the system offers that."""
    if sys.platform == "win32":  # it cannot open a folder for syncing
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        sync(handle)
    finally:
        os.close(handle)


def sync(handle: int) -> None:
    """Bring what was written to an open file or folder to the disk: the one place for it.

    Never ask it again of a file for which it failed: systems forget what they could not write
    and say "written" the second time. All that is written here begins with a fresh file.

    Args:
        handle: A descriptor; what a stream still holds is flushed into it before.

    Raises:
        OSError: The disk does not take it.
    """
    if sys.platform != "win32" and _FULL_SYNC is not None:
        try:
            fcntl.fcntl(handle, _FULL_SYNC)
        except OSError:  # a file system that does not know it, such as one on a network
            pass
        else:
            return
    os.fsync(handle)


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
