"""What the numbers say, in a few plain sentences, and what they cannot say.

The main number is the mean 3D Dice over classes and cycles. Strategies are compared with and
without stochastic batches, and with random sampling; a difference is called significant where
the permutation test by run, corrected for the number of such comparisons (Holm), gives
p < 0.05. With fewer than five pairs there is no word of significance, and the pairs themselves
are told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from nextslice.evaluation.statistics import holm
from nextslice.report.differences import (
    PLAN_FROM,
    Difference,
    against_random,
    over_settings,
    with_and_without,
)
from nextslice.report.queried import on_queries
from nextslice.report.runs import Run
from nextslice.report.stars import ALPHA, few_pairs
from nextslice.report.summaries import Group, groups
from nextslice.report.tables import plain_text
from nextslice.wording import a_few, counted

__all__ = ["reading", "spread_between_seeds"]

_INTERVAL_FROM = 5  # pairs; with fewer an interval is wider than the pairs themselves
_TELL_EACH = 3  # comparisons with random; more are told together
_LEVEL = 0.05  # points that nobody can see
_STARTS = (
    "Significantly above random (points of mean 3D Dice, p after Holm's correction)",
    "Significantly below random",
    "Above random in every pair, a hint and no proof (p not corrected)",
    "Below random in every pair, a hint and no proof (p not corrected)",
    "Not told apart from random (in brackets the difference, and how many pairs more would be "
    "needed to find it if that is its true size)",
    "Without a seed in common with random",
)


def reading(runs: Sequence[Run]) -> list[str]:
    """Sentences about the runs of one experiment.

    First how far seeds differ, then stochastic batches, then random sampling, then what the
    number of pairs cannot tell, then what was queried.
    """
    compared = [group for group in groups(runs) if group.queried_cycles]
    if not compared:
        return ["No cycle after the initial one is recorded yet: there is nothing to compare."]
    if len({group.plain_name for group in compared}) == 1:
        beside = "another" if _selects_at_random(compared[0]) else "random"
        return [
            f"There is one strategy, {plain_text(compared[0].plain_name)}: run {beside} beside "
            "it, with the same seeds, to see what either gains.",
            *on_queries(compared),
        ]
    spread = spread_between_seeds(compared)
    both = over_settings(with_and_without(compared))
    versus = over_settings(against_random(compared))
    many = len(versus) > _TELL_EACH
    return [
        _on_seeds(compared, spread),
        *_on_comparisons(both, spread),
        *(_together(versus) if many else _on_comparisons(versus, spread)),
        *_on_limits(both, versus, intervals=both if many else [*both, *versus]),
        *on_queries(compared),
    ]


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


def _selects_at_random(group: Group) -> bool:
    return group.runs[0].selection.name == "random"


def _on_seeds(compared: Sequence[Group], spread: float | None) -> str:
    counts = sorted({len(group.compared) for group in compared})
    own = all(run.initial_seed == run.seed for group in compared for run in group.compared)
    noun = "seed" if own else "run"
    seeds = counted(counts[-1], noun)
    if len(counts) > 1:
        seeds = f"{counts[0]} to {seeds}"
    start = f"{len({group.plain_name for group in compared})} strategies with {seeds} each"
    settings = list(dict.fromkeys(plain_text(group.setting) for group in compared))
    if len(settings) > 1:
        start += f" in each of {len(settings)} settings ({a_few(settings)})"
    if spread is None:
        return (
            f"{start}: without a second {noun} nobody can tell a better strategy from a "
            "luckier one. The differences below are anecdotes."
        )
    return (
        f"{start}. Between {noun}s of one strategy, mean 3D Dice varies with a standard "
        f"deviation of {100 * spread:.1f} points; a difference between strategies has to be "
        "seen beside that."
    )


def _on_comparisons(found: Sequence[Difference], spread: float | None) -> list[str]:
    corrected = _corrected(found)
    return [_told(one, p, spread) for one, p in zip(found, corrected, strict=True)]


def _together(found: Sequence[Difference]) -> list[str]:
    """Many comparisons with random sampling, sorted by what can be said of them."""
    told: dict[str, list[str]] = {start: [] for start in _STARTS}
    for one, p in zip(found, _corrected(found), strict=True):
        more = _more_pairs(one)
        level = abs(100 * one.mean) < _LEVEL
        words = [
            "" if one.pairs == 0 else "level" if level else _signed(one.mean),
            f"p = {p:.2g}" if p < ALPHA else f"p = {one.p():.2g}" if one.unanimous else "",
            "" if one.unanimous or p < ALPHA else more,
        ]
        aside = ", ".join(filter(None, words))
        told[_start(one, p)].append(plain_text(one.first) + (f" ({aside})" if aside else ""))
    return [f"{start}: {'; '.join(names)}." for start, names in told.items() if names]


def _start(found: Difference, corrected: float) -> str:
    """How the sentence begins that a comparison with random belongs to."""
    above, below, hints_above, hints_below, open_, lone = _STARTS
    if found.pairs == 0:
        return lone
    if corrected < ALPHA:
        return above if found.first_is_better else below
    if found.unanimous:
        return hints_above if found.first_is_better else hints_below
    return open_


def _corrected(found: Sequence[Difference]) -> list[float]:
    return [float(p) for p in holm(np.array([one.p() for one in found], dtype=float))]


def _told(found: Difference, corrected: float, spread: float | None) -> str:
    first, second = plain_text(found.first), plain_text(found.second)
    if not found.pairs:
        return f"{first} and {second} have no seed in common and cannot be paired."
    points = 100 * found.mean
    size = "level with" if abs(points) < _LEVEL else f"{abs(points):.1f} Dice points "
    if abs(points) >= _LEVEL:
        size += "above" if points > 0 else "below"
    start = f"{first} was {size} {second} in mean 3D Dice over cycles"
    if found.pairs >= _INTERVAL_FROM:
        by_setting = found.by_setting
        where = "; ".join(f"{plain_text(k)}: {_signed(v)}" for k, v in by_setting.items())
        pairs = f"{found.pairs} pairs" + (f"; {where}" if len(by_setting) > 1 else "")
        return f"{start} ({pairs}): {_tested(found, corrected)}"
    each = [100 * float(value) for value in found.per_pair]
    told = ", ".join(_signed(value) for value in found.per_pair)
    start += f" ({counted(len(each), 'pair')}: {told})"
    if len(each) == 1 or spread is None:
        return f"{start}. With 1 pair this may as well be chance."
    if min(each) < 0 < max(each):
        return (
            f"{start}. The sign changes from pair to pair: with {len(each)} pairs, within "
            "chance."
        )
    if abs(points) <= 100 * spread:
        return (
            f"{start}. That is no more than the spread between seeds ({100 * spread:.1f}): "
            f"with {len(each)} pairs a difference of this size is within chance."
        )
    return (
        f"{start}. That is more than the spread between seeds ({100 * spread:.1f}), a trend; "
        f"{len(each)} pairs are too few to rule out chance."
    )


def _tested(found: Difference, corrected: float) -> str:
    """Interval, p and verdict, with what more pairs could do."""
    low, high = found.interval or (math.nan, math.nan)
    p = found.p()
    told = f"95% confidence interval {_signed(low)} to {_signed(high)}, p = {p:.2g}"
    if p < ALPHA and corrected > p:
        told += f" ({corrected:.2g} after Holm's correction)"
    if corrected < ALPHA:
        return f"{told}: a significant difference."
    if found.unanimous:
        return (
            f"{told}. All {found.pairs} pairs agree: a hint, as strong as so few pairs can "
            "give, and no proof."
        )
    more = _more_pairs(found)
    ending = f" A difference of this size would need {more}." if more else ""
    return f"{told}; this may be chance.{ending}"


def _more_pairs(found: Difference) -> str:
    """How many pairs are missing; nothing where the two are level or pairs are not the lack."""
    if abs(100 * found.mean) < _LEVEL or found.pairs < PLAN_FROM:
        return ""
    needed = found.needed
    if needed is None:
        return "more than 1,000 pairs"
    missing = needed - found.pairs
    return f"about {counted(missing, 'pair')} more" if missing > 0 else ""


def _signed(dice: float) -> str:
    """A difference in points, "+1.2"; what is rounded to nothing has no sign."""
    told = f"{100 * dice:+.1f}"
    return "0.0" if float(told) == 0 else told


def _on_limits(
    both: Sequence[Difference],
    versus: Sequence[Difference],
    *,
    intervals: Sequence[Difference],
) -> list[str]:
    """What the number of pairs and of comparisons means for all that was said."""
    sentences = few_pairs(one.pairs for one in (*both, *versus) if one.pairs > 1)
    if any(len(one.by_setting) > 1 for one in (*both, *versus)):
        sentences.append(
            "Pairs of one seed in several settings share what the seed decides, and count as "
            "separate pairs here: p and intervals are rather too small."
        )
    told = sum(one.pairs >= _INTERVAL_FROM for one in intervals)
    if told > 1:
        sentences.append(
            f"The {told} intervals are not corrected for being many: the more there are, the "
            "likelier one of them leaves out 0 by chance."
        )
    tested = [one for one in both if one.pairs > 1]
    if tested:
        low = sum(one.p("cycle") < ALPHA for one in tested)
        sentences.append(
            "If each cycle counted as a pair of its own, as the paper probably has it, p would "
            f"be below {ALPHA} for {low} of {counted(len(tested), 'comparison')} with and "
            "without stochastic batches. Cycles of one run resemble each other, so that such a "
            "p says less than it seems to."
        )
    return sentences
