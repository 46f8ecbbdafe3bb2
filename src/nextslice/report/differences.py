"""One strategy less another, pair by pair and cycle by cycle.

A pair is two runs of one experiment and one setting with the same initial set and seed. Which
strategies are set against each other: each with random, and with against without stochastic
batches; of the latter all uncertainties together are the primary comparison (``primary.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from nextslice.evaluation.statistics import (
    PerPair,
    Unit,
    confidence,
    pairs_needed,
    sign_flip_p,
)
from nextslice.report.runs import MEAN, Metric
from nextslice.report.summaries import Group

__all__ = [
    "PLAN_FROM",
    "Difference",
    "PairKey",
    "pooled_spread",
    "against_random",
    "conditions",
    "difference",
    "higher_is_better",
    "over_settings",
    "with_and_without",
]

PLAN_FROM: Final = 3
"""Fewer pairs than these say nothing of how far pairs lie apart."""

PairsByCycles = Float[np.ndarray, "pairs cycles"]
"""One number per pair of runs and cycle; NaN where nothing was measured."""


PairKey = tuple[int, int, int]
"""Initial set, seed and split."""


@dataclass(frozen=True, eq=False)
class Difference:
    """A metric of one strategy less that of another.

    Attributes:
        first: The strategy whose value comes first in the subtraction.
        second: The one that is subtracted.
        metric: What is subtracted; Dice from 0 to 1, HD95 in its unit.
        values: Over the pairs that both have and the cycles that both compare, the initial
            one left out. Each row has at least one number.
        settings: The setting of each pair.
        keys: The initial set, seed and split of each pair, as ``Run.pair`` has them.
    """

    first: str
    second: str
    metric: Metric
    values: PairsByCycles
    settings: tuple[str, ...]
    keys: tuple[PairKey, ...]

    @property
    def pairs(self) -> int:
        """How many pairs of runs."""
        return len(self.values)

    @property
    def per_pair(self) -> PerPair:
        """The mean over cycles of each pair."""
        return np.asarray(np.nanmean(self.values, axis=1)) if self.pairs else np.zeros(0)

    @property
    def mean(self) -> float:
        """Over the pairs; NaN without any."""
        return float(np.mean(self.per_pair)) if self.pairs else math.nan

    @property
    def by_setting(self) -> dict[str, float]:
        """Setting -> the mean over its pairs."""
        found: dict[str, list[float]] = {}
        for setting, value in zip(self.settings, self.per_pair, strict=True):
            found.setdefault(setting, []).append(float(value))
        return {setting: float(np.mean(values)) for setting, values in found.items()}

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean (Student's t over pairs).

        None with fewer than three pairs: two that happen to be alike would seem certain.
        """
        return confidence(self.per_pair) if self.pairs >= PLAN_FROM else None

    @property
    def unanimous(self) -> bool:
        """Whether all pairs, three at least, agree on the better strategy."""
        signs = np.sign(self.per_pair)
        return self.pairs > 2 and abs(signs.sum()) == self.pairs

    @property
    def first_is_better(self) -> bool:
        """Whether the difference speaks for the first of the two."""
        return (self.mean > 0) == higher_is_better(self.metric)

    @property
    def sets(self) -> int:
        """How many initial sets the pairs begin with, counted for each split."""
        return len(self._by_set())

    @property
    def crossed(self) -> bool:
        """Whether several pairs begin with one initial set while others have another.

        They share its slices, so that they are alike in more than the strategies are.
        """
        return 1 < self.sets < self.pairs

    def p(self, unit: Unit = "run") -> float:
        """Two-sided p-value of the paired permutation test; NaN without a pair."""
        return float(sign_flip_p(self.values, unit=unit)) if self.pairs else math.nan

    def p_by_set(self) -> float:
        """The same where all pairs of an initial set are flipped together.

        Holds where a strategy suits some initial sets and not others, and gains nothing on
        average; the test by run asks whether the strategies are equal in every initial set.
        """
        sums = [float(np.sum(values)) for values in self._by_set().values()]
        return float(sign_flip_p(np.array(sums)[:, np.newaxis])) if sums else math.nan

    def needed(self, tests: int = 1) -> int | None:
        """How many pairs would find a difference of this size; see ``pairs_needed``.

        To be asked only where there are ``PLAN_FROM`` pairs: a spread between two of them is
        no guide to anything.

        Args:
            tests: How many comparisons are corrected together.
        """
        return pairs_needed(self.per_pair, tests=tests)

    def _by_set(self) -> dict[tuple[int, int], list[float]]:
        found: dict[tuple[int, int], list[float]] = {}
        for (initial, _, split), value in zip(self.keys, self.per_pair, strict=True):
            found.setdefault((initial, split), []).append(float(value))
        return found


