"""All figures of a report: the curves, the queries and the sampling times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextslice.report.curves import draw_dice
from nextslice.report.drawing import WIDTH, Drawing, plain_axes, titled
from nextslice.report.labels import Legend, crowded, name_lines, number_lines
from nextslice.report.lettering import fitted, is_long, label_text
from nextslice.report.runs import Run
from nextslice.report.style import INK, looks
from nextslice.report.summaries import Group, Summary, groups, summarise
from nextslice.report.tables import duration, plain_text

__all__ = ["draw_all", "draw_queries", "draw_times"]


def draw_all(runs: Sequence[Run]) -> list[Drawing]:
    """Every figure for which something was measured.

    Args:
        runs: Of one experiment; another's would be drawn on the same axes.
    """
    drawn = (draw_dice(runs), draw_queries(runs), draw_times(runs))
    return [drawing for drawing in drawn if drawing is not None]


def draw_queries(runs: Sequence[Run]) -> Drawing | None:
    """How uncertain and how spread over volumes the queries are, query by query."""
    compared = [group for group in groups(runs) if group.queried_cycles]
    strength = {g.strategy: _by_query(g, [r.strengths() for r in g.compared]) for g in compared}
    volumes = {g.strategy: _by_query(g, [r.volumes() for r in g.compared]) for g in compared}
    if not any(volumes.values()):
        return None
    styles = looks(runs)
    ends = {name: list(points.items())[-1] for name, points in volumes.items() if points}
    high_ends = {name: list(points.items())[-1] for name, points in strength.items() if points}
    numbers = {g.strategy: n for n, g in enumerate(groups(runs), 1) if g.strategy in ends}
    legend = Legend.of(numbers, WIDTH * 72) if crowded(ends) else None
    below = 0 if legend is None else legend.inches
    body = max(2.7, (0.26 if legend is None else 0.17) * len(compared) + 0.9)
    tall = body + below
    base, height = (0.48 + below) / tall, (body - 0.78) / tall
    figure = Figure(figsize=(WIDTH, tall))
    widths = (0.265, 0.275) if legend is None else (0.37, 0.37)
    left = figure.add_axes((0.085, base, widths[0], height))
    right = figure.add_axes((0.445 if legend is None else 0.575, base, widths[1], height))
    for axes, series in ((left, strength), (right, volumes)):
        for name, points in ((name, points) for name, points in series.items() if points):
            look = styles[name]
            axes.plot(
                list(points),
                list(points.values()),
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                markersize=3.6,
                linewidth=1.5,
            )
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    left.axhline(0, color="#8a8a8a", linewidth=0.8)
    if not any(strength.values()):
        left.text(0.5, 0.5, "nothing was scored", transform=left.transAxes, ha="center")
    most = max((value for points in volumes.values() for value in points.values()), default=1)
    right.set_ylim(0, most * 1.08)
    right.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    above = "\N{GREEK SMALL LETTER SIGMA} above the pool's mean score"
    titled(left, "Strength", "Query", above, points=widths[0] * WIDTH * 72)
    titled(
        right,
        "Diversity",
        "Query",
        "Distinct volumes in the query",
        points=widths[1] * WIDTH * 72,
    )
    inner = (body - 0.78) * 72
    if legend is None:
        name_lines(right, ends, styles, height=inner)
    else:
        number_lines(left, high_ends, styles, numbers, height=inner)
        number_lines(right, ends, styles, numbers, height=inner)
        legend.draw(figure, styles)
    return Drawing(
        "queries",
        "What was asked",
        "Left: the mean score of a query above the mean of the slices it was chosen from, in "
        "their standard deviations; 0 is what chance gives, and strategies without scores have "
        "no line. Right: how many volumes its slices come from; slices of one volume resemble "
        "each other. Means over seeds.",
        "Strength and distinct volumes per query. "
        + " ".join(
            f"{plain_text(name)}: {np.mean(list(points.values())):.1f} volumes per query."
            for name, points in volumes.items()
            if points
        ),
        figure,
    )


def draw_times(runs: Sequence[Run]) -> Drawing | None:
    """Seconds to score the pool and select, one bar per strategy."""
    timed = [summary for summary in summarise(runs) if summary.seconds is not None]
    if not timed:
        return None
    styles = looks(runs)
    long = any(is_long(summary.strategy) for summary in timed)
    texts = [
        fitted(summary.strategy, 208) if long else label_text(summary.strategy, 30, 150)
        for summary in timed
    ]
    lines = [text.count("\n") + 1 for text in texts]
    # As the names need on average, but never so little that the longest meets the next.
    each = max(0.17 * sum(lines) / len(lines) + 0.16, 0.155 * max(lines) + 0.04)
    tall = 0.72 + each * len(timed)
    figure = Figure(figsize=(WIDTH, tall))
    left = 0.41 if long else 0.3
    axes = figure.add_axes((left, 0.46 / tall, 0.9 - left, (tall - 0.56) / tall))
    plain_axes(axes)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="both", length=0)
    axes.set_xticks([])
    means = [_seconds(summary) for summary in timed]
    places = list(range(len(timed)))[::-1]
    colours = [styles[summary.strategy].colour for summary in timed]
    axes.barh(places, means, height=0.62, color=colours)
    for place, mean in zip(places, means, strict=True):
        axes.annotate(
            duration(mean),
            (mean, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_yticks(places, texts, fontsize=8)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set_ylim(-0.55, len(timed) - 0.45)
    axes.set_xlim(0, max(means) * 1.02 or 1)
    axes.set_xlabel("Time to score the pool and select, per query", fontsize=8, color=INK)
    return Drawing(
        "times",
        "Sampling time",
        "Mean over queries and seeds. Times compare only where the runs had the same machine "
        "to themselves.",
        "Sampling time per query. "
        + " ".join(f"{plain_text(s.strategy)}: {duration(_seconds(s))}." for s in timed),
        figure,
    )


def _by_query(group: Group, series: Sequence[Mapping[int, float]]) -> dict[int, float]:
    found = {
        cycle: [values[cycle] for values in series if cycle in values]
        for cycle in group.queried_cycles
    }
    return {cycle: float(np.mean(values)) for cycle, values in found.items() if values}


def _seconds(summary: Summary) -> float:
    return 0.0 if summary.seconds is None else summary.seconds.mean
