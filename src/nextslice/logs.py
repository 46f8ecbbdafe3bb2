"""What a log shows: names from elsewhere as letters, and warnings without the place of a file.

For processes of our own, the command line and the workers of a benchmark; a program that
imports nextslice says itself how its log is written.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

from nextslice.data.places import shown
from nextslice.discretion import without_folders

__all__ = ["inert", "tame_logs"]


def inert(text: str) -> str:
    """A text whose lines are lines and whose letters are letters, wherever it came from."""
    return "\n".join(map(shown, text.split("\n")))


def tame_logs() -> None:
    """Have warnings, which nobody else has asked to be shown otherwise, shown inert.

    Those of libraries as well: by their module, and with no folder of this machine.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Inert())
    warnings.formatwarning = _one_warning


class _Inert(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return inert(super().format(record))


def _one_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,  # noqa: ARG001 - as Python calls it
) -> str:
    said = inert(without_folders(str(message)))
    return f"{inert(Path(filename).name)}:{lineno}: {category.__name__}: {said}\n"
