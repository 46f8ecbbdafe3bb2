"""What one comparison of two strategies says, in a sentence, and what more pairs could do.

A difference is called significant where the permutation test by run, corrected for the number
of comparisons of its family (Holm), gives p < 0.05. With fewer than five pairs there is no
word of significance nor of a hint, and the pairs themselves are told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from nextslice.evaluation.statistics import fewest_pairs, holm
from nextslice.report.differences import PLAN_FROM, Difference
from nextslice.report.stars import ALPHA
from nextslice.report.tables import plain_text
from nextslice.wording import counted

__all__ = ["INTERVAL_FROM", "family_size", "on_comparisons", "planned", "together"]

INTERVAL_FROM: Final = 5
"""Pairs; with fewer an interval is wider than the pairs themselves."""

_LEVEL: Final = 0.05  # points that nobody can see
_STARTS: Final = (
    "Significantly above random (points of mean 3D Dice, p after Holm's correction)",
    "Significantly below random",
    "Above random in every pair, a hint and no proof (p not corrected, and how many pairs more "
    "to plan for)",
    "Below random in every pair, a hint and no proof (p not corrected, and how many pairs more "
    "to plan for)",
    "Not told apart from random (in brackets the difference, and how many pairs more to plan "
    "for if that is its true size)",
    "With one pair or two, from which no number can be planned ({tests} take {least} pairs at "
    "least)",
    "Without a seed in common with random",
)


def family_size(found: Sequence[Difference]) -> int:
    """How many tests are corrected together: comparisons with a pair."""
    return sum(one.pairs > 0 for one in found)


def on_comparisons(found: Sequence[Difference], spread: float | None) -> list[str]:
    """A sentence or two on each of a family of comparisons.

    Args:
        found: Corrected together.
        spread: Standard deviation of a pair's difference; None where it is not known.
    """
    tests = family_size(found)
    return [
        _told(one, p, tests, spread) for one, p in zip(found, _corrected(found), strict=True)
    ]


def together(found: Sequence[Difference]) -> list[str]:
    """Many comparisons with random sampling, sorted by what can be said of them."""
    tests = family_size(found)
    numbers = {"tests": counted(tests, "comparison"), "least": fewest_pairs(max(tests, 1))}
    told: dict[str, list[str]] = {start: [] for start in _STARTS}
    for one, p in zip(found, _corrected(found), strict=True):
        level = abs(100 * one.mean) < _LEVEL
        shown = p < ALPHA or _hints(one)
        words = [
            "" if one.pairs == 0 else "level" if level else _signed(one.mean),
            f"p = {p if p < ALPHA else one.p():.2g}" if shown else "",
            f"by initial set p = {one.p_by_set():.2g}" if shown and one.crossed else "",
            "" if p < ALPHA or one.pairs < PLAN_FROM else planned(one, tests),
        ]
        bracket = ", ".join(filter(None, words))
        name = plain_text(one.first)
        told[_start(one, p)].append(f"{name} ({bracket})" if bracket else name)
    return [
        f"{start.format(**numbers)}: {'; '.join(names)}."
        for start, names in told.items()
        if names
    ]


def planned(found: Difference, tests: int) -> str:
    """How many pairs more to plan for, as "about 4 pairs more"; empty where the two are level.

    Args:
        found: The difference; its size and its spread are taken for the true ones.
        tests: How many comparisons are corrected together.
    """
    if abs(100 * found.mean) < _LEVEL:
        return ""
    if found.pairs < PLAN_FROM:
        return f"at least {fewest_pairs(tests)} pairs in all"
    needed = found.needed(tests)
    if needed is None:
        return "more than 1,000 pairs"
    missing = needed - found.pairs
    if missing > 0:
        return f"about {counted(missing, 'pair')} more"
    return "as many pairs as these would do four times in five"


def _start(found: Difference, corrected: float) -> str:
    """How the sentence begins that a comparison with random belongs to."""
    above, below, hints_above, hints_below, open_, few, lone = _STARTS
    if found.pairs < PLAN_FROM:
        return few if found.pairs else lone
    if corrected < ALPHA:
        return above if found.first_is_better else below
    if _hints(found):
        return hints_above if found.first_is_better else hints_below
    return open_


def _hints(found: Difference) -> bool:
    """Whether all pairs agree, and are enough: three often do by chance."""
    return found.unanimous and found.pairs >= INTERVAL_FROM


def _corrected(found: Sequence[Difference]) -> list[float]:
    return [float(p) for p in holm(np.array([one.p() for one in found], dtype=float))]


def _told(found: Difference, corrected: float, tests: int, spread: float | None) -> str:
    first, second = plain_text(found.first), plain_text(found.second)
    if not found.pairs:
        return f"{first} and {second} have no seed in common and cannot be paired."
    points = 100 * found.mean
    size = "level with" if abs(points) < _LEVEL else f"{abs(points):.1f} Dice points "
    if abs(points) >= _LEVEL:
        size += "above" if points > 0 else "below"
    start = f"{first} was {size} {second} in mean 3D Dice over cycles"
    if found.pairs >= INTERVAL_FROM:
        by_setting = found.by_setting
        where = "; ".join(f"{plain_text(k)}: {_signed(v)}" for k, v in by_setting.items())
        pairs = f"{found.pairs} pairs" + (f"; {where}" if len(by_setting) > 1 else "")
        return f"{start} ({pairs}): {_tested(found, corrected, tests)}"
    told = ", ".join(_signed(value) for value in found.per_pair)
    start += f" ({counted(found.pairs, 'pair')}: {told})"
    return f"{start}. {_of_few(found, spread)}{_plan_sentence(found, tests)}"


def _of_few(found: Difference, spread: float | None) -> str:
    """What fewer than five pairs say."""
    each = [100 * float(value) for value in found.per_pair]
    if len(each) == 1 or spread is None:
        return "With 1 pair this may as well be chance."
    if min(each) < 0 < max(each):
        return f"The sign changes from pair to pair: with {len(each)} pairs, within chance."
    if abs(100 * found.mean) <= 100 * spread:
        return (
            f"That is no more than differences vary from pair to pair ({100 * spread:.1f}): "
            f"with {len(each)} pairs a difference of this size is within chance."
        )
    return (
        f"That is more than differences vary from pair to pair ({100 * spread:.1f}), a trend; "
        f"{len(each)} pairs are too few to rule out chance."
    )


def _tested(found: Difference, corrected: float, tests: int) -> str:
    """Interval, p and verdict, with what more pairs could do."""
    low, high = found.interval or (math.nan, math.nan)
    p = found.p()
    told = f"95% confidence interval {_signed(low)} to {_signed(high)}, p = {p:.2g}"
    if p < ALPHA and corrected > p:
        told += f" ({corrected:.2g} after Holm's correction)"
    by_set = found.p_by_set() if found.crossed else None
    if by_set is not None:
        told += f", by initial set p = {by_set:.2g} ({found.sets} sets)"
    if corrected < ALPHA:
        if by_set is not None and by_set >= ALPHA:
            only = "a significant difference for these initial sets, not shown for others"
            return f"{told}: {only}."
        return f"{told}: a significant difference."
    more = _plan_sentence(found, tests)
    if _hints(found):
        return f"{told}. All {found.pairs} pairs agree: a hint, and no proof.{more}"
    return f"{told}; this may be chance.{more}"


def _plan_sentence(found: Difference, tests: int) -> str:
    more = planned(found, tests)
    if not more:
        return ""
    among = f" among {counted(tests, 'comparison')}" if tests > 1 else ""
    return f" To show a difference of this size{among}: {more}."


def _signed(dice: float) -> str:
    """A difference in points, "+1.2"; what is rounded to nothing has no sign."""
    told = f"{100 * dice:+.1f}"
    return "0.0" if float(told) == 0 else told