def higher_is_better(metric: Metric) -> bool:
    """True for Dice, False for HD95."""
    return metric != "hd95_3d_mm"


def difference(
    first: Group, second: Group, metric: Metric = "dice_3d", name: str = MEAN
) -> Difference:
    """Two strategies, paired by initial set, seed and split.

    Args:
        first: Of one experiment and setting.
        second: Of the same.
        metric: What is subtracted.
        name: The class, or the mean over classes.
    """
    cycles = sorted(set(first.queried_cycles) & set(second.queried_cycles))
    others = {run.pair: run.metric(metric, name) for run in second.compared}
    rows, keys = [], []
    for run in first.compared:
        mine, its = run.metric(metric, name), others.get(run.pair, {})
        row = [mine.get(cycle, math.nan) - its.get(cycle, math.nan) for cycle in cycles]
        if not all(map(math.isnan, row)):
            rows.append(row)
            keys.append(run.pair)
    values = np.array(rows, dtype=float).reshape(len(rows), len(cycles))
    settings = (first.setting,) * len(rows)
    return Difference(first.strategy, second.strategy, metric, values, settings, tuple(keys))


def over_settings(
    pairs: Sequence[tuple[Group, Group]], metric: Metric = "dice_3d", name: str = MEAN
) -> list[Difference]:
    """Differences of the same two strategies in several settings as one each.

    A pair stays within its setting; the pairs of all settings stand below each other. Those of
    one seed in two settings share what the seed decides, and count as two nevertheless.

    Args:
        pairs: From :func:`against_random` or :func:`with_and_without`, of one experiment.
        metric: What is subtracted.
        name: The class, or the mean over classes.

    Returns:
        With plain names, in the order of first appearance; none of strategies of which one
        has no value at all, as those of live projects, which have no test cases.
    """
    found: dict[tuple[str, str], list[Difference]] = {}
    for first, second in pairs:
        if not (first.values(metric, name) and second.values(metric, name)):
            continue
        names = (first.plain_name, second.plain_name)
        found.setdefault(names, []).append(difference(first, second, metric, name))
    return [
        Difference(
            *names,
            metric,
            _stacked([part.values for part in parts]),
            tuple(setting for part in parts for setting in part.settings),
            tuple(key for part in parts for key in part.keys),
        )
        for names, parts in found.items()
    ]


def pooled_spread(found: Sequence[Difference]) -> float | None:
    """Standard deviation of a pair's difference, pooled over comparisons; None with no two."""
    freedom = sum(one.pairs - 1 for one in found if one.pairs > 1)
    squares = math.fsum(
        float(np.var(one.per_pair, ddof=1)) * (one.pairs - 1) for one in found if one.pairs > 1
    )
    return math.sqrt(squares / freedom) if freedom else None


def against_random(groups: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Each strategy with random sampling in the same experiment and setting, if that ran."""
    chance: dict[tuple[str, str], Group] = {}
    for group in groups:
        if _selects(group) == "random":
            known = chance.setdefault(_where(group), group)
            if known.runs[0].uncertainty is not None:  # the plain one, where there is one
                chance[_where(group)] = group
    return [
        (group, chance[_where(group)])
        for group in groups
        if _where(group) in chance and chance[_where(group)] is not group
    ]


def with_and_without(groups: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Stochastic batches over an uncertainty, and the top slices of the same uncertainty.

    Under rules, such as a cap of slices per volume, both have the same ones.
    """
    of_batches = [group for group in groups if group.runs[0].core.name == "stochastic-batches"]
    of_top = [group for group in groups if group.runs[0].core.name == "top-k"]
    return [(a, b) for a in of_batches for b in of_top if conditions(a) == conditions(b)]


def conditions(group: Group) -> tuple[object, ...]:
    """What two selections over scores must share: data, setting, uncertainty and rules."""
    run = group.runs[0]
    return *_where(group), run.uncertainty, run.rules


def _stacked(parts: Sequence[PairsByCycles]) -> PairsByCycles:
    longest = max(part.shape[1] for part in parts)
    return np.concatenate(
        [
            np.pad(part, ((0, 0), (0, longest - part.shape[1])), constant_values=np.nan)
            for part in parts
        ]
    )


def _where(group: Group) -> tuple[str, str]:
    return group.experiment, group.setting


def _selects(group: Group) -> str:
    return group.runs[0].selection.name
