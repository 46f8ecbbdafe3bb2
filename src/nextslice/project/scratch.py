"""A folder to work in that is nobody else's, gone with whoever made it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Final

from nextslice.files import make_folder, storage_error
from nextslice.project.lock import take_lock

__all__ = ["scratch"]

_LOCK: Final = ".lock"


@contextmanager
def scratch(above: Path, prefix: str) -> Iterator[Path]:
    """A name for a file or a folder in a place for this process alone.

    Places that processes left which were killed are removed; a lock tells them from those that
    others work in.

    Args:
        above: The folder in which the place is made, and it, too, where it is not there.
        prefix: What the names of all such places begin with.

    Yields:
        A name that is free. The place and all in it are removed once the block has ended.

    Raises:
        ProjectError: The file system has no locks.
        StorageError: The disk does not take it.
    """
    try:
        make_folder(above)
        place = Path(tempfile.mkdtemp(prefix=prefix, dir=above))
    except OSError as error:
        raise storage_error(above, error) from error
    lock = None
    try:
        lock = take_lock(place / _LOCK)
        for other in above.glob(f"{escape(prefix)}*"):
            with suppress(OSError):  # in a folder for all, it may be another person's
                if other != place and (other / _LOCK).is_file() and not other.is_symlink():
                    _remove_if_left_behind(other)
        yield place / "whole"
    finally:
        if lock is not None:
            lock.release()
        shutil.rmtree(place, ignore_errors=True)


def _remove_if_left_behind(place: Path) -> None:
    lock = take_lock(place / _LOCK)
    if lock is not None:  # the process that had it is gone
        shutil.rmtree(place, ignore_errors=True)
        lock.release()
