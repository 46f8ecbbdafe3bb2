"""Curves for each budget, side by side (figure 8 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.ticker import MaxNLocator

from nextslice.report.drawing import Drawing
from nextslice.report.figures.bands import draw_line, limits, show_percent
from nextslice.report.figures.panels import Key, panels
from nextslice.report.runs import Run
from nextslice.report.series import dice_series
from nextslice.report.style import looks
from nextslice.report.summaries import Group, groups
from nextslice.report.tables import plain_text
from nextslice.report.varied import BUDGET, varying_in
from nextslice.wording import counted

__all__ = ["draw_budgets"]


def draw_budgets(runs: Sequence[Run]) -> Drawing | None:
    """3D Dice against labelled slices, a panel for each budget.

    Args:
        runs: Of one experiment; there is a figure where they differ in the budget.
    """
    compared = [group for group in groups(runs) if dice_series(group)]
    varied = varying_in(compared, BUDGET)
    if not varied:
        return None
    budgets = sorted({_budget(group) for group in varied})
    # One look for a strategy at all budgets: that of its first run.
    plain = [group.plain_name for group in varied]
    names = list(dict.fromkeys(plain))
    first = [varied[plain.index(name)].runs[0] for name in names]
    styles = looks([replace(run, strategy=n) for n, run in zip(names, first, strict=True)])
    key = Key.of(names)
    grid = panels(
        [f"{counted(budget, 'slice')} per query" for budget in budgets],
        columns=3,
        height=2.3,
        x_label="Labelled slices",
        y_label="3D Dice (%), mean over classes",
        key=key,
    )
    bounds = limits([dice_series(group) for group in varied])
    for budget, axes in zip(budgets, grid.axes, strict=True):
        members = [group for group in varied if _budget(group) == budget]
        for group in members:
            look = styles[group.plain_name]
            draw_line(axes, dice_series(group), look, size=3.4, few=False)
        show_percent(axes, *bounds)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    key.draw(grid.figure, styles)
    return Drawing(
        "budgets",
        "Budgets",
        "3D Dice against labelled slices for each number of slices per query, means over seeds "
        "with their 95% confidence intervals where there are three or more. Solid: with "
        "stochastic batches. Dashed: without. Dotted grey: random.",
        "3D Dice at the last cycle for each budget. "
        + " ".join(
            f"{plain_text(group.strategy)}: {dice_series(group).end[1]:.1f} %."
            for group in varied
        ),
        grid.figure,
    )


def _budget(group: Group) -> int:
    budget = group.runs[0].config.get("budget")
    return budget if isinstance(budget, int) else 0
