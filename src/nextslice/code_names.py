"""Classes that settings name by where their code lies: ``package.module:Class``.

Finding such a class runs the code of its module. Whoever types the name means that; whoever
opens a recipe or a project that somebody else wrote may not, and is asked first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from nextslice.errors import SettingsError
from nextslice.wording import a_few

__all__ = ["code_named_in", "demand_no_code", "place_of"]

_PLACE: Final = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")


def place_of(name: str) -> tuple[str, str] | None:
    """The module and the class that a name stands for; None where it is no such name."""
    found = _PLACE.fullmatch(name)
    return None if found is None else (found[1], found[2])


def code_named_in(values: object) -> tuple[str, ...]:
    """Every name of a class anywhere in plain values, keys included, each once."""
    return tuple(dict.fromkeys(text for text in _texts(values) if place_of(text)))


def demand_no_code(values: object, whose: str) -> None:
    """Make sure that settings which somebody else may have written name no class.

    Args:
        values: Plain values, nested.
        whose: What they were read from, for the complaint.

    Raises:
        SettingsError: They do; nothing of it was looked for.
    """
    named = code_named_in(values)
    if named:
        raise SettingsError(
            f"Expected strategies that come along or are installed, got code of its own named "
            f"in {whose}: {a_few(list(named))}.",
            cause="whoever wrote it has strategies of their own; or wants to have code run "
            "on this machine.",
            remedy="Nothing of it was run. Read that code first; if it is yours, or you trust "
            "it, say so: --allow-code (in Python: allow_code=True).",
        )


def _texts(values: object) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _texts(value)
