"""Runs of one strategy together: means, spreads and the area under the budget curve.

As in the paper (table 1), means go over cycles and seeds, the initial set left out because
all strategies share it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextslice.evaluation.statistics import area_under_curve, confidence
from nextslice.report.runs import MEAN, Metric, Run

__all__ = [
    "METRICS",
    "Group",
    "Spread",
    "Summary",
    "confidence",
    "groups",
    "median",
    "sampling_seconds",
    "summarise",
]

METRICS: tuple[Metric, ...] = ("dice_3d", "dice_2d", "hd95_3d_mm")


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean and a sample standard deviation (n - 1), None where there is one value."""

    mean: float
    std: float | None
    count: int

    @staticmethod
    def of(values: Iterable[float]) -> Spread | None:
        """Of all finite values; None where there is none."""
        finite = np.array([value for value in values if math.isfinite(value)])
        if len(finite) == 0:
            return None
        std = float(finite.std(ddof=1)) if len(finite) > 1 else None
        return Spread(float(finite.mean()), std, len(finite))


@dataclass(frozen=True)
class Group:
    """The runs of one strategy in one experiment: which are compared over which cycles.

    Attributes:
        strategy: Its name.
        experiment: What it ran on.
        runs: All of its runs.
        compared: One run per initial set and seed: the finished ones, or where there is none
            all that recorded something. A half-finished run among finished ones would drag
            the mean towards the first, small labelled sets.
        cycles: The cycles that all compared runs have recorded, the initial one included.
    """

    strategy: str
    experiment: str
    runs: tuple[Run, ...]
    compared: tuple[Run, ...]
    cycles: tuple[int, ...]

    @property
    def plain_name(self) -> str:
        """What the strategy is called in a table that holds one setting."""
        return self.runs[0].plain_name

    @property
    def setting(self) -> str:
        """What was varied on purpose besides the strategy; only runs of one are pairs."""
        return self.runs[0].setting

    @property
    def unfinished(self) -> tuple[Run, ...]:
        """Runs that have not recorded every planned cycle."""
        return tuple(run for run in self.runs if not run.finished)

    @property
    def repeated(self) -> tuple[Run, ...]:
        """Runs left out because another has the same strategy, initial set, seed and split."""
        kept = {id(run) for run in _one_per_pair(self.runs)}
        return tuple(run for run in self.runs if id(run) not in kept)

    @property
    def queried_cycles(self) -> tuple[int, ...]:
        """The compared cycles without the initial one."""
        return tuple(cycle for cycle in self.cycles if cycle > 0)

    @property
    def measured(self) -> bool:
        """Whether there is any 3D Dice after the initial cycle: live projects have none."""
        return bool(self.values("dice_3d"))

    def values(self, metric: Metric, name: str = MEAN) -> list[float]:
        """The metric of each compared run in each compared cycle after the initial one."""
        series = [run.metric(metric, name) for run in self.compared]
        return [s[cycle] for s in series for cycle in self.queried_cycles if cycle in s]

    def curve(self, run: Run, name: str = MEAN) -> dict[int, float]:
        """Labelled slices -> 3D Dice of a run, in the compared cycles."""
        dice, labelled = run.metric("dice_3d", name), run.recorded
        return {labelled[cycle]: dice[cycle] for cycle in self.cycles if cycle in dice}


@dataclass(frozen=True)
class Summary:
    """A strategy's row of the comparison.

    Attributes:
        strategy: Its name.
        experiment: What it ran on.
        seeds: Compared runs, one per initial set and seed.
        unfinished: How many of its runs are not finished.
        provisional: Whether the compared runs themselves are not finished.
        cycles: Queries that the means go over.
        labelled: Labelled slices at the first and the last compared cycle.
        distance_unit: The unit of HD95.
        metrics: (metric, class or mean) -> over cycles and seeds; Dice from 0 to 1.
        final: Mean 3D Dice at the last compared cycle, over seeds.
        area: Area under 3D Dice against labelled slices, divided by the range, over seeds.
        strength: Sigma above the pool's mean score, over queries and seeds.
        volumes: Distinct volumes per query, over queries and seeds.
        seconds: Scoring and selecting per query, over queries and seeds.
        median_seconds: The same, the median: one query that had to wait for a busy machine
            does not move it.
    """

    strategy: str
    experiment: str
    seeds: int
    unfinished: int
    provisional: bool
    cycles: int
    labelled: tuple[int, int] | None
    distance_unit: str
    classes: tuple[str, ...]
    metrics: Mapping[tuple[Metric, str], Spread | None]
    final: Spread | None
    area: Spread | None
    strength: Spread | None
    volumes: Spread | None
    seconds: Spread | None
    median_seconds: float | None


