"""How many stochastic batches to choose from: the paper's Q (its figure 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from nextslice.report.differences import against_random, with_and_without
from nextslice.report.drawing import Drawing
from nextslice.report.figures.bands import show_percent
from nextslice.report.figures.panels import Key, panels
from nextslice.report.runs import Run
from nextslice.report.series import BAND_FROM, per_seed
from nextslice.report.style import INK, ROLES, Look, looks
from nextslice.report.summaries import Group, confidence, groups
from nextslice.report.tables import plain_text
from nextslice.report.varied import by_pool_size, pool_size_of

__all__ = ["draw_pool_sizes"]


def draw_pool_sizes(runs: Sequence[Run]) -> Drawing | None:
    """Mean 3D Dice over cycles for each number of batches, a panel for each uncertainty.

    Args:
        runs: Of one experiment; there is a figure where strategies with stochastic batches
            differ in ``pool_size``.
    """
    compared = [group for group in groups(runs) if group.queried_cycles and per_seed(group)]
    found = by_pool_size(compared)
    if not found:
        return None
    styles = looks(runs)
    chance = {group.strategy: random for group, random in against_random(compared)}
    without = {group.strategy: top for group, top in with_and_without(compared)}
    beside = [
        dict(
            zip(ROLES, (of.get(members[0].strategy) for of in (chance, without)), strict=False)
        )
        for members in found
    ]
    roles = [role for role in ROLES if any(several.get(role) for several in beside)]
    key = Key.of(roles) if roles else None
    grid = panels(
        [_title(members[0]) for members in found],
        columns=2,
        height=2.1,
        x_label="Stochastic batches to choose from (Q)",
        y_label="3D Dice (%), mean over cycles",
        key=key,
    )
    ends: list[float] = []
    for members, others, axes in zip(found, beside, grid.axes, strict=True):
        for group in others.values():
            if group is not None:
                look = styles[group.strategy]
                ends.append(_mean(group))
                axes.axhline(ends[-1], color=look.colour, linestyle=look.line, linewidth=1.3)
        ends += _draw_bars(axes, members, styles[members[0].strategy])
    room = max(0.08 * (max(ends) - min(ends)), 0.4)
    for axes in grid.axes:
        show_percent(axes, max(0.0, min(ends) - 3 * room), max(ends) + room)
    if key is not None:
        key.draw(grid.figure, {role: replace(ROLES[role], marker="") for role in roles})
    return Drawing(
        "pool-sizes",
        "The number of stochastic batches",
        "Mean 3D Dice over cycles and seeds for each number of batches to choose from. With 1 "
        "it is random sampling; the more there are, the closer it comes to the most uncertain "
        "slices themselves. |U|/B: the unlabelled slices are cut into batches without "
        "replacement. Where there are three or more seeds, black lines are the 95% confidence "
        "interval over seeds. The vertical axis does not begin at 0.",
        "Mean 3D Dice over cycles for each number of batches. "
        + " ".join(
            f"{plain_text(group.strategy)}: {_mean(group):.1f} %."
            for members in found
            for group in members
        ),
        grid.figure,
    )


def _draw_bars(axes: Axes, members: Sequence[Group], look: Look) -> list[float]:
    """Draw a bar for each group; returns the heights that must be seen."""
    heights = [_mean(group) for group in members]
    axes.bar(range(len(members)), heights, width=0.62, color=look.colour, alpha=0.75, zorder=2)
    for place, group in enumerate(members):
        values = per_seed(group)
        interval = confidence(values) if len(values) >= BAND_FROM else None
        if interval is not None:
            low, high = (100 * bound for bound in interval)
            axes.errorbar(
                place,
                heights[place],
                yerr=[[heights[place] - low], [high - heights[place]]],
                color=INK,
                capsize=3,
                linewidth=1.1,
                zorder=4,
            )
            heights += [low, high]
    sizes = [pool_size_of(group.runs[0]) for group in members]
    axes.set_xticks(
        range(len(members)), ["|U|/B" if size is None else f"{size:,}" for size in sizes]
    )
    axes.set_xlim(-0.6, len(members) - 0.4)
    return heights


def _title(group: Group) -> str:
    """The uncertainty's name, as the strategy without the number of batches has it."""
    return plain_text(group.plain_name.split(" (")[0])


def _mean(group: Group) -> float:
    return 100 * float(np.mean(per_seed(group)))
