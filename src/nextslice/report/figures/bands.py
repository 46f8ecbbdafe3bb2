"""Lines with their bands on axes, and the limits that show all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.ticker import MaxNLocator

from nextslice.report.series import Series
from nextslice.report.style import Look

__all__ = [
    "FEW",
    "about_bands",
    "draw_backdrop",
    "draw_line",
    "draw_lines",
    "limits",
    "show_percent",
]

FEW: Final = 4
"""Bands that can be told apart on top of each other; of more lines none has one."""

_BEYOND: Final = 0.4  # of the range of the means; farther bands would flatten the lines


def draw_lines(
    axes: Axes,
    lines: Mapping[str, Series],
    styles: Mapping[str, Look],
    *,
    size: float = 4.2,
    edges: bool = False,
) -> None:
    """Draw every line in its strategy's look, with its band where they are few."""
    for name, series in lines.items():
        draw_line(axes, series, styles[name], size=size, band=len(lines) <= FEW, edges=edges)


def draw_line(
    axes: Axes,
    series: Series,
    look: Look,
    *,
    size: float = 4.2,
    band: bool = True,
    edges: bool = False,
) -> None:
    """Draw a line with markers, and its 95 % band where there is one.

    Args:
        axes: Where.
        series: The numbers.
        look: The strategy's.
        size: Of the markers, in points.
        band: Whether there is room for bands that can be told apart.
        edges: Whether a thin line in the strategy's dashes runs along the band, so that bands
            of one colour can be told apart, too.
    """
    if band and np.isfinite(series.low).any():
        axes.fill_between(
            series.x,
            series.low,
            series.high,
            facecolor=to_rgba(look.colour, 0.13),
            edgecolor=to_rgba(look.colour, 0.55) if edges else "none",
            linestyle=look.line,
            linewidth=0.7 if edges else 0,
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
        bands: Whether their bands are drawn. They are seen as far as the lines keep most of
            the height; see :func:`about_bands`.
    """
    known = list(lines)
    means = [value for series in known for value in series.mean if np.isfinite(value)]
    low, high = min(means), max(means)
    if bands:
        room = max(_BEYOND * (high - low), 2.0)
        ends = [v for one in known for v in (*one.low, *one.high) if np.isfinite(v)]
        low = min([low, *(max(v, low - room) for v in ends)])
        high = max([high, *(min(v, high + room) for v in ends)])
    room = max(0.06 * (high - low), 0.4)
    return max(0.0, low - room), min(100.0, high + room)


def about_bands(lines: Iterable[Series], *, drawn: bool = True) -> str:
    """What a caption says of bands: nothing where no line has one.

    Args:
        lines: All lines on one scale.
        drawn: Whether their bands are drawn.
    """
    known = list(lines)
    ends = [v for one in known for v in (*one.low, *one.high) if np.isfinite(v)]
    if not ends:
        return ""
    if not drawn:
        return "So many lines have no bands: the intervals of differences are in the tables."
    told = "Bands: 95% confidence interval of that mean (Student's t over seeds)"
    low, high = limits(known, bands=True)
    cut = any(value < low or value > high for value in ends)
    return f"{told}; where one reaches beyond the axes it is cut off." if cut else f"{told}."


def show_percent(axes: Axes, low: float, high: float, *, ticks: int = 6) -> None:
    """Set the vertical limits, with round numbers on the axis."""
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
