"""What the paper's tables do not have: differences with intervals and p-values, and penalties.

The main number of all of them is the mean 3D Dice over classes and cycles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from nextslice.evaluation.statistics import FEWEST_PAIRS, holm, penalties
from nextslice.report.columns import short_titles, slug
from nextslice.report.differences import (
    PLAN_FROM,
    Difference,
    against_random,
    difference,
    with_and_without,
)
from nextslice.report.experiments import by_experiment
from nextslice.report.names import label_informed
from nextslice.report.runs import Run
from nextslice.report.stars import ALPHA, INFORMED, about_informed, about_runs, few_pairs
from nextslice.report.summaries import Group, Summary, groups, summarise
from nextslice.report.tables import (
    NOTHING,
    Cell,
    Head,
    Row,
    Table,
    heads,
    labelled,
    mean_and_spread,
    number,
    plain_text,
)
from nextslice.wording import counted

__all__ = ["p_text", "penalty_table", "statistics_tables"]

_NEEDED: Final = (
    "Pairs needed: how many a paired t-test would need to find a difference of the size seen "
    f"here (power 80%, alpha {ALPHA}), and never fewer than {FEWEST_PAIRS}, without which the "
    "permutation test by run finds nothing. A rough guide: the size is itself a guess."
)
_TEST: Final = "p is of the two-sided paired permutation test that flips whole runs"


def statistics_tables(runs: Sequence[Run]) -> list[Table]:
    """Differences against random, with against without stochastic batches, areas, penalties.

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
        versus = [difference(a, b) for a, b in against_random(own)]
        both = [difference(a, b) for a, b in with_and_without(own)]
        tables += [
            *_differences("Against random sampling", data, own, versus),
            *_differences("With against without stochastic batches", data, own, both),
            _areas(data, own, summaries[experiment], versus, both),
        ]
    matrix = penalty_table(members)
    return [*tables, *([matrix] if matrix else [])]


def penalty_table(members: Sequence[Group]) -> Table | None:
    """The pairwise penalty matrix over all settings, cycles and experiments.

    Returns:
        None where no two strategies share two pairs of runs.
    """
    strategies = list(dict.fromkeys(group.plain_name for group in members))
    places = {name: place for place, name in enumerate(strategies)}
    parts = []
    for setting in dict.fromkeys((group.experiment, group.setting) for group in members):
        own = [group for group in members if (group.experiment, group.setting) == setting]
        parts.append(penalties(_values(own, places)))
    stacked = np.array(parts)
    measured = np.isfinite(stacked)
    off_diagonal = ~np.eye(len(strategies), dtype=bool)
    if not (measured.any(axis=0) & off_diagonal).any():
        return None
    total = np.where(measured, stacked, 0.0).sum(axis=0)
    known = measured.any(axis=0) & off_diagonal
    rows: list[Row] = [
        (
            labelled(f"{place}. {name}"),
            *(number(float(total[i, j]) if known[i, j] else None, 2) for j in places.values()),
        )
        for place, (name, i) in enumerate(places.items(), 1)
    ]
    beaten = [_mean(total[known[:, j], j]) for j in places.values()]
    means: Row = (Cell("Mean of the column"), *(number(mean, 2) for mean in beaten))
    return Table(
        key="penalties",
        title="Pairwise penalty matrix",
        caption="Row against column: the share of cycles in which the row's strategy beats the "
        "column's (two-sided paired t-test over runs, p < "
        f"{ALPHA}, 3D Dice)"
        + (f", added up over {counted(len(parts), 'setting')}" if len(parts) > 1 else "")
        + ". A good strategy has a high row and a low column.",
        stubs=("Strategy",),
        header=heads(*(str(place) for place in range(1, len(strategies) + 1))),
        blocks=(tuple(rows), (means,)),
        footnotes=(
            "As in Ash et al., BADGE, ICLR 2020. The tests are not corrected for their number: "
            f"two equal strategies beat each other in {100 * ALPHA / 2:g}% of the cycles.",
        ),
    )


def p_text(p: float) -> str:
    """A p-value as it is read: "0.0312", "< 0.0001"."""
    return "< 0.0001" if p < 0.00005 else f"{p:.4f}"


