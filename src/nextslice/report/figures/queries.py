"""What was asked: how uncertain the queries are, and how spread over volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextslice.report.drawing import WIDTH, Drawing, titled
from nextslice.report.figures.named_rows import rows
from nextslice.report.labels import Legend, crowded, name_lines, number_lines
from nextslice.report.runs import Run
from nextslice.report.series import by_query
from nextslice.report.style import QUIET, Look, looks
from nextslice.report.summaries import groups
from nextslice.report.tables import plain_text

__all__ = ["draw_queries"]

_ABOVE = "\N{GREEK SMALL LETTER SIGMA} above the pool's mean score"
_VOLUMES = "Distinct volumes in the query"

_LINES: Final = 6  # more than these lie on each other, and have a row each
_Points = Mapping[str, Mapping[int, float]]


def draw_queries(runs: Sequence[Run]) -> Drawing | None:
    """How uncertain and how spread over volumes the queries are, query by query.

    Args:
        runs: Of one experiment.
    """
    compared = [group for group in groups(runs) if group.queried_cycles]
    strength = {g.strategy: by_query(g, [r.strengths() for r in g.compared]) for g in compared}
    volumes = {g.strategy: by_query(g, [r.volumes() for r in g.compared]) for g in compared}
    if not any(volumes.values()):
        return None
    styles = looks(runs)
    many = len(compared) > _LINES
    numbers = {group.strategy: n for n, group in enumerate(groups(runs), 1)}
    return Drawing(
        "queries",
        "What was asked",
        "Left: the mean score of a query above the mean of the slices it was chosen from, in "
        "their standard deviations; 0 is what chance gives, and strategies without scores have "
        f"no {'marker' if many else 'line'}. Right: how many volumes its slices come from; "
        "slices of one volume resemble each other. "
        + (
            "Markers: mean over queries and seeds; bars: from the lowest to the highest query, "
            "means over seeds."
            if many
            else "Means over seeds."
        ),
        "Strength and distinct volumes per query. "
        + " ".join(
            f"{plain_text(name)}: {np.mean(list(points.values())):.1f} volumes per query."
            for name, points in volumes.items()
            if points
        ),
        _in_rows(strength, volumes, styles)
        if many
        else _by_query(strength, volumes, styles, numbers),
    )


def _by_query(
    strength: _Points,
    volumes: _Points,
    styles: Mapping[str, Look],
    numbered: Mapping[str, int],
) -> Figure:
    """Lines over the queries."""
    ends = {name: list(points.items())[-1] for name, points in volumes.items() if points}
    high_ends = {name: list(points.items())[-1] for name, points in strength.items() if points}
    numbers = {name: n for name, n in numbered.items() if name in ends}
    legend = Legend.of(numbers, WIDTH * 72) if crowded(ends) else None
    below = 0 if legend is None else legend.inches
    body = max(2.7, (0.26 if legend is None else 0.17) * len(volumes) + 0.9)
    tall = body + below
    base, height = (0.48 + below) / tall, (body - 0.78) / tall
    figure = Figure(figsize=(WIDTH, tall))
    widths = (0.265, 0.275) if legend is None else (0.37, 0.37)
    left = figure.add_axes((0.085, base, widths[0], height))
    right = figure.add_axes((0.445 if legend is None else 0.575, base, widths[1], height))
    for axes, series in ((left, strength), (right, volumes)):
        for name, points in ((name, points) for name, points in series.items() if points):
            axes.plot(
                list(points),
                list(points.values()),
                markersize=3.6,
                linewidth=1.5,
                **styles[name].pen,
            )
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    left.axhline(0, color=QUIET, linewidth=0.8)
    if not any(strength.values()):
        _say_unscored(left)
    _from_zero(right, volumes)
    titled(left, "Strength", "Query", _ABOVE, points=widths[0] * WIDTH * 72)
    titled(right, "Diversity", "Query", _VOLUMES, points=widths[1] * WIDTH * 72)
    inner = (body - 0.78) * 72
    if legend is None:
        name_lines(right, ends, styles, height=inner)
    else:
        number_lines(left, high_ends, styles, numbers, height=inner)
        number_lines(right, ends, styles, numbers, height=inner)
        legend.draw(figure, styles)
    return figure


def _in_rows(strength: _Points, volumes: _Points, styles: Mapping[str, Look]) -> Figure:
    """A row for each strategy: mean and range over the queries."""
    names = [name for name, points in volumes.items() if points]
    drawn = rows(names, [_ABOVE, _VOLUMES])
    left, right = drawn.axes
    for axes, series in ((left, strength), (right, volumes)):
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x", color="#e4e4e4", linewidth=0.7)
        for name, y in zip(names, drawn.places, strict=True):
            values = list(series[name].values())
            if values:
                look = styles[name]
                axes.plot([min(values), max(values)], [y, y], color=look.colour, linewidth=1.6)
                axes.plot(
                    [float(np.mean(values))],
                    [y],
                    markersize=6,
                    markeredgewidth=1.3,
                    **(look.pen | {"linestyle": "none"}),
                )
    left.axvline(0, color=QUIET, linewidth=0.8, zorder=1)
    if not any(strength.values()):
        _say_unscored(left)
    most = max(value for points in volumes.values() for value in points.values())
    right.set_xlim(0, most * 1.06)
    right.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return drawn.figure


def _from_zero(axes: Axes, volumes: _Points) -> None:
    most = max((value for points in volumes.values() for value in points.values()), default=1)
    axes.set_ylim(0, most * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))


def _say_unscored(axes: Axes) -> None:
    axes.text(0.5, 0.5, "nothing was scored", transform=axes.transAxes, ha="center")
