"""What belongs to a data set lies in its folder, whatever a file or a link says."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

__all__ = ["shown", "stays_inside", "within"]


def stays_inside(name: str) -> bool:
    """Whether a path that stands in a file leads to somewhere below the folder it starts in.

    Judged by the rules of Windows and of all others, wherever this runs; links are not
    looked at, for which :func:`within` is.
    """
    ways = (PurePosixPath(name), PureWindowsPath(name))
    out = any(way.anchor or ".." in way.parts for way in ways)
    return bool(name) and "\0" not in name and not out


def within(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder once all symbolic links are followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead in a circle
        return False


def shown(name: str) -> str:
    """A name as one line of letters.

    What would move a terminal's cursor or turn the direction of reading is written as its
    number.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
