"""Does the repr of a strategy say all that it is?"""

from __future__ import annotations

import dataclasses
import sys

__all__ = ["from_repr"]


def from_repr(strategy: object) -> object:
    """The strategy that its repr describes, with the names of the modules it comes from.

    Raises:
        AssertionError: The repr is no expression that builds one.
    """
    text = repr(strategy)
    try:
        return eval(text, _names(strategy))  # noqa: S307 - the text is the tested class's own
    except Exception as error:
        raise AssertionError(f"The repr {text!r} does not rebuild it: {error!r}") from error


def _names(strategy: object) -> dict[str, object]:
    names: dict[str, object] = {}
    if dataclasses.is_dataclass(strategy):
        for field in dataclasses.fields(strategy):
            names |= _names(getattr(strategy, field.name))
        names |= vars(sys.modules[type(strategy).__module__])
        names[type(strategy).__name__] = type(strategy)
    return names
