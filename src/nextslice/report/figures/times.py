"""How long each strategy takes to score the pool and select (table 2 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence

from nextslice.report.busy import on_busy_machines
from nextslice.report.drawing import Drawing
from nextslice.report.figures.named_rows import rows
from nextslice.report.runs import Run
from nextslice.report.style import INK, looks
from nextslice.report.summaries import Summary, summarise
from nextslice.report.tables import duration, plain_text

__all__ = ["draw_times"]


def draw_times(runs: Sequence[Run]) -> Drawing | None:
    """Median seconds to score the pool and select, one bar per strategy."""
    timed = [summary for summary in summarise(runs) if summary.median_seconds is not None]
    if not timed:
        return None
    styles, busy = looks(runs), on_busy_machines(runs)
    drawn = rows(
        [summary.strategy for summary in timed],
        ["Time to score the pool and select, per query"],
        right=0.9,
    )
    (axes,) = drawn.axes
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="both", length=0)
    axes.set_xticks([])
    medians = [_seconds(summary) for summary in timed]
    colours = [styles[summary.strategy].colour for summary in timed]
    axes.barh(drawn.places, medians, height=0.62, color=colours)
    for place, middle in zip(drawn.places, medians, strict=True):
        axes.annotate(
            duration(middle),
            (middle, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_xlim(0, max(medians) * 1.02 or 1)
    return Drawing(
        "times",
        "Sampling time",
        "Median over queries and seeds. Times compare only where the runs had the same machine "
        "to themselves." + (f" {busy}" if busy else ""),
        "Sampling time per query. "
        + " ".join(f"{plain_text(s.strategy)}: {duration(_seconds(s))}." for s in timed),
        drawn.figure,
    )


def _seconds(summary: Summary) -> float:
    return summary.median_seconds or 0.0
