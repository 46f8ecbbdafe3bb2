"""What is kept, or read by others, names no folder of this machine.

A folder is often called like a patient or a study. Whoever typed a command may read in their
own terminal which file is meant; a log, a note beside a run and a page are read by others, and
later.
"""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from nextslice.errors import NextsliceError

__all__ = ["ELSEWHERE", "FROM_THE_ROOT", "for_a_log", "traced", "without_folders"]

FROM_THE_ROOT: Final = r"(?<![\w.])(?:[A-Za-z]:)?[\\/]{1,2}(?=[^\s\\/])"
"""Where a path begins that says where on this machine a file lies."""

ELSEWHERE: Final = "[elsewhere on this machine]"
"""Stands for such a path in what is kept."""

_OUTSIDE = re.compile(rf"['\"]?(?:{FROM_THE_ROOT}|(?<![\w./\\])\.\.[\\/]).*")


def without_folders(text: str, *folders: Path) -> str:
    """A text in which files are named from these folders on, and no other file is.

    Nor is one that ``../`` leads to. Folders may hold blanks, so nothing tells where another
    path ends: the rest of its line is left out with it.

    Args:
        text: A message, of any number of lines.
        folders: Whose files may be named, by their paths inside: ``annotations/ab12.npy``.
    """
    known = sorted({form for folder in folders for form in _forms(folder)}, key=len)
    for form in reversed(known):
        text = re.sub(rf"(?<![\w.]){re.escape(form)}(?:\\\\|[\\/])(?=[^\s\\/])", "", text)
    return "\n".join(_OUTSIDE.sub(ELSEWHERE, line) for line in text.splitlines())


def for_a_log(error: BaseException, *folders: Path) -> str:
    """An error as a log may tell it: its kind and, with files as above, its words.

    An error of the system is told by its meaning alone; its file may lie anywhere.
    """
    words = str(error)
    if isinstance(error, OSError) and not isinstance(error, NextsliceError):
        words = error.strerror or ""
    words = without_folders(words, *folders)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def traced(error: BaseException, *folders: Path, words: bool = True) -> str:
    """Where in the code an error came from, by modules instead of files.

    Args:
        error: It, with those it came from.
        folders: See :func:`without_folders`.
        words: Whether to say what the errors say; else only of which kind they are, for
            where they may quote what a stranger sent.
    """
    parts = []
    for each in _chain(error):
        end = for_a_log(each, *folders) if words else type(each).__name__
        parts.append("\n".join([*_places(each.__traceback__), end]))
    return "\n\nThen:\n\n".join(parts)


def _chain(error: BaseException) -> list[BaseException]:
    """The errors that led to this one, from the first."""
    chain = [error]
    while True:
        before = chain[-1].__cause__
        if before is None and not chain[-1].__suppress_context__:
            before = chain[-1].__context__
        if before is None or before in chain:
            return chain[::-1]
        chain.append(before)


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        code = frame.f_code
        yield f"{frame.f_globals.get('__name__', '?')}, line {line}, in {code.co_name}"
        source = linecache.getline(code.co_filename, line, frame.f_globals).strip()
        if source:
            yield f"    {source}"


def _forms(folder: Path) -> Iterator[str]:
    """How a folder is written in messages."""
    for path in (folder, folder.absolute(), folder.resolve()):
        text = str(path).rstrip("\\/")
        if text.strip("."):  # neither the root nor "here"
            yield text
            yield path.as_posix()
            yield repr(text)[1:-1]
