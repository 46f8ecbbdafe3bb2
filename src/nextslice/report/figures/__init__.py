"""The figures of a report, one file for each.

- ``curves.py``: all strategies, the mean over classes and each class (figures 2 and 4); where
  settings were varied, a panel for each (figure 8)
- ``ranking.py``: all strategies against random, the best on top
- ``pairs.py``: each uncertainty with and without stochastic batches (figures 3 and 4)
- ``boxes.py``: sets of hyper-parameters, cycle by cycle (figure 7)
- ``pool_sizes.py``: bars over the number of stochastic batches (figure 9)
- ``queries.py``: how uncertain the queries are, and from how many volumes
- ``cost.py``: Dice against volumes opened and against foreground annotated
- ``times.py``: sampling time
- ``batches.py``: what was queried, slice by slice (figure 5)
- ``across_cycles.py``: one test slice across cycles (figure 6)
- ``agreement.py``: of a live project, how far proposals agree with what experts made of them;
  drawn by itself, not in a report

They are drawn with ``bands.py`` (lines with bands), ``per_setting.py`` (curves of each
setting), ``panels.py`` (small multiples and their key), ``named_rows.py`` (a row for each
strategy), ``overview.py`` (a panel for each of many strategies), ``tiles.py`` (slices) and
``showcase.py`` (which runs are shown slice by slice). A figure for which nothing was measured
is not drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nextslice.report.drawing import Drawing
from nextslice.report.figures.across_cycles import draw_across_cycles
from nextslice.report.figures.batches import draw_batches
from nextslice.report.figures.boxes import draw_boxes
from nextslice.report.figures.cost import draw_area_cost, draw_contour_cost, draw_volume_cost
from nextslice.report.figures.curves import draw_dice
from nextslice.report.figures.pairs import draw_pairs
from nextslice.report.figures.pool_sizes import draw_pool_sizes
from nextslice.report.figures.queries import draw_queries
from nextslice.report.figures.ranking import draw_ranking
from nextslice.report.figures.times import draw_times
from nextslice.report.outlines import Outlines
from nextslice.report.runs import Run
from nextslice.report.scans import Scans

__all__ = ["draw_all"]


def draw_all(
    runs: Sequence[Run], *, scans: Scans | None = None, outlines: Outlines | None = None
) -> list[Drawing]:
    """Every figure for which something was measured, in the order to read them.

    Args:
        runs: Of one experiment; another's would be drawn on the same axes.
        scans: The scans behind the runs; without them no slice is shown.
        outlines: What there is to outline in queried slices, where it is known.
    """
    return [drawing for drawing in _drawn(runs, scans, outlines or {}) if drawing is not None]


def _drawn(
    runs: Sequence[Run], scans: Scans | None, outlines: Outlines
) -> Iterator[Drawing | None]:
    for draw in (
        draw_dice,
        draw_ranking,
        draw_pairs,
        draw_boxes,
        draw_pool_sizes,
    ):
        yield draw(runs)
    yield draw_queries(runs)
    if scans is not None:
        yield draw_batches(runs, scans)
        yield draw_across_cycles(runs, scans)
    yield draw_volume_cost(runs)
    yield draw_area_cost(runs, outlines)
    yield draw_contour_cost(runs, outlines)
    yield draw_times(runs)
