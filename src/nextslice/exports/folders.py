"""A folder that is there once it is whole."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nextslice.errors import DataError
from nextslice.files import make_folder, storage_error
from nextslice.placing import put_in_place

__all__ = ["demand_free", "writing_folder"]


def demand_free(folder: Path) -> None:
    """Raise unless a folder is new or empty: what lies in it may be somebody's work.

    Raises:
        DataError: It holds something, or is a file.
    """
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        held = "holds files already" if folder.is_dir() else "is a file"
        raise DataError(
            f"Expected a new or empty folder to write into; {folder} {held}.",
            remedy="Name another folder, or move that one away.",
        )


@contextmanager
def writing_folder(folder: Path) -> Iterator[Path]:
    """A fresh folder that takes the name `folder` once the block has ended.

    It stands beside `folder` and is called ``unfinished-...`` until then, so that no part of
    what is to be written can pass for all of it. If the block raises, it is removed; after a
    kill or a power cut it is left over under that name.

    Yields:
        The folder to write into.

    Raises:
        DataError: `folder` holds something, or is a file.
        StorageError: The disk does not take it.
    """
    demand_free(folder)
    fresh = folder.parent / f"unfinished-{folder.name}-{secrets.token_hex(4)}"
    try:
        make_folder(fresh)
    except OSError as error:
        raise storage_error(folder, error) from error
    try:
        yield fresh
        demand_free(folder)  # somebody may have been quicker
        put_in_place(fresh, folder, "folder")
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
