"""What the paper's tables do not have: differences with intervals and p-values, and penalties.

The main number of all of them is the mean 3D Dice over classes and cycles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from nextslice.evaluation.statistics import fewest_pairs, holm
from nextslice.report.by_metric import metric_table
from nextslice.report.columns import short_titles, slug
from nextslice.report.differences import (
    PLAN_FROM,
    Difference,
    against_random,
    difference,
    over_settings,
    with_and_without,
)
from nextslice.report.experiments import by_experiment
from nextslice.report.names import label_informed
from nextslice.report.penalty import penalty_table
from nextslice.report.primary import primary
from nextslice.report.runs import Run
from nextslice.report.stars import ALPHA, INFORMED, about_informed, about_runs, few_pairs
from nextslice.report.summaries import Group, Summary, groups, summarise
from nextslice.report.tables import (
    NOTHING,
    Cell,
    Row,
    Table,
    heads,
    labelled,
    mean_and_spread,
    number,
    plain_text,
)
from nextslice.report.varied import against_matched_noise, against_one_batch
from nextslice.report.verdicts import family_size
from nextslice.wording import counted

__all__ = ["p_text", "statistics_tables"]

_TEST: Final = "p is of the two-sided paired permutation test that flips whole runs"
_RANDOM: Final = "Against random sampling"
_WITHOUT: Final = "With against without stochastic batches"
_ONE: Final = "Against one stochastic batch"
_NOISE: Final = "Against noise of the same strength"


def statistics_tables(runs: Sequence[Run]) -> list[Table]:
    """Differences against random, without stochastic batches and noise; areas, penalties.

    Args:
        runs: Of one or several experiments; each has tables of its own, but for the penalty
            matrix, which goes over all of them.
    """
    members = [group for group in groups(runs) if group.queried_cycles]
    if not members:
        return []
    titles = short_titles(members)
    summaries = by_experiment(summarise(runs))
    tables = []
    for experiment, own in by_experiment(members).items():
        data = titles[experiment]
        declared = primary(own)
        tables += [
            *_differences(_RANDOM, data, own, against_random(own)),
            *_differences(
                _WITHOUT, data, own, with_and_without(own), first=declared and declared[0]
            ),
            *_differences(_NOISE, data, own, against_matched_noise(own)),
            *_differences(_ONE, data, own, against_one_batch(own)),
            *filter(None, [metric_table(own, data)]),
            _areas(data, own, summaries[experiment]),
        ]
    matrix = penalty_table(members)
    return [table for table in [*tables, *([matrix] if matrix else [])] if not table.empty]


def p_text(p: float) -> str:
    """A p-value as it is read: "0.0312", "< 0.0001"."""
    return "< 0.0001" if p < 0.00005 else f"{p:.4f}"


def _differences(
    title: str,
    data: str,
    members: Sequence[Group],
    pairs: Sequence[tuple[Group, Group]],
    *,
    first: Difference | None = None,
) -> list[Table]:
    """One row per comparison over all settings, and each setting's below it.

    No table where not one of the comparisons has a pair.

    Args:
        title: What is compared.
        data: The experiment's short title.
        members: Its groups.
        pairs: The comparisons of one family.
        first: A comparison that was declared, and is not corrected.
    """
    found = over_settings(pairs)
    tests = family_size(found)
    if not tests:
        return []
    corrected = holm(np.array([one.p() for one in found]))
    parts: dict[tuple[str, str], list[tuple[str, Difference]]] = {}
    for mine, other in pairs:
        below = parts.setdefault((mine.plain_name, other.plain_name), [])
        below.append((mine.setting, difference(mine, other)))
    informed = {g.plain_name for g in members if label_informed(g.runs[0].selection)}
    look = _Look(
        alone=len({one.second for one in found}) == 1 and first is None,
        by_set=any(one.crossed for one in found),
        tests=tests,
    )
    rows: list[Row] = []
    several = False
    for one, p in zip(found, corrected, strict=True):
        names = _names(one, look, INFORMED if one.first in informed else "")
        rows.append((*names, *_numbers(one), *_test(one, look, float(p))))
        of_settings = parts[one.first, one.second]
        if len(of_settings) > 1:
            several = True
            rows += [_part(setting, part, look) for setting, part in of_settings]
    blocks: tuple[tuple[Row, ...], ...] = (tuple(rows),)
    if first is not None:
        one_test = replace(look, tests=1)
        row = (
            *_names(first, look, ""),
            *_numbers(first),
            *_test(first, one_test, first.p()),
        )
        blocks = ((row,), *blocks)
    notes = [
        f"{_TEST}; Holm: corrected for {counted(tests, 'comparison')}, bold below {ALPHA}. "
        "CI: 95% confidence interval of the mean over pairs (Student's t), from three on.",
        *([_DECLARED] if first is not None else []),
        *([_DETAIL] if several else []),
        *([_BY_SET] if look.by_set else []),
        *few_pairs((one.pairs for one in found), tests=tests),
        _on_plan(tests),
    ]
    if any(one.first in informed for one in found):
        notes.append(about_informed())
    by_set = ("p by set",) if look.by_set else ()
    return [
        Table(
            key=slug(title, data),
            title=", ".join(filter(None, (title, data))),
            caption="Difference in mean 3D Dice over cycles and classes, in points (percent)"
            + (f", against {plain_text(found[0].second)}" if look.alone else "")
            + "; positive where the strategy is better.",
            stubs=("Strategy",) if look.alone else ("Strategy", "Against"),
            header=heads(
                *("Pairs", "Difference", "CI from", "CI to", "p", "p (Holm)"),
                *by_set,
                "Pairs needed",
            ),
            blocks=blocks,
            footnotes=tuple(notes),
        )
    ]


@dataclass(frozen=True)
class _Look:
    """What the rows of a table have in common."""

    alone: bool  # all are set against one strategy
    by_set: bool  # there is p by initial set
    tests: int  # how many are corrected together


_DECLARED: Final = (
    "The first row is the primary comparison: for each initial set and seed the mean over all "
    "uncertainties that ran both ways (and over settings). It stands by itself and is not "
    "corrected; the rows below it are secondary."
)
_DETAIL: Final = (
    "Rows without a p are one setting each, shown for what they are made of: the test is of "
    "all settings together."
)
_BY_SET: Final = (
    "p by set flips all pairs of an initial set together. They share its slices, so that p "
    "itself, which takes them for separate, asks whether the strategies are equal in every "
    "initial set. Not corrected."
)


def _on_plan(tests: int) -> str:
    level = f"{ALPHA}" if tests == 1 else f"{ALPHA} / {tests} comparisons"
    return (
        "Pairs needed: how many a paired t-test would need to find a difference of the size "
        f"seen here (power 80%, alpha {level}), and never fewer than {fewest_pairs(tests)}, "
        "without which the permutation test by run finds nothing once it is corrected. A rough "
        "guide: the size is itself a guess."
    )


def _names(found: Difference, look: _Look, marks: str) -> Row:
    own = labelled(found.first, marks)
    return (own,) if look.alone else (own, labelled(found.second))


def _part(setting: str, found: Difference, look: _Look) -> Row:
    """One setting of the comparison above, which is not tested by itself."""
    own = labelled(f"\N{EN DASH} {setting}")
    untested = (Cell(NOTHING),) * (4 if look.by_set else 3)
    return (own, *(() if look.alone else (Cell(),)), *_numbers(found), *untested)


def _numbers(found: Difference) -> Row:
    low, high = found.interval or (None, None)
    return (
        Cell(str(found.pairs), value=found.pairs),
        number(_points(found.mean), 2, signed=True),
        number(_points(low), 2, signed=True),
        number(_points(high), 2, signed=True),
    )


def _test(found: Difference, look: _Look, corrected: float) -> Row:
    by_set = found.p_by_set() if found.crossed else math.nan
    return (
        _p(found.p()),
        replace(_p(corrected), bold=corrected < ALPHA),
        *((_p(by_set),) if look.by_set else ()),
        _needed(found, look.tests),
    )


def _areas(data: str, members: Sequence[Group], summaries: Sequence[Summary]) -> Table:
    """Area under the budget curve, and the final value."""
    rows = tuple(
        (
            labelled(summary.strategy),
            mean_and_spread(summary.area, 2, 100),
            mean_and_spread(summary.final, 2, 100),
        )
        for summary in summaries
        if summary.cycles
    )
    return Table(
        key=slug("summary", data),
        title=", ".join(filter(None, ("Whole budget and last cycle", data))),
        caption="3D Dice in percent, mean over classes: mean (standard deviation) over runs. "
        "Area: under Dice against labelled slices (trapezoids), divided by their range. Final: "
        "at the last cycle.",
        stubs=("Strategy",),
        header=heads("Area", "Final", mean=True),
        blocks=(rows,),
        footnotes=(about_runs(members, {members[0].experiment: ""}),),
    )


def _points(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else 100 * value


def _p(p: float) -> Cell:
    return Cell(NOTHING) if math.isnan(p) else Cell(p_text(p), value=p)


def _needed(found: Difference, tests: int) -> Cell:
    if found.pairs < PLAN_FROM:
        return Cell(NOTHING)
    needed = found.needed(tests)
    return Cell("over 1000") if needed is None else Cell(str(needed), value=needed)
