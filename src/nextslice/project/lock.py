"""One process at a time on a project; the second is told who the first is."""

from __future__ import annotations

import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from nextslice.errors import ProjectLockedError, StorageError
from nextslice.files import write_atomically

__all__ = ["ProjectLock"]


class ProjectLock:
    """Held from construction until :meth:`release` or the end of the process.

    The operating system drops the lock with the process, however it ends, so that a lock
    left by a killed process is no obstacle.

    Raises:
        ProjectLockedError: Another process holds it; names that process.
        StorageError: The disk does not take who holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / ".lock", thread_local=False)
        holder = folder / ".lock-holder.json"
        try:
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise ProjectLockedError(
                f"Expected {folder} to be free, but {_describe(holder)} works on it.",
                cause="the annotation page is open, or another command is at work.",
                remedy="Stop the page with Ctrl-C in its terminal, or wait until the command "
                "has ended; only one may write at a time.",
            ) from error
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

    def release(self) -> None:
        """Let the next process in."""
        self._lock.release()


def _describe(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text())
        return (
            f"process {facts['pid']} on {facts['host']} "
            f"({facts['command']}, since {facts['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
