"""What is not as it was: settings and environments, held against those a run began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from nextslice.wording import a_few, counted

__all__ = ["differences", "differences_of_environments", "told"]

_ADDED_LATER: Final = frozenset({"code"})
"""What the environments of earlier versions do not hold: of these it is not known."""

_OWN_CODE: Final = "code.nextslice."
_OTHER_CODE: Final = "code.others."


def differences(
    then: Mapping[str, object], now: Mapping[str, object], but: frozenset[str] = frozenset()
) -> list[str]:
    """A line for each nested value that is not what it was.

    Args:
        then: Nested settings as they were.
        now: The same as they are.
        but: Dotted names that may differ.
    """
    old, new = _flattened(then), _flattened(now)
    absent = "(absent)"
    return [
        f"{name}: {old.get(name, absent)} then, {new.get(name, absent)} now"
        for name in sorted(old.keys() | new.keys())
        if name not in but and old.get(name) != new.get(name)
    ]


def differences_of_environments(
    then: Mapping[str, object], now: Mapping[str, object]
) -> list[str]:
    """The same for two environments, where what was not kept then is no difference."""
    unknown = _ADDED_LATER - then.keys()
    return differences(then, {name: v for name, v in now.items() if name not in unknown})


def told(changed: Sequence[str]) -> list[str]:
    """Lines of :func:`differences` for people, who read nothing in hashes."""
    lines = [line for line in changed if not line.startswith((_OWN_CODE, _OTHER_CODE))]
    lines = [
        "data: scans or labels are not as they were" if line.startswith("data: ") else line
        for line in lines
    ]
    own, others = (_named_in(changed, prefix) for prefix in (_OWN_CODE, _OTHER_CODE))
    if own:
        are = "is not as it was" if len(own) == 1 else "are not as they were"
        lines.append(f"code: {counted(len(own), 'file')} of nextslice {are}: {a_few(own)}")
    lines += [f"code: {name} is not as it was" for name in others]
    return lines


def _named_in(changed: Sequence[str], prefix: str) -> list[str]:
    """The files or modules of lines that begin so."""
    named = [line.removeprefix(prefix) for line in changed if line.startswith(prefix)]
    return [name.rpartition(": ")[0] for name in named]


def _flattened(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
