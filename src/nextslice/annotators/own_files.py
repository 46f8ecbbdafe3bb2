"""What lies in a work order's folder is its own: no link in it leads anywhere else.

The folder was with somebody else in between. A link that came back in it would have a file of
this machine read as a mask, or written over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nextslice.errors import AnnotationError

__all__ = ["demand_own_files"]


def demand_own_files(folder: Path, files: Iterable[str], folders: Iterable[str]) -> None:
    """Make sure that nothing that is read or written in a work order lies elsewhere.

    Args:
        folder: The work order's; it may be a link itself, for whoever names it means it.
        files: Names of files in it, where they are there.
        folders: Names of folders in it, the same; and everything in them is looked at.

    Raises:
        AnnotationError: One is a link, or no file at all; names it.
    """
    for path, wants_folder in _parts(folder, files, folders):
        what = ""
        if path.is_symlink():
            what = "a link"
        elif wants_folder and not path.is_dir():
            what = "no folder"
        elif not wants_folder and not path.is_file():
            what = "no file that can be read"
        if what:
            raise AnnotationError(
                f"Expected the files of the work order {folder} itself; {path.name} in "
                f"{path.parent} is {what}. Nothing was stored.",
                cause="it was put there while the folder was away, or by a program that keeps "
                "files elsewhere.",
                remedy="Put the file itself there, and do the same again.",
            )


def _parts(
    folder: Path, files: Iterable[str], folders: Iterable[str]
) -> Iterator[tuple[Path, bool]]:
    """Each path that counts, and whether it should be a folder."""
    for name in files:
        if (path := folder / name).exists() or path.is_symlink():
            yield path, False
    for name in folders:
        path = folder / name
        if not (path.exists() or path.is_symlink()):
            continue
        yield path, True
        # Programs leave hidden files of their own beside others; nobody reads them.
        if path.is_dir() and not path.is_symlink():
            inside = (p for p in sorted(path.iterdir()) if not p.name.startswith("."))
            yield from ((p, False) for p in inside if p.is_symlink() or not p.is_dir())
