"""The folders in a project's, none of which may be a link to somewhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nextslice.errors import ProjectError

__all__ = ["FOLDERS", "demand_own_folders", "linked_folders"]

FOLDERS: Final = ("annotations", "models", "scores", "proposals")
"""Where a run's files lie, besides those in its own folder."""


def linked_folders(folder: Path) -> Iterator[Path]:
    """Those folders in a project's that are links."""
    for name in (*FOLDERS, "tensorboard"):
        place = folder / name
        inside = place.iterdir() if place.is_dir() and not place.is_symlink() else ()
        for path in (place, *inside):
            if path.is_symlink() and (path == place or path.is_dir()):
                yield path


def demand_own_folders(folder: Path) -> None:
    """Make sure that what lies in a project's folders is not somewhere else.

    Args:
        folder: The project's; it may be a link itself, for whoever names it means it.

    Raises:
        ProjectError: One of them is a link.
    """
    for path in linked_folders(folder):
        raise ProjectError(
            f"Expected a folder of the project at {path}, which is a link.",
            cause="the project was put together by somebody, or is kept in parts.",
            remedy="Put the folder itself there. The project's own folder may be a link.",
        )
