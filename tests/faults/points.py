"""Where the processes of these tests are stopped: some places always, all at leisure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pytest

__all__ = ["failures_of", "kills", "kills_of"]


def kills(
    few: Sequence[str], points: Sequence[str], later: Sequence[str], time: int
) -> list[object]:
    """Where to kill: at `few` points always; at all, and at `later` again, at leisure."""
    rest = [f"{name}:kill:1" for name in points if name not in few]
    rest += [f"{name}:kill:{time}" for name in later]
    return [
        *(f"{name}:kill:1" for name in few),
        *(pytest.param(name, marks=pytest.mark.faults) for name in rest),
    ]


def kills_of(
    reached: Mapping[str, Sequence[str]], few: Collection[str], later: Collection[str]
) -> list[object]:
    """Scenes, and where each is killed, at `later` the second time as well."""
    return [
        _param(name, f"{point}:kill:{time}", time == 1 and point in few)
        for name, points in reached.items()
        for point in points
        for time in ((1, 2) if point in later else (1,))
    ]


def failures_of(reached: Mapping[str, Sequence[str]], few: Collection[str]) -> list[object]:
    """Scenes, and where and how each write fails.

    SQLite writes by itself; what its errors become is tested with the project's database.
    """
    return [
        _param(name, failpoint, failpoint in few)
        for name, points in reached.items()
        for point in points
        for failpoint in _ways(point)
    ]


def _ways(point: str) -> list[str]:
    """How the write fails there: a full disk tells at once, one that fails tells at fsync."""
    what, _, step = point.partition(".")
    if what == "commit":
        return []
    return [f"{point}:{'eio' if step in ('fsynced', 'durable') else 'enospc'}"]


def _param(name: str, failpoint: str, always: bool) -> object:
    marks = () if always else (pytest.mark.faults,)
    return pytest.param(name, failpoint, marks=marks, id=f"{name}-{failpoint}")
