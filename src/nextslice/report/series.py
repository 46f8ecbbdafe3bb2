"""The numbers behind a line: 3D Dice against a cost, its mean over seeds and its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextslice.report.runs import MEAN, Run
from nextslice.report.summaries import Group, confidence

__all__ = ["BAND_FROM", "Series", "by_query", "dice_against", "dice_series", "per_seed"]

BAND_FROM = 3
"""Seeds: with 2 the interval is 9 standard deviations wide and tells nothing."""


@dataclass(frozen=True)
class Series:
    """A line with its band.

    Attributes:
        x: Where its points stand.
        mean: Their heights; Dice in percent.
        low: The lower end of each point's 95 % confidence interval; NaN where there is none.
        high: The upper end.
    """

    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def end(self) -> tuple[float, float]:
        """The last point."""
        return self.x[-1], self.mean[-1]

    def __bool__(self) -> bool:
        return bool(self.x)


def dice_series(group: Group, name: str = MEAN) -> Series:
    """3D Dice against labelled slices, where every compared run has a value.

    Args:
        group: Runs of one strategy.
        name: A class, or the mean over classes.
    """
    curves = [group.curve(run, name) for run in group.compared]
    common = set.intersection(*(set(curve) for curve in curves)) if curves else set()
    counts = sorted(common)
    return _series(counts, [[curve[n] for curve in curves] for n in counts])


def dice_against(group: Group, cost_of: Callable[[Run], Mapping[int, float]]) -> Series:
    """3D Dice against what the labels have cost so far, cycle by cycle.

    Args:
        group: Runs of one strategy.
        cost_of: A run -> cycle -> the cost of all labels up to that cycle. The cost is
            averaged over seeds, as Dice is.
    """
    costs = [cost_of(run) for run in group.compared]
    dice = [run.metric("dice_3d") for run in group.compared]
    cycles = [
        cycle
        for cycle in group.cycles
        if all(cycle in c and cycle in d for c, d in zip(costs, dice, strict=True))
    ]
    x = [float(np.mean([cost[cycle] for cost in costs])) for cycle in cycles]
    return _series(x, [[values[cycle] for values in dice] for cycle in cycles])


def by_query(group: Group, series: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Query -> mean over seeds.

    Args:
        group: Runs of one strategy.
        series: For each compared run, query -> value; queries without a value are left out.
    """
    found = {
        cycle: [values[cycle] for values in series if cycle in values]
        for cycle in group.queried_cycles
    }
    return {cycle: float(np.mean(values)) for cycle, values in found.items() if values}


def per_seed(group: Group, *, last: bool = False) -> list[float]:
    """Mean 3D Dice over cycles of each seed, the initial one left out; from 0 to 1.

    Args:
        group: Runs of one strategy.
        last: Take the last cycle that all have instead of the mean over cycles.
    """
    cycles = group.queried_cycles[-1:] if last else group.queried_cycles
    series = [run.metric("dice_3d") for run in group.compared]
    return [
        float(np.mean(values))
        for one in series
        if (values := [one[cycle] for cycle in cycles if cycle in one])
    ]


def _series(x: Sequence[float], values: Sequence[Sequence[float]]) -> Series:
    bands = [
        (confidence(at) if len(at) >= BAND_FROM else None) or (math.nan, math.nan)
        for at in values
    ]
    return Series(
        tuple(float(place) for place in x),
        tuple(100 * float(np.mean(at)) for at in values),
        tuple(100 * low for low, _ in bands),
        tuple(100 * high for _, high in bands),
    )
