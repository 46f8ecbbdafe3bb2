"""Lines with their bands on axes, and the limits that show all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nextslice.report.series import Series
from nextslice.report.style import Look

__all__ = ["draw_backdrop", "draw_line", "draw_lines", "limits", "show_percent"]

_FEW = 4  # more bands than these on top of each other must be fainter


def draw_lines(
    axes: Axes, lines: Mapping[str, Series], styles: Mapping[str, Look], *, size: float = 4.2
) -> None:
    """Draw every line with its band, each in its strategy's look."""
    for name, series in lines.items():
        draw_line(axes, series, styles[name], size=size, few=len(lines) <= _FEW)


def draw_line(
    axes: Axes, series: Series, look: Look, *, size: float = 4.2, few: bool = True
) -> None:
    """Draw a line with markers, and its 95 % band where there is one.

    Args:
        axes: Where.
        series: The numbers.
        look: The strategy's.
        size: Of the markers, in points.
        few: Whether there is room for a band that can be seen by itself.
    """
    if np.isfinite(series.low).any():
        axes.fill_between(
            series.x,
            series.low,
            series.high,
            color=look.colour,
            alpha=0.13 if few else 0.06,
            linewidth=0,
        )
    axes.plot(
        series.x,
        series.mean,
        markersize=size,
        markeredgewidth=max(0.6, 0.22 * size),
        linewidth=1.7 if size > 4 else 1.3,
        zorder=3,
        **look.pen,
    )


def draw_backdrop(axes: Axes, lines: Iterable[Series]) -> None:
    """All lines thin and pale, so that panels can be compared with what is not in them."""
    for series in lines:
        axes.plot(series.x, series.mean, color="#d4d4d4", linewidth=0.7, zorder=1)


def limits(lines: Iterable[Series], *, bands: bool = False) -> tuple[float, float]:
    """The lowest and the highest percentage to show, with a little room.

    Args:
        lines: What is shown; at least one point.
        bands: Whether all of the bands must be seen, too.
    """
    values = [
        value
        for series in lines
        for part in ((series.mean, series.low, series.high) if bands else (series.mean,))
        for value in part
        if np.isfinite(value)
    ]
    low, high = min(values), max(values)
    room = max(0.06 * (high - low), 0.4)
    return max(0.0, low - room), min(100.0, high + room)


def show_percent(axes: Axes, low: float, high: float, *, ticks: int = 6) -> None:
    """Set the vertical limits, with round numbers on the axis."""
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