def groups(runs: Sequence[Run]) -> tuple[Group, ...]:
    """Runs by experiment and strategy, in the order in which these first appear."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.experiment, run.strategy), []).append(run)
    return tuple(_group(members) for members in found.values())


def summarise(runs: Sequence[Run]) -> tuple[Summary, ...]:
    """One summary per experiment and strategy."""
    return tuple(_summary(group) for group in groups(runs))


def sampling_seconds(group: Group) -> list[float]:
    """Seconds to score and select, of each compared run and query."""
    series = [run.sampling_seconds() for run in group.compared]
    return [s[cycle] for s in series for cycle in group.queried_cycles if cycle in s]


def median(values: Sequence[float]) -> float | None:
    """The middle one; None where there is none."""
    return float(np.median(values)) if values else None


def _group(members: Sequence[Run]) -> Group:
    single = _one_per_pair(members)
    finished = [run for run in single if run.finished]
    compared = finished or [run for run in single if run.recorded]
    common = set.intersection(*(set(run.recorded) for run in compared)) if compared else set()
    first = members[0]
    return Group(
        first.strategy, first.experiment, tuple(members), tuple(compared), tuple(sorted(common))
    )


def _one_per_pair(runs: Iterable[Run]) -> list[Run]:
    """Of runs with the same initial set, seed and split the one that went farthest."""
    best: dict[tuple[int, int, int], Run] = {}
    for run in runs:
        other = best.get(run.pair)
        if other is None or len(run.recorded) > len(other.recorded):
            best[run.pair] = run
    return list(best.values())


def _summary(group: Group) -> Summary:
    classes = group.compared[0].classes if group.compared else ()
    last = group.cycles[-1:]
    finals = [run.metric("dice_3d").get(cycle) for run in group.compared for cycle in last]
    areas = [_area(group.curve(run)) for run in group.compared]
    units = {run.distance_unit for run in group.compared}
    return Summary(
        strategy=group.strategy,
        experiment=group.experiment,
        seeds=len(group.compared),
        unfinished=len(group.unfinished),
        provisional=not any(run.finished for run in group.compared),
        cycles=len(group.queried_cycles),
        labelled=_labelled(group),
        distance_unit=" or ".join(sorted(units)) or "mm",
        classes=classes,
        metrics={
            (metric, name): Spread.of(group.values(metric, name))
            for metric in METRICS
            for name in (MEAN, *classes)
        },
        final=Spread.of(value for value in finals if value is not None),
        area=Spread.of(areas),
        strength=_per_query(group, [run.strengths() for run in group.compared]),
        volumes=_per_query(group, [run.volumes() for run in group.compared]),
        seconds=Spread.of(sampling_seconds(group)),
        median_seconds=median(sampling_seconds(group)),
    )


def _area(curve: Mapping[int, float]) -> float:
    labelled = sorted(curve)
    return area_under_curve(
        np.array(labelled, dtype=float), np.array([curve[count] for count in labelled])
    )


def _labelled(group: Group) -> tuple[int, int] | None:
    recorded = [run.recorded for run in group.compared]
    counts = [of_run[cycle] for of_run in recorded for cycle in group.cycles]
    return (min(counts), max(counts)) if counts else None


def _per_query(group: Group, series: Sequence[Mapping[int, float]]) -> Spread | None:
    return Spread.of(s[cycle] for s in series for cycle in group.queried_cycles if cycle in s)
