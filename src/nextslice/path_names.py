"""Names of files and folders that every program here, and every disk, can tell.

Libraries that read scans know UTF-8 alone, and one of them ends its process at other names;
many disks hold `Scan_A` and `scan_a` for one name, and none holds names without end.
"""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from nextslice.errors import DataError

__all__ = ["LONGEST_NAME", "demand_told_apart", "demand_utf8"]

LONGEST_NAME: Final = 200
"""Bytes of a case's name. Disks allow 255, and the names of its files are longer."""


def demand_utf8(path: Path) -> None:
    """Make sure that a path can be written in UTF-8.

    Raises:
        DataError: It cannot. The message names the folder or file whose name is in the way.
    """
    odd = [_as_shown(part) for part in path.parts if _as_shown(part) != part]
    if odd:
        raise DataError(
            f"{_as_shown(str(path))} should be a path in UTF-8, which {odd[0]} is not.",
            cause="it was named on an old system, in another code for letters (Latin-1, say).",
            remedy="Rename the folder or file of that name.",
        )


def demand_told_apart(folder: Path, names: Iterable[str]) -> None:
    """Make sure that files of these names lie beside one another in a folder, each its own.

    Args:
        folder: It, or one above it, is there and may be written to.
        names: Of cases.

    Raises:
        DataError: Its disk cannot tell two of them apart.
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(unicodedata.normalize("NFC", name).casefold(), []).append(name)
    for group in alike.values():
        if len(group) > 1 and not _told_apart(folder.absolute(), group):
            raise DataError(
                f"The cases {' and '.join(group)} cannot lie beside one another in {folder}.",
                cause="its disk takes for one what differs in capital letters alone, or in how "
                "an accent is stored.",
                remedy="Choose a folder on another disk, or give the scans names of their own "
                "and begin a project with them.",
            )


def _told_apart(folder: Path, names: Iterable[str]) -> bool:
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    with tempfile.TemporaryDirectory(dir=there, prefix=".names-") as tried:
        try:
            for name in names:
                (Path(tried) / name).touch(exist_ok=False)
        except FileExistsError:
            return False
    return True


def _as_shown(text: str) -> str:
    """The same, but for what has no place in UTF-8: that is written as its number."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
