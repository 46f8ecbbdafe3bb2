"""Paths as they are typed, the same for each command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

from nextslice.errors import DataError
from nextslice.path_names import demand_utf8

__all__ = ["path", "with_paths"]


def with_paths(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, each of whose parameters that is a path is read by :func:`path`."""
    hints = get_type_hints(command, include_extras=True)
    for hint in hints.values():
        kind, *said = get_args(hint) or (hint,)
        if Path in (kind, *get_args(kind)):
            for each in said:
                each.parser = path
    command.__annotations__.update(hints)  # else they are read anew
    return command


def path(typed: str | Path) -> Path:
    """A path as somebody typed it; `~` is their home, also where their shell has left it.

    Raises:
        DataError: It is empty, the home of nobody, or not in UTF-8.
    """
    if not str(typed):
        raise DataError(
            "Expected a path, got an empty one.",
            cause="a variable of the shell that is not set.",
            remedy="Name the file or folder; . is the one that you are in.",
        )
    try:
        found = Path(typed).expanduser()
    except RuntimeError as error:
        raise DataError(
            f"Expected a path, got {str(typed)!r}: nobody of that name has a home here.",
            remedy="Write ./ before the name of a file or folder that begins with ~.",
        ) from error
    demand_utf8(found.absolute())
    return found
