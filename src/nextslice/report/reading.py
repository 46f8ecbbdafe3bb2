"""What the numbers say, in a few plain sentences, and what they cannot say.

The main number is the mean 3D Dice over classes and cycles. First comes the primary comparison
(``primary.py``), which stands by itself; then each uncertainty with and without stochastic
batches, these against noise as strong, each number of batches against one, and each strategy
against random, corrected within each of these families.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nextslice.report.differences import (
    Difference,
    against_random,
    over_settings,
    pooled_spread,
    with_and_without,
)
from nextslice.report.primary import primary
from nextslice.report.queried import on_queries
from nextslice.report.runs import Run
from nextslice.report.stars import ALPHA, few_pairs
from nextslice.report.summaries import Group, groups
from nextslice.report.tables import plain_text
from nextslice.report.varied import against_matched_noise, against_one_batch
from nextslice.report.verdicts import INTERVAL_FROM, family_size, on_comparisons, together
from nextslice.wording import a_few, counted

__all__ = ["reading", "spread_between_seeds"]

_TELL_EACH = 3  # comparisons with random; more are told together
_NOT_MEASURED = (
    "No Dice on test cases is recorded, as in live projects, whose cases are all there to be "
    "annotated. So no strategy can be judged here by its models, only by what it asked for."
)


def reading(runs: Sequence[Run]) -> list[str]:
    """Sentences about the runs of one experiment.

    First how far seeds differ, then stochastic batches (the primary comparison before the
    others), then random sampling, then what the number of pairs cannot tell, then what was
    queried.
    """
    compared = [group for group in groups(runs) if group.queried_cycles]
    if not compared:
        return ["No cycle after the initial one is recorded yet: there is nothing to compare."]
    measured = [group for group in compared if group.measured]
    if not measured:
        return [_NOT_MEASURED, *on_queries(compared)]
    if len({group.plain_name for group in compared}) == 1:
        beside = "another" if _selects_at_random(compared[0]) else "random"
        return [
            f"There is one strategy, {plain_text(compared[0].plain_name)}: run {beside} beside "
            "it, with the same seeds, to see what either gains.",
            *on_queries(compared),
        ]
    both = over_settings(with_and_without(compared))
    versus = over_settings(against_random(compared))
    noise = over_settings(against_matched_noise(compared))
    pools = over_settings(against_one_batch(compared))
    spread = pooled_spread([*both, *noise, *pools, *versus])
    many = len(versus) > _TELL_EACH
    return [
        _on_seeds(measured, spread_between_seeds(compared), spread),
        *_on_the_rest([group for group in compared if not group.measured]),
        *_on_primary(compared, both),
        *on_comparisons(both, spread),
        *on_comparisons(noise, spread),
        *on_comparisons(pools, spread),
        *(together(versus) if many else on_comparisons(versus, spread)),
        *_on_limits(
            compared,
            (both, "with and without stochastic batches"),
            (noise, "with noise as strong"),
            (pools, "with one batch"),
            (versus, "with random"),
            intervals=[*both, *noise, *pools, *([] if many else versus)],
        ),
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


def _on_seeds(compared: Sequence[Group], spread: float | None, of_pairs: float | None) -> str:
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
    told = (
        f"{start}. Between {noun}s of one strategy, mean 3D Dice varies with a standard "
        f"deviation of {100 * spread:.1f} points"
    )
    if of_pairs is None:
        return f"{told}."
    return (
        f"{told}; the difference of two strategies with the same initial set and seed varies "
        f"with {100 * of_pairs:.1f}, and is to be seen beside that."
    )


def _on_the_rest(unmeasured: Sequence[Group]) -> list[str]:
    names = list(dict.fromkeys(plain_text(group.strategy) for group in unmeasured))
    if not names:
        return []
    return [f"No Dice on test cases is recorded of {a_few(names)}: not compared by it."]


def _on_primary(compared: Sequence[Group], both: Sequence[Difference]) -> list[str]:
    """The comparison that was declared; none where it is the only one there is anyway."""
    declared = primary(compared)
    if declared is None:
        return []
    found, names = declared
    if len(both) == 1 and both[0].pairs == found.pairs:
        return []
    told = plain_text(names[0]) if len(names) == 1 else f"mean of {_listed(names, both)}"
    (sentence,) = on_comparisons(
        [replace(found, first="querying " + found.first, second="querying " + found.second)],
        pooled_spread([found]),
    )
    return [f"Primary comparison ({told}, seed by seed): {sentence}"]


def _listed(names: Sequence[str], both: Sequence[Difference]) -> str:
    """What a mean is made of: one uncertainty may have most of it."""
    parts: dict[str, list[float]] = {}
    for one in both:
        parts.setdefault(one.second, []).append(100 * one.mean)
    each = {name: parts.get(name, []) for name in names}
    *others, last = (
        plain_text(name) + (f" ({found[0]:+.1f})" if len(found) == 1 else "")
        for name, found in each.items()
    )
    return f"{', '.join(others)} and {last}"


def _on_limits(
    compared: Sequence[Group],
    *families: tuple[Sequence[Difference], str],
    intervals: Sequence[Difference],
) -> list[str]:
    """What the number of pairs and of comparisons means for all that was said."""
    every = [one for found, _ in families for one in found if one.pairs > 1]
    sentences = []
    for found, what in families:
        counts = [one.pairs for one in found if one.pairs > 1]
        sentences += few_pairs(counts, tests=family_size(found), what=what)
    if any(one.crossed for one in every):
        sentences.append(
            "Pairs of one initial set, with several seeds or in several settings, share its "
            "slices and count as separate pairs here. So p by run asks whether two strategies "
            "are equal in every initial set, and is too small where one merely suits some sets "
            "better than others; p by initial set flips all pairs of a set together."
        )
    sets = {(run.initial_seed, run.split_seed) for g in compared for run in g.compared}
    if len(sets) == 1 and any(one.pairs > 1 for one in every):
        sentences.append(
            "All runs begin with one initial set: what is said holds for this set, and may not "
            "for another."
        )
    told = sum(one.pairs >= INTERVAL_FROM for one in intervals)
    if told > 1:
        sentences.append(
            f"The {told} intervals are not corrected for being many: the more there are, the "
            "likelier one of them leaves out 0 by chance."
        )
    tested = [one for one in families[0][0] if one.pairs > 1]
    if tested:
        low = sum(one.p("cycle") < ALPHA for one in tested)
        sentences.append(
            "If each cycle counted as a pair of its own, as the paper may have it, p would "
            f"be below {ALPHA} for {low} of {counted(len(tested), 'comparison')} with and "
            "without stochastic batches. Cycles of one run resemble each other, so that such a "
            "p says less than it seems to."
        )
    return sentences
