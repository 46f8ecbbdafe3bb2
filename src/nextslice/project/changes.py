"""What is not as it was: settings and environments, held against those a run began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from nextslice.wording import a_few, counted

__all__ = [
    "LIVE_MAY_CHANGE",
    "SIMULATED_MAY_CHANGE",
    "differences",
    "differences_of_environments",
    "told",
]

# Where the data lies or how fast the machine may work on it says nothing about the result; the
# pool's fingerprint guards the data.
_OF_DATA: Final = frozenset({"data.folder", "data.skip_refused"})

SIMULATED_MAY_CHANGE: Final = _OF_DATA | {"cycles"}
"""Dotted names of settings that may differ when a simulated run goes on: for more cycles, it
is no other run."""

LIVE_MAY_CHANGE: Final = _OF_DATA | {"initial", "budget", "first_query"}
"""Those that may differ when a live project goes on: it is no other one by how many slices its
next query has. One of an earlier version does not say how its first was selected: at random."""

_ADDED_LATER: Final = frozenset({"code"})
"""What the environments of earlier versions do not hold: of these it is not known."""

_ABSENT: Final = "(absent)"
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
    return [
        f"{name}: {old.get(name, _ABSENT)} then, {new.get(name, _ABSENT)} now"
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
        files = counted(len(own), "file")
        lines.append(f"code: {files} of nextslice {are}: {a_few(list(own))}")
    lines += [f"code: {name} {became}" for name, became in others.items()]
    return lines


def _named_in(changed: Sequence[str], prefix: str) -> dict[str, str]:
    """The files or modules of lines that begin so, and what became of each."""
    named = {}
    for line in changed:
        if line.startswith(prefix):
            name, _, hashes = line.removeprefix(prefix).rpartition(": ")
            if hashes.startswith(f"{_ABSENT} then"):
                named[name] = "is used now, and was not"
            elif hashes.endswith(f"{_ABSENT} now"):
                named[name] = "is no longer used, or gone"
            else:
                named[name] = "is not as it was"
    return named


def _flattened(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
