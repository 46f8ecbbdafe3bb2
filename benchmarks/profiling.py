"""Where the time went: the top of a profile, for works that miss their target."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["python_profile", "torch_profile"]

_TOP = 8
_HEAD = f"{'share':>6}  {'calls':>7}  "


def torch_profile(work: Callable[[], object]) -> str:
    """The operators that took the most time themselves."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        work()
    rows = sorted(profile.key_averages(), key=lambda e: -e.self_cpu_time_total)
    total = sum(row.self_cpu_time_total for row in rows)
    return (
        _HEAD
        + "operator\n"
        + "\n".join(
            f"{row.self_cpu_time_total / total:6.1%}  {row.count:7d}  {row.key}"
            for row in rows[:_TOP]
        )
    )


def python_profile(work: Callable[[], object]) -> str:
    """The functions that took the most time themselves."""
    profile = cProfile.Profile()
    profile.runcall(work)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    rows = sorted(stats.items(), key=lambda item: -item[1][2])
    total = sum(numbers[2] for _, numbers in rows)
    return (
        _HEAD
        + "function\n"
        + "\n".join(
            f"{numbers[2] / total:6.1%}  {numbers[1]:7d}  {_where(*function)}"
            for function, numbers in rows[:_TOP]
        )
    )


def _where(file: str, line: int, name: str) -> str:
    return name if file in {"~", ""} else f"{name} ({Path(file).name}:{line})"
