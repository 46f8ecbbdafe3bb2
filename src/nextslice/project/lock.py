"""One process at a time on a project; the second is told who the first is."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from nextslice.errors import ProjectError, ProjectLockedError, StorageError
from nextslice.files import storage_error, write_atomically
from nextslice.plain_files import read_plain

__all__ = ["ProjectLock", "locked", "take_lock"]

_NO_LOCKS: Final = frozenset(
    getattr(errno, name) for name in ("ENOSYS", "ENOLCK", "EOPNOTSUPP", "ENOTSUP")
)


class ProjectLock:
    """Held from construction until :meth:`release` or the end of the process.

    The operating system drops the lock with the process, however it ends, so that a lock
    left by a killed process is no obstacle.

    Raises:
        ProjectLockedError: Another process holds it; names that process.
        ProjectError: The folder lies where there are no locks.
        StorageError: The disk does not take who holds it.
    """

    def __init__(self, folder: Path) -> None:
        holder = folder / ".lock-holder.json"
        lock = take_lock(folder / ".lock")
        if lock is None:
            raise ProjectLockedError(
                f"Expected {folder} to be free, but {_describe(holder)} works on it.",
                cause="the annotation page is open, or another command is at work.",
                remedy="Stop the page with Ctrl-C in its terminal, or wait until the command "
                "has ended; only one may write at a time.",
            )
        self._lock = lock
        self._path = folder / ".lock"
        self._file = _file_at(self._path)
        facts = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": Path(sys.argv[0]).name,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            write_atomically(holder, json.dumps(facts), "holder")
        except StorageError:
            self.release()
            raise

    def demand_place(self) -> None:
        """Make sure that the folder is still the one whose lock is held.

        All is written by its path, where another project may lie by now: a restored backup,
        say, that another process works on.

        Raises:
            ProjectError: It was moved, replaced or removed.
        """
        if _file_at(self._path) != self._file:
            raise ProjectError(
                "The project's folder was moved or replaced while it was open; nothing was "
                "written.",
                cause="it was renamed, removed or restored from a backup, or its disk is gone.",
                remedy="Stop this process, and open the project where it lies now.",
            )

    def release(self) -> None:
        """Let the next process in."""
        self._lock.release()


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file lies there, None for none; its number is not given again while it is open."""
    if sys.platform == "win32":  # where no folder is moved while a file in it is open
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for a lock and hold it; see :func:`take_lock`."""
    lock = _lock(path)
    with _clear_errors(path):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def take_lock(path: Path) -> FileLock | None:
    """Take a lock that the operating system drops with this process, to be released.

    Args:
        path: Its file, which stays.

    Returns:
        The lock, or None where another process holds it.

    Raises:
        ProjectError: The file system has no such locks. A file that only says that it is a
            lock would do elsewhere, but a kill leaves it behind, and nobody gets in again.
        StorageError: The file cannot be made.
    """
    lock = _lock(path)
    try:
        with _clear_errors(path):
            lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


def _lock(path: Path) -> FileLock:
    # thread_local: whoever releases it may be another thread than who took it.
    return FileLock(path, thread_local=False, fallback_to_soft=False)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except Timeout:  # an OSError, too
        raise
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise ProjectError(
                f"Expected a file system with locks at {path.parent}, which has none "
                f"({error.strerror}).",
                cause="the folder is on a network drive, or in a container, whose file system "
                "lacks flock.",
                remedy="Choose a folder on a disk of this machine, or have the drive mounted "
                "with locks. Without them two processes could write at the same time.",
            ) from error
        raise storage_error(path, error) from error


def _describe(holder: Path) -> str:
    try:
        facts = json.loads(read_plain(holder))
        return (
            f"process {facts['pid']} on {facts['host']} "
            f"({facts['command']}, since {facts['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
