"""Differences against random in every metric and class, beside the one that is tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nextslice.report.columns import METRIC_TITLES, slug
from nextslice.report.differences import Difference, against_random, over_settings
from nextslice.report.runs import MEAN, Metric
from nextslice.report.summaries import METRICS, Group
from nextslice.report.tables import Head, Row, Table, labelled, number

__all__ = ["metric_table"]

_DIGITS: Final = 2


def metric_table(members: Sequence[Group], data: str) -> Table | None:
    """Paired differences against random with their intervals, a row for each class.

    Args:
        members: Groups of one experiment.
        data: The experiment's short title.

    Returns:
        None where nothing shares a pair with random.
    """
    pairs = against_random(members)
    classes = tuple(
        dict.fromkeys(name for g in members for r in g.compared for name in r.classes)
    )
    names = (MEAN, *classes) if len(classes) > 1 else classes or (MEAN,)
    units = sorted({run.distance_unit for group in members for run in group.compared})
    header: list[Head] = []
    for metric in METRICS:
        unit = f" ({' or '.join(units)})" if metric == "hd95_3d_mm" else ""
        header += [Head(METRIC_TITLES[metric] + unit), Head(f"{METRIC_TITLES[metric]} CI")]
    cells: dict[str, dict[tuple[str, Metric], Row]] = {}
    for name in names:
        for metric in METRICS:
            for one in over_settings(pairs, metric, name):
                if one.pairs:
                    cells.setdefault(one.first, {})[name, metric] = _cells(one, metric)
    if not cells:
        return None
    nothing: Row = (number(None, 0), number(None, 0))
    return Table(
        key=slug("against-random-by-metric", data),
        title=", ".join(filter(None, ("Against random, metric by metric", data))),
        caption="Difference to random over cycles, pairs and settings, with the 95% confidence "
        "interval of its mean (Student's t over three pairs or more). DSC in points, positive "
        "where the strategy is better; HD95, negative where it is better. Not tested: the one "
        "test is of the mean 3D Dice, and these numbers show where it comes from.",
        stubs=("Strategy", "Class"),
        header=(tuple(header),),
        blocks=tuple(
            tuple(
                (
                    labelled(strategy),
                    labelled("mean" if name == MEAN else name),
                    *(cell for metric in METRICS for cell in own.get((name, metric), nothing)),
                )
                for name in names
            )
            for strategy, own in cells.items()
        ),
    )


def _cells(found: Difference, metric: Metric) -> Row:
    scale = 1 if metric == "hd95_3d_mm" else 100
    interval = found.interval
    if interval is None:
        told = number(None, 0)
    else:
        low, high = (f"{scale * end:+.{_DIGITS}f}" for end in interval)
        told = labelled(f"[{low}, {high}]")
    return number(scale * found.mean, _DIGITS, signed=True), told
