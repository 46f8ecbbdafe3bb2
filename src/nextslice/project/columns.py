"""What a column of ``project.db`` may hold: held against every value that is read or written.

SQLite keeps whatever bytes are there, so a flipped bit or a stranger can put a word where a
number belongs. Whoever reads gets a :class:`ProjectError` instead of it; and nothing is written
that could not be read again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Boolean, Dialect, Float, Integer, String
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from nextslice.errors import ProjectError

__all__ = ["Count", "Flag", "Moment", "Real", "Text", "Word"]

_LARGEST: Final = 2**31 - 1


class _Checked(TypeDecorator[Any]):
    """A column whose values are looked at.

    Args:
        empty: Whether there may be no value; what SQLite declares is not what damage heeds.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String
    cache_ok = True
    expected = ""

    def __init__(self, *, empty: bool = True) -> None:
        super().__init__()
        self.empty = empty

    def fits(self, value: Any) -> bool:
        """Whether a value that is there may be."""
        raise NotImplementedError

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """What rows are looked for by is no value of theirs, and may be any."""
        return self.impl_instance

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """What a value goes through on its way in."""
        if value is not None and not self.fits(value):
            raise ProjectError(
                f"Expected {self.expected}, got {_shortened(value)}; nothing was kept.",
                cause="a program or a person gave it, or it was computed from such.",
                remedy="Give another; where it was computed, see what it was computed from.",
            )
        return value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """What a value goes through on its way out."""
        return self._checked

    def _checked(self, value: Any) -> Any:
        if not (self.empty if value is None else self.fits(value)):
            raise ProjectError(
                f"Expected {self.expected} in the database project.db, got {value!r:.80}.",
                cause="the file is damaged, or was changed by somebody.",
                remedy="Restore the project from a backup into another folder (nextslice "
                "restore). nextslice verify names what else is damaged.",
            )
        return value


def _shortened(value: object) -> str:
    if isinstance(value, str) and len(value) > 60:
        return f"{len(value):,}: {value[:60]!r}..."
    return repr(value)


class Count(_Checked):
    """A whole number from `least` to `most`."""

    cache_ok = True
    impl = Integer

    def __init__(self, least: int = 0, most: int = _LARGEST, *, empty: bool = True) -> None:
        super().__init__(empty=empty)
        self.least, self.most = least, most
        self.expected = f"a whole number from {least} to {most}"

    def fits(self, value: Any) -> bool:
        """Whether it is one."""
        return type(value) is int and self.least <= value <= self.most


class Flag(_Checked):
    """True or False, kept as 1 or 0."""

    cache_ok = True
    impl = Boolean
    expected = "0 or 1"

    def fits(self, value: Any) -> bool:
        """Whether it is one of them."""
        return type(value) in (int, bool) and value in (0, 1)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """What a value goes through on its way out."""

        def checked(value: Any) -> bool | None:
            found = self._checked(value)
            return None if found is None else bool(found)

        return checked


class Real(_Checked):
    """A finite number."""

    cache_ok = True
    impl = Float
    expected = "a finite number"

    def fits(self, value: Any) -> bool:
        """Whether it is one."""
        return isinstance(value, (int, float)) and math.isfinite(value)


class Text(_Checked):
    """A text of at most so many characters."""

    cache_ok = True

    def __init__(self, most: int, *, empty: bool = True) -> None:
        super().__init__(empty=empty)
        self.most = most
        self.expected = f"a text of at most {most} characters"

    def fits(self, value: Any) -> bool:
        """Whether it is one."""
        return isinstance(value, str) and len(value) <= self.most


class Word(_Checked):
    """One of some words, and never nothing."""

    cache_ok = True

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__(empty=False)
        self.words = tuple(str(word) for word in words)
        self.expected = f"one of {', '.join(self.words)}"

    def fits(self, value: Any) -> bool:
        """Whether it is one of them."""
        return isinstance(value, str) and value in self.words


class Moment(_Checked):
    """A time in UTC, as ISO 8601 writes it, and never nothing."""

    cache_ok = True
    expected = "a time as ISO 8601 writes it"

    def __init__(self) -> None:
        super().__init__(empty=False)

    def fits(self, value: Any) -> bool:
        """Whether it is one."""
        if not isinstance(value, str):
            return False
        try:
            return datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            return False
