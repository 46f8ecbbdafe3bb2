"""What the numbers say, in a few plain sentences, and what they cannot say.

A difference between strategies stands beside the spread between seeds of one strategy. With
fewer than five pairs there is no word of significance; from five on a confidence interval,
which is not corrected for the number of comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextslice.report.experiments import comparable
from nextslice.report.runs import Run
from nextslice.report.summaries import Group, Spread, confidence, groups, summarise
from nextslice.report.tables import plain_text

__all__ = ["Difference", "difference", "reading", "spread_between_seeds"]

_ENOUGH_PAIRS = 5


@dataclass(frozen=True)
class Difference:
    """Mean 3D Dice of one strategy less that of another, pair by pair.

    Attributes:
        better: The strategy whose value comes first in the subtraction.
        other: The one that is subtracted.
        pairs: One difference per seed that both have, over the cycles that both have, the
            initial one left out; Dice from 0 to 1.
    """

    better: str
    other: str
    pairs: tuple[float, ...]


def reading(runs: Sequence[Run]) -> list[str]:
    """Sentences about the runs of one experiment, the comparisons with chance first."""
    compared = [group for group in groups(runs) if group.queried_cycles]
    if not compared:
        return ["No cycle after the initial one is recorded yet: there is nothing to compare."]
    if len(compared) == 1:
        beside = "another" if _selects(compared[0]) == "random" else "random"
        return [
            f"There is one strategy, {plain_text(compared[0].strategy)}: run {beside} beside "
            "it, with the same seeds, to see what either gains.",
            *_on_queries(runs),
        ]
    spread = spread_between_seeds(compared)
    found = [difference(a, b) for a, b in _comparisons(compared)]
    sentences = [_on_seeds(compared, spread), *(_told(one, spread) for one in found)]
    intervals = sum(len(one.pairs) >= _ENOUGH_PAIRS for one in found)
    if intervals > 1:
        sentences.append(
            f"These {intervals} intervals are not corrected for being many: the more there "
            "are, the likelier one of them leaves out 0 by chance."
        )
    return [*sentences, *_on_queries(runs)]


def difference(first: Group, second: Group) -> Difference:
    """Two strategies, paired by seed and split."""
    cycles = sorted(set(first.queried_cycles) & set(second.queried_cycles))
    others = {run.pair: run.metric("dice_3d") for run in second.compared}
    pairs = []
    for run in first.compared:
        mine, other = run.metric("dice_3d"), others.get(run.pair, {})
        gains = [
            mine[cycle] - other[cycle] for cycle in cycles if cycle in mine and cycle in other
        ]
        if gains:
            pairs.append(float(np.mean(gains)))
    return Difference(first.strategy, second.strategy, tuple(pairs))


def spread_between_seeds(compared: Sequence[Group]) -> float | None:
    """Standard deviation of a run's mean 3D Dice between seeds, pooled over the strategies.

    None where no strategy has two seeds.
    """
    squares, freedom = 0.0, 0
    for group in compared:
        means = [
            float(np.mean(values))
            for run in group.compared
            if (values := _of_cycles(run.metric("dice_3d"), group.queried_cycles))
        ]
        if len(means) > 1:
            squares += float(np.var(means, ddof=1)) * (len(means) - 1)
            freedom += len(means) - 1
    return math.sqrt(squares / freedom) if freedom else None


def _of_cycles(values: Mapping[int, float], cycles: Sequence[int]) -> list[float]:
    return [values[cycle] for cycle in cycles if cycle in values]


def _comparisons(compared: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Each strategy with random, then with and without stochastic batches.

    Only where all other settings are the same: another budget is another experiment.
    """
    alike = [(a, b) for a in compared for b in compared if a is not b and _alike(a, b)]
    with_chance = [(a, b) for a, b in alike if _selects(b) == "random"]
    with_without = [
        (a, b)
        for a, b in alike
        if _selects(a) == "stochastic-batches"
        and _selects(b) == "top-k"
        and a.runs[0].uncertainty == b.runs[0].uncertainty
    ]
    return [*with_chance, *with_without] or alike[-1:]


def _selects(group: Group) -> str:
    return group.runs[0].selection.name


def _alike(first: Group, second: Group) -> bool:
    return comparable(first.runs[0].config) == comparable(second.runs[0].config)


def _on_seeds(compared: Sequence[Group], spread: float | None) -> str:
    counts = sorted({len(group.compared) for group in compared})
    seeds = _plural(counts[-1], "seed")
    if len(counts) > 1:
        seeds = f"{counts[0]} to {seeds}"
    if spread is None:
        return (
            f"{len(compared)} strategies with {seeds} each: without a second seed nobody can "
            "tell a better strategy from a luckier one. The differences below are anecdotes."
        )
    return (
        f"{len(compared)} strategies with {seeds} each. Between seeds of one strategy, mean 3D "
        f"Dice varies with a standard deviation of {100 * spread:.1f} points; a difference "
        "between strategies has to be seen beside that."
    )


def _told(found: Difference, spread: float | None) -> str:
    first, second = plain_text(found.better), plain_text(found.other)
    if not found.pairs:
        return f"{first} and {second} have no seed in common and cannot be paired."
    points = [100 * value for value in found.pairs]
    mean, count = float(np.mean(points)), len(points)
    size = "level with" if abs(mean) < 0.05 else f"{abs(mean):.1f} Dice points "
    if abs(mean) >= 0.05:
        size += "above" if mean > 0 else "below"
    start = f"{first} was {size} {second} in mean 3D Dice over cycles"
    if count >= _ENOUGH_PAIRS:
        return f"{start} ({count} pairs): {_interval(points)}"
    each = ", ".join(f"{value:+.1f}" for value in points)
    start += f" ({_plural(count, 'seed')}: {each})"
    if count == 1 or spread is None:
        return f"{start}. With 1 pair this may as well be chance."
    if min(points) < 0 < max(points):
        return (
            f"{start}. The sign changes from seed to seed: with {count} seeds, within chance."
        )
    if abs(mean) <= 100 * spread:
        return (
            f"{start}. That is no more than the spread between seeds ({100 * spread:.1f}): "
            f"with {count} seeds a difference of this size is within chance."
        )
    return (
        f"{start}. That is more than the spread between seeds ({100 * spread:.1f}), a trend; "
        f"{count} pairs are too few to rule out chance."
    )


def _interval(points: Sequence[float]) -> str:
    low, high = confidence(points) or (math.nan, math.nan)
    verdict = "; this may be chance." if low <= 0 <= high else "."
    return f"95% confidence interval {low:+.1f} to {high:+.1f}{verdict}"


def _on_queries(runs: Sequence[Run]) -> list[str]:
    summaries = summarise(runs)
    touched = [(s.strategy, s.volumes) for s in summaries if s.volumes is not None]
    strong = [(s.strategy, s.strength) for s in summaries if s.strength is not None]
    sentences = []
    if touched:
        sentences.append(f"Distinct volumes in a query, on average: {_listed(touched)}.")
    if strong:
        sentences.append(
            "The queries scored above the mean of the pool, in standard deviations: "
            f"{_listed(strong)}."
        )
    return sentences


def _listed(values: Sequence[tuple[str, Spread]]) -> str:
    return "; ".join(f"{plain_text(name)} {spread.mean:.1f}" for name, spread in values)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
