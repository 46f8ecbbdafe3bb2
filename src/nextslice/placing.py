"""A folder that is whole gets its name, or is taken back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from nextslice.errors import StorageError
from nextslice.failpoints import reach
from nextslice.files import cause_of, storage_error, sync_folder

__all__ = ["put_in_place"]


def put_in_place(fresh: Path, folder: Path, what: str) -> None:
    """Give a folder that is whole its name, or leave both names as they were.

    Args:
        fresh: What lies in it is on the disk.
        folder: On the same disk; an empty folder there gives way, and is made again where
            the disk fails after that.
        what: What it is among the places of :mod:`nextslice.failpoints`.

    Raises:
        StorageError: The disk does not take it. `folder` is free or empty then, as it was,
            or the message says that it is there.
    """
    renamed, gave_way = False, False
    try:
        reach(f"{what}.whole")
        if folder.is_dir():
            folder.rmdir()  # not every system renames onto an empty folder
            gave_way = True
        fresh.rename(folder)
        renamed = True
        reach(f"{what}.renamed")
        sync_folder(folder.parent)
    except OSError as error:
        if renamed:  # who is told that it failed types the same again, into a free folder
            _take_back(fresh, folder)
        if gave_way:
            with suppress(OSError):  # it is told that the disk fails
                folder.mkdir()
        raise storage_error(folder, error) from error


def _take_back(fresh: Path, folder: Path) -> None:
    try:
        folder.rename(fresh)
    except OSError as error:
        raise StorageError(
            f"{folder} is whole, but its name may not outlast a power cut, and could not be "
            f"taken back: {error.strerror or error}.",
            cause=cause_of(error),
            remedy=f"Look at the disk, remove {folder}, then do the same again.",
            errno=error.errno,
        ) from error