def _differences(
    title: str, data: str, members: Sequence[Group], found: Sequence[Difference]
) -> list[Table]:
    """One row per comparison; none without any."""
    if not found:
        return []
    corrected = holm(np.array([one.p() for one in found]))
    informed = {g.strategy for g in members if label_informed(g.runs[0].selection)}
    alone = len({one.second for one in found}) == 1
    rows = tuple(
        _row(one, float(p), marked=one.first in informed, alone=alone)
        for one, p in zip(found, corrected, strict=True)
    )
    tests = sum(one.pairs > 0 for one in found)
    notes = [
        f"{_TEST}; Holm: corrected for {counted(tests, 'comparison')}, bold below {ALPHA}. "
        "CI: 95% confidence interval of the mean over pairs (Student's t).",
        *few_pairs(one.pairs for one in found),
        _NEEDED,
    ]
    if any(one.first in informed for one in found):
        notes.append(about_informed())
    header = heads("Pairs", "Difference", "CI from", "CI to", "p", "p (Holm)", "Pairs needed")
    return [
        Table(
            key=slug(title, data),
            title=", ".join(filter(None, (title, data))),
            caption="Difference in mean 3D Dice over cycles and classes, in points (percent)"
            + (f", against {plain_text(found[0].second)}" if alone else "")
            + "; positive where the strategy is better.",
            stubs=("Strategy",) if alone else ("Strategy", "Against"),
            header=header,
            blocks=(rows,),
            footnotes=tuple(notes),
        )
    ]


def _row(found: Difference, corrected: float, *, marked: bool, alone: bool) -> Row:
    low, high = found.interval or (None, None)
    names = (
        labelled(found.first, INFORMED if marked else ""),
        *(() if alone else (labelled(found.second),)),
    )
    return (
        *names,
        Cell(str(found.pairs), value=found.pairs),
        number(_points(found.mean), 2, signed=True),
        number(_points(low), 2, signed=True),
        number(_points(high), 2, signed=True),
        _p(found.p()),
        replace(_p(corrected), bold=corrected < ALPHA),
        _needed(found),
    )


def _areas(
    data: str,
    members: Sequence[Group],
    summaries: Sequence[Summary],
    versus: Sequence[Difference],
    both: Sequence[Difference],
) -> Table:
    """Area, final value, and the pairs that the differences of a strategy would need."""
    against = {one.first: one for one in versus}
    without = {one.first: one for one in both}
    rows = tuple(
        (
            labelled(summary.strategy),
            mean_and_spread(summary.area, 2, 100),
            mean_and_spread(summary.final, 2, 100),
            _needed(against.get(summary.strategy)),
            _needed(without.get(summary.strategy)),
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
        header=(
            (Head(""), Head(""), Head("Pairs needed against", 2)),
            (Head("Area"), Head("Final"), Head("random"), Head("without SB")),
        ),
        blocks=(rows,),
        footnotes=(about_runs(members, {members[0].experiment: ""}), _NEEDED),
    )


def _values(own: Sequence[Group], places: Mapping[str, int]) -> np.ndarray:
    """Strategies x pairs x cycles of one setting, NaN where there is nothing."""
    pairs = sorted({run.pair for group in own for run in group.compared})
    cycles = sorted({cycle for group in own for cycle in group.queried_cycles})
    values = np.full((len(places), len(pairs), len(cycles)), math.nan)
    for group in own:
        for run in group.compared:
            dice = run.metric("dice_3d")
            for place, cycle in enumerate(cycles):
                if cycle in group.queried_cycles and cycle in dice:
                    at = (places[group.plain_name], pairs.index(run.pair), place)
                    values[at] = dice[cycle]
    return values


def _points(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else 100 * value


def _p(p: float) -> Cell:
    return Cell(NOTHING) if math.isnan(p) else Cell(p_text(p), value=p)


def _needed(found: Difference | None) -> Cell:
    if found is None or found.pairs < PLAN_FROM:
        return Cell(NOTHING)
    needed = found.needed
    return Cell("over 1000") if needed is None else Cell(str(needed), value=needed)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
