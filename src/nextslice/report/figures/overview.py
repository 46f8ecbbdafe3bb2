"""Many strategies at once: a panel for each, all the others pale behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextslice.report.figures.bands import draw_backdrop, draw_line, limits, show_percent
from nextslice.report.figures.panels import panels
from nextslice.report.series import Series
from nextslice.report.style import Look

__all__ = ["CROWD", "highlights"]

CROWD: Final = 10
"""Strategies that one pair of axes can hold: the paper's."""

_WIDE: Final = 24  # panels; more of them are smaller


def highlights(
    lines: Mapping[str, Series], styles: Mapping[str, Look], reference: str | None, cost: str
) -> Figure:
    """3D Dice against a cost, a panel for each strategy, all on one scale.

    Args:
        lines: Name -> its line.
        styles: Name -> its look.
        reference: The strategy to show in every panel.
        cost: What is on the horizontal axes.
    """
    large = len(lines) <= _WIDE
    grid = panels(
        list(lines),
        columns=4 if large else 6,
        height=0.95 if large else 0.7,
        x_label=cost,
        y_label="3D Dice (%), mean over classes" if large else "3D Dice (%)",
    )
    bounds = limits(lines.values(), bands=True)
    for name, axes in zip(lines, grid.axes, strict=True):
        draw_backdrop(axes, lines.values())
        if reference is not None and name != reference:
            beside = styles[reference]
            axes.plot(
                lines[reference].x,
                lines[reference].mean,
                color=beside.colour,
                linestyle=beside.line,
                linewidth=1.1,
                zorder=2,
            )
        draw_line(axes, lines[name], styles[name], size=3)
        show_percent(axes, *bounds, ticks=4)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    return grid.figure
