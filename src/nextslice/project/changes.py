"""What is not as it was: settings and environments, held against those a run began with."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["differences"]


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


def _flattened(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
