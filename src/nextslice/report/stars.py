"""The marks beside a number, what is bold, and the footnotes that explain them.

A star is p < 0.05 of the permutation test that flips whole runs, a dagger the same where each
cycle counts as a pair, as the paper may have done (see ``evaluation/statistics.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from nextslice.evaluation.statistics import fewest_pairs, smallest_p
from nextslice.report.differences import (
    Difference,
    PairKey,
    difference,
    higher_is_better,
    over_settings,
    with_and_without,
)
from nextslice.report.experiments import by_experiment
from nextslice.report.runs import Metric
from nextslice.report.summaries import Group
from nextslice.report.tables import Cell, plain_text
from nextslice.wording import counted

__all__ = [
    "ALPHA",
    "INFORMED",
    "about_informed",
    "about_learning_loss",
    "about_runs",
    "about_stars",
    "bold_best",
    "few_pairs",
    "stars",
    "with_the_same_runs",
]

ALPHA: Final = 0.05
INFORMED: Final = "\N{DOUBLE DAGGER}"

_BY_RUN: Final = "*"
_BY_CYCLE: Final = "\N{DAGGER}"


def stars(members: Sequence[Group], metric: Metric, name: str) -> dict[str, str]:
    """Marks by a strategy's plain name, on the better of with and without stochastic batches.

    Where several pools of stochastic batches stand against one uncertainty without, the
    latter has the marks that it has against all of them.

    Args:
        members: Of one experiment. Pairs are formed within a setting; several settings are
            tested as one.
        metric: What is compared.
        name: The class, or the mean over classes.
    """
    told: dict[str, str] = {}
    won: dict[str, list[str]] = {}
    for one in over_settings(with_and_without(members), metric, name):
        marks = _marks(one)
        told[one.first] = marks if one.first_is_better else ""
        won.setdefault(one.second, []).append("" if one.first_is_better else marks)
    for name_without, each in won.items():
        told[name_without] = "".join(
            mark for mark in (_BY_RUN, _BY_CYCLE) if all(mark in marks for marks in each)
        )
    return told


def bold_best(
    cells: Mapping[str, Cell], metric: Metric, may: Collection[str]
) -> dict[str, Cell]:
    """The cells with the best bold, and others that read the same.

    Args:
        cells: By strategy.
        metric: Tells what is best.
        may: Which strategies compete.
    """
    values = {
        key: cell.value for key, cell in cells.items() if cell.value is not None and key in may
    }
    if not values:
        return dict(cells)
    choose = max if higher_is_better(metric) else min
    best = cells[choose(values, key=values.__getitem__)].text
    return {
        key: replace(cell, bold=True) if key in values and cell.text == best else cell
        for key, cell in cells.items()
    }


def with_the_same_runs(members: Sequence[Group]) -> frozenset[str]:
    """The strategies whose means may be compared, since they go over the same runs.

    Those with the most runs that at least two of them share entirely; a mean over other seeds
    may be the better one by its seeds alone.

    Args:
        members: Of one experiment; settings count as part of a run.

    Returns:
        Plain names: none where no two have the same runs, and the only one where there is
        one.
    """
    runs: dict[str, set[tuple[str, PairKey]]] = {}
    for group in members:
        of = runs.setdefault(group.plain_name, set())
        of |= {(group.setting, run.pair) for run in group.compared}
    alike: dict[frozenset[tuple[str, PairKey]], list[str]] = {}
    for name, of in runs.items():
        alike.setdefault(frozenset(of), []).append(name)
    shared = [key for key, names in alike.items() if len(names) > 1 or len(runs) == 1]
    return frozenset(alike[max(shared, key=len)]) if shared else frozenset()


def about_stars(members: Sequence[Group], *, together: bool = False) -> list[str]:
    """Footnotes on stars and daggers; none where nothing was run with and without.

    Args:
        members: Of any experiments and settings.
        together: Whether several settings were tested as one.
    """
    both = with_and_without(members)
    found = over_settings(both) if together else [difference(*one) for one in both]
    pairs = [one.pairs for one in found if one.pairs]
    if not pairs:
        return []
    return [
        f"{_BY_RUN} p < {ALPHA} of a two-sided paired permutation test of with against without "
        "stochastic batches (SB), on the better of the two. A pair is two runs with the same "
        "initial set and seed; its cycles are flipped together, because each of them begins "
        "with the slices of the one before.",
        f"{_BY_CYCLE} p < {ALPHA} where each cycle of each pair counts as a pair of its own, "
        "as the paper may have done. Cycles of a run resemble each other, so that this finds "
        "differences too easily: it stands here for comparison with the paper.",
        *few_pairs(pairs),
    ]


def few_pairs(pairs: Iterable[int], *, tests: int = 1, what: str = "") -> list[str]:
    """A sentence where the test by run cannot be significant, here or there.

    Args:
        pairs: How many each comparison has; comparisons without any do not count.
        tests: How many comparisons are corrected together by Holm's method; 1 where p is
            read as it is.
        what: What is compared, where there are several families: "with random".
    """
    there = [count for count in pairs if count]
    alone, least = fewest_pairs(), fewest_pairs(max(tests, 1))
    if not there or min(there) >= least:
        return []
    most = max(there)
    if most >= least:
        few = f"With fewer than {alone} pairs the test by run cannot give p < {ALPHA}."
        return [few] if min(there) < alone else []
    if tests == 1:
        family, corrected = "", ""
    else:
        family = " ".join(filter(None, (f" and {counted(tests, 'comparison')}", what)))
        corrected = " after Holm's correction"
    return [
        f"With {counted(most, 'pair')}{family} the smallest p that the test by run can give"
        f"{corrected} is {min(1.0, tests * smallest_p(most)):.4g}, however large the "
        f"difference: p < {ALPHA} takes {least} pairs at least."
    ]


def about_informed() -> str:
    """What the double dagger says."""
    return (
        f"{INFORMED} Looks at labels before they are annotated, which no expert can offer: it "
        "shows what would be possible, and is never bold."
    )


def about_learning_loss(members: Sequence[Group]) -> list[str]:
    """That learning loss has an initial model of its own; nothing where it did not run."""
    scores = (group.runs[0].uncertainty for group in members)
    if not any(one is not None and one.name == "learning-loss" for one in scores):
        return []
    return [
        "Learning loss trains its loss module along with the network. So it shares the initial "
        "slices and the initial weights with the other strategies, but not the first training."
    ]


def about_runs(
    members: Sequence[Group], titles: Mapping[str, str], each: str = "", *, what: str = "Means"
) -> str:
    """How many runs and cycles stand behind the numbers, and for which strategies fewer.

    Args:
        members: Groups with compared runs.
        titles: Experiment -> its short title, empty where it is the only one.
        each: Of what each mean is, where the table holds several settings: "for each size".
        what: What goes over them.
    """
    told = []
    for experiment, own in by_experiment(members).items():
        runs = _common("run", [(group, len(group.compared)) for group in own])
        cycles = _common("cycle", [(group, len(group.queried_cycles)) for group in own])
        where = f"in {titles[experiment]}" if titles[experiment] else ""
        told.append(" ".join(filter(None, (f"{runs} and {cycles}", each, where))))
    unfinished = _names(group for group in members if not group.compared[0].finished)
    sentence = f"{what} go over {'; '.join(told)}."
    return sentence + (f" Not one run is finished of: {unfinished}." if unfinished else "")


def _marks(found: Difference) -> str:
    by_run = _BY_RUN if found.p("run") < ALPHA else ""
    return by_run + (_BY_CYCLE if found.p("cycle") < ALPHA else "")


def _common(noun: str, counts: Sequence[tuple[Group, int]]) -> str:
    """The usual number, and whoever has another: "5 runs (3 of stratified)"."""
    usual = Counter(count for _, count in counts).most_common(1)[0][0]
    others: dict[int, list[Group]] = {}
    for group, count in counts:
        if count != usual:
            others.setdefault(count, []).append(group)
    told = "; ".join(f"{count} of {_names(others[count])}" for count in sorted(others))
    return counted(usual, noun) + (f" ({told})" if told else "")


def _names(groups: Iterable[Group]) -> str:
    return "; ".join(dict.fromkeys(plain_text(group.strategy) for group in groups))
