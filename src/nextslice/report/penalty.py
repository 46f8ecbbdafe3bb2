"""The pairwise penalty matrix: who beats whom, in how many cycles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from nextslice.evaluation.statistics import penalties
from nextslice.report.stars import ALPHA
from nextslice.report.summaries import Group
from nextslice.report.tables import Cell, Row, Table, heads, labelled, number
from nextslice.wording import counted

__all__ = ["penalty_table"]


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


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
