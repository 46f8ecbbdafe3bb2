"""What a column of ``project.db`` may hold: held against every value that is read.

SQLite keeps whatever bytes are there, so a flipped bit or a stranger can put a word where a
number belongs. Whoever reads gets a :class:`ProjectError` instead of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Boolean, Dialect, Float, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from nextslice.errors import ProjectError

__all__ = ["Count", "Flag", "Moment", "Real", "Text", "Word"]

_LARGEST: Final = 2**31 - 1


class _Checked(TypeDecorator[Any]):
    """A column whose values are looked at."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String
    expected = ""
    may_be_empty = (
        True  # the largest of no numbers is nothing, and so is a row that is not there
    )

    def fits(self, value: Any) -> bool:
        """Whether a value that is there may be."""
        raise NotImplementedError

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """What a value goes through on its way out."""
        return self._checked

    def _checked(self, value: Any) -> Any:
        fits = self.may_be_empty if value is None else self.fits(value)
        if not fits:
            raise ProjectError(
                f"Expected {self.expected} in the database project.db, got {value!r:.80}.",
                cause="the file is damaged, or was changed by somebody.",
                remedy="See what else is (nextslice verify PROJECT), and restore the project "
                "from a backup into another folder (nextslice restore).",
            )
        return value


class Count(_Checked):
    """A whole number from `least` to `most`."""

    cache_ok = True
    impl = Integer

    def __init__(self, least: int = 0, most: int = _LARGEST) -> None:
        super().__init__()
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
        return lambda value: None if value is None else bool(self._checked(value))


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

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.expected = f"a text of at most {most} characters"

    def fits(self, value: Any) -> bool:
        """Whether it is one."""
        return isinstance(value, str) and len(value) <= self.most

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """What a value goes through on its way in: what is kept must come back."""

        def bound(value: Any) -> Any:
            if isinstance(value, str) and not self.fits(value):
                raise ProjectError(
                    f"Expected {self.expected}, got {len(value):,}: {value[:60]!r}...",
                    remedy="Choose a shorter one; nothing was kept.",
                )
            return value

        return bound


class Word(_Checked):
    """One of some words, and never nothing."""

    cache_ok = True
    may_be_empty = False

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__()
        self.words = tuple(str(word) for word in words)
        self.expected = f"one of {', '.join(self.words)}"

    def fits(self, value: Any) -> bool:
        """Whether it is one of them."""
        return isinstance(value, str) and value in self.words


class Moment(_Checked):
    """A time in UTC, as ISO 8601 writes it, and never nothing."""

    cache_ok = True
    may_be_empty = False
    expected = "a time as ISO 8601 writes it"

    def fits(self, value: Any) -> bool:
        """Whether it is one."""
        if not isinstance(value, str):
            return False
        try:
            return datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            return False
