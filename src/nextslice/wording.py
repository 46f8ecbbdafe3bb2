"""Numbers and sentences in messages, so that they read as a person would write them."""

from __future__ import annotations

__all__ = ["a_few", "clause", "counted", "no_formula"]

_SHOWN = 5
# Wide letters too: spreadsheets of eastern Asia take them for the narrow ones.
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 case", "1,200 cases", "2 axes"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def a_few(names: list[str], shown: int = _SHOWN) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def clause(sentence: str) -> str:
    """A sentence without its full stop, to stand inside another."""
    return sentence.rstrip().removesuffix(".")


def no_formula(text: str) -> str:
    """A text that a spreadsheet shows as it is, and does not take for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_BEGIN_FORMULAS) else text
