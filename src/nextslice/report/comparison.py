"""The strategies side by side, metrics averaged over the classes or class by class."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from nextslice.report.experiments import by_experiment
from nextslice.report.rendering import escaped, grid, inert
from nextslice.report.runs import MEAN, Metric
from nextslice.report.summaries import METRICS, Spread, Summary
from nextslice.report.tables import (
    NOTHING,
    Cell,
    Table,
    heads,
    labelled,
    mean_and_spread,
    number,
    plain_text,
)

__all__ = [
    "NOTE",
    "class_table",
    "comparison_csv",
    "comparison_markdown",
    "comparison_table",
]

NOTE = (
    "Mean (standard deviation) over cycles and runs, the initial set left out; final and "
    "area over runs. Dice in percent, higher is better; HD95, lower is better. Area: under "
    "3D Dice against labelled slices, divided by their range. Strength: how far the query's "
    "mean score lies above the pool's, in standard deviations (\N{GREEK SMALL LETTER SIGMA}). "
    "Sampling: seconds to score the pool and select, median over queries and runs."
)

_TITLES: dict[Metric, str] = {"dice_3d": "3D Dice", "dice_2d": "2D Dice", "hd95_3d_mm": "HD95"}


def comparison_table(summaries: Sequence[Summary]) -> Table:
    """One row per strategy of one experiment, metrics averaged over the classes."""
    rows = tuple(
        (
            labelled(summary.strategy),
            Cell(_runs(summary)),
            Cell(str(summary.cycles)),
            Cell(NOTHING if summary.labelled is None else "{} to {}".format(*summary.labelled)),
            *(_metric(summary, metric, MEAN) for metric in METRICS),
            mean_and_spread(summary.final, 2, 100),
            mean_and_spread(summary.area, 2, 100),
            mean_and_spread(summary.strength, 2),
            mean_and_spread(summary.volumes, 1),
            number(summary.median_seconds, 2),
        )
        for summary in summaries
    )
    header = heads(
        "Runs",
        "Cycles",
        "Labelled",
        "3D Dice",
        "2D Dice",
        f"HD95 ({_unit(summaries)})",
        "Final 3D Dice",
        "Area",
        "Strength (\N{GREEK SMALL LETTER SIGMA})",
        "Volumes per query",
        "Sampling (s)",
    )
    return Table("comparison", "Comparison", NOTE, ("Strategy",), header, (rows,))


def class_table(summaries: Sequence[Summary]) -> Table:
    """One row per strategy, metrics class by class."""
    names = _classes(summaries)
    unit = _unit(summaries)
    header = heads(
        *(
            plain_text(f"{name}: {_TITLES[metric]}") + (f" ({unit})" if "hd" in metric else "")
            for name in names
            for metric in METRICS
        )
    )
    rows = tuple(
        (
            labelled(summary.strategy),
            *(_metric(summary, metric, name) for name in names for metric in METRICS),
        )
        for summary in summaries
    )
    return Table("by-class", "Class by class", NOTE, ("Strategy",), header, (rows,))


def comparison_markdown(summaries: Sequence[Summary]) -> str:
    """The comparison, and where there are several classes one table class by class.

    With more than one experiment, each has its tables under a heading.
    """
    experiments = by_experiment(summaries)
    parts = ["# Comparison"]
    if len(experiments) > 1:
        parts.append(NOTE)
    for title, members in experiments.items():
        if len(experiments) > 1:
            parts += [f"## {escaped(plain_text(title))}", grid(comparison_table(members))]
        else:
            parts += [grid(comparison_table(members)), NOTE]
        if len(_classes(members)) > 1:
            depth = "###" if len(experiments) > 1 else "##"
            parts += [f"{depth} Class by class", grid(class_table(members))]
    return "\n\n".join(parts) + "\n"


def comparison_csv(summaries: Sequence[Summary]) -> str:
    """One row per strategy and class (``mean`` is the mean over classes), all digits.

    Dice is from 0 to 1 and an empty cell means that nothing was measured. Columns that do not
    depend on the class are repeated; ``final`` and ``area`` are of the mean over classes.
    With more than one experiment, its title is the first column.
    """
    several = len({summary.experiment for summary in summaries}) > 1
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    pairs = [(metric, part) for metric in METRICS for part in ("mean", "std")]
    once = ("final_dice_3d", "area", "strength", "volumes_per_query", "sampling_seconds")
    writer.writerow(
        (
            *(("experiment",) if several else ()),
            *("strategy", "class", "seeds", "unfinished", "cycles"),
            *("first_labelled", "last_labelled"),
            *(f"{metric.removesuffix('_mm')}_{part}" for metric, part in pairs),
            "hd95_unit",
            *(f"{name}_{part}" for name in once for part in ("mean", "std")),
            "sampling_seconds_median",
        )
    )
    for summary in summaries:
        of_all = (
            summary.final,
            summary.area,
            summary.strength,
            summary.volumes,
            summary.seconds,
        )
        for name in (MEAN, *summary.classes):
            writer.writerow(
                (
                    *((inert(summary.experiment),) if several else ()),
                    *(inert(summary.strategy), inert(name)),
                    *(summary.seeds, summary.unfinished, summary.cycles),
                    *(summary.labelled or ("", "")),
                    *(
                        cell
                        for metric in METRICS
                        for cell in _digits(summary.metrics.get((metric, name)))
                    ),
                    summary.distance_unit,
                    *(cell for spread in of_all for cell in _digits(spread)),
                    "" if summary.median_seconds is None else f"{summary.median_seconds:.7g}",
                )
            )
    return text.getvalue()


def _runs(summary: Summary) -> str:
    if summary.provisional:
        return f"{summary.seeds} (unfinished)"
    more = f" (+{summary.unfinished} unfinished)" if summary.unfinished else ""
    return f"{summary.seeds}{more}"


def _metric(summary: Summary, metric: Metric, name: str) -> Cell:
    scale = 1 if metric == "hd95_3d_mm" else 100
    return mean_and_spread(summary.metrics.get((metric, name)), 2, scale)


def _digits(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return "", ""
    return f"{spread.mean:.7g}", "" if spread.std is None else f"{spread.std:.7g}"


def _classes(summaries: Sequence[Summary]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for summary in summaries for name in summary.classes))


def _unit(summaries: Sequence[Summary]) -> str:
    return " or ".join(sorted({s.distance_unit for s in summaries if s.seeds})) or "mm"
