"""The comparison as Markdown for people and as CSV for programs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nextslice.report.experiments import by_experiment
from nextslice.report.runs import MEAN, Metric
from nextslice.report.summaries import METRICS, Spread, Summary

__all__ = [
    "NOTE",
    "Cells",
    "class_cells",
    "comparison_cells",
    "duration",
    "plain_text",
    "to_csv",
    "to_markdown",
]

NOTE = (
    "Mean (standard deviation) over cycles and seeds, the initial set left out; final and "
    "area over seeds. Dice in percent, higher is better; HD95, lower is better. Area: under "
    "3D Dice against labelled slices, divided by their range. Strength: how far the query's "
    "mean score lies above the pool's, in standard deviations (\N{GREEK SMALL LETTER SIGMA}). "
    "Sampling: seconds to score the pool and select."
)

_NOTHING = "\N{EN DASH}"
_TITLES: dict[Metric, str] = {"dice_3d": "3D Dice", "dice_2d": "2D Dice", "hd95_3d_mm": "HD95"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Cells:
    """A table of texts; the first column names the strategy."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def plain_text(name: str) -> str:
    """A name from a file, without characters that steer a terminal or turn the text around."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name)


def comparison_cells(summaries: Sequence[Summary]) -> Cells:
    """One row per strategy of one experiment, metrics averaged over the classes."""
    header = (
        "Strategy",
        "Seeds",
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
    rows = tuple(
        (
            plain_text(summary.strategy),
            _seeds(summary),
            str(summary.cycles),
            _NOTHING if summary.labelled is None else "{} to {}".format(*summary.labelled),
            *(_metric(summary, metric, MEAN) for metric in METRICS),
            _spread(summary.final, 2, 100),
            _spread(summary.area, 2, 100),
            _spread(summary.strength, 2),
            _spread(summary.volumes, 1),
            _spread(summary.seconds, 2),
        )
        for summary in summaries
    )
    return Cells(header, rows)


def class_cells(summaries: Sequence[Summary]) -> Cells:
    """One row per strategy, metrics class by class, as in the paper's table 1."""
    names = _classes(summaries)
    unit = _unit(summaries)
    header = (
        "Strategy",
        *(
            plain_text(f"{name}: {_TITLES[metric]}") + (f" ({unit})" if "hd" in metric else "")
            for name in names
            for metric in METRICS
        ),
    )
    rows = tuple(
        (
            plain_text(summary.strategy),
            *(_metric(summary, metric, name) for name in names for metric in METRICS),
        )
        for summary in summaries
    )
    return Cells(header, rows)


def to_markdown(summaries: Sequence[Summary]) -> str:
    """The comparison, and where there are several classes one table class by class.

    With more than one experiment, each has its tables under a heading.
    """
    experiments = by_experiment(summaries)
    parts = ["# Comparison"]
    if len(experiments) > 1:
        parts.append(NOTE)
    for title, members in experiments.items():
        if len(experiments) > 1:
            parts += [f"## {_escaped(plain_text(title))}", _markdown(comparison_cells(members))]
        else:
            parts += [_markdown(comparison_cells(members)), NOTE]
        if len(_classes(members)) > 1:
            depth = "###" if len(experiments) > 1 else "##"
            parts += [f"{depth} Class by class", _markdown(class_cells(members))]
    return "\n\n".join(parts) + "\n"


def to_csv(summaries: Sequence[Summary]) -> str:
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
                    *((_inert(summary.experiment),) if several else ()),
                    *(_inert(summary.strategy), _inert(name)),
                    *(summary.seeds, summary.unfinished, summary.cycles),
                    *(summary.labelled or ("", "")),
                    *(
                        cell
                        for metric in METRICS
                        for cell in _digits(summary.metrics.get((metric, name)))
                    ),
                    summary.distance_unit,
                    *(cell for spread in of_all for cell in _digits(spread)),
                )
            )
    return text.getvalue()


def duration(seconds: float) -> str:
    """A time as people say it: "0.4 ms", "7.0 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _seeds(summary: Summary) -> str:
    if summary.provisional:
        return f"{summary.seeds} (unfinished)"
    more = f" (+{summary.unfinished} unfinished)" if summary.unfinished else ""
    return f"{summary.seeds}{more}"


def _metric(summary: Summary, metric: Metric, name: str) -> str:
    scale = 1 if metric == "hd95_3d_mm" else 100
    return _spread(summary.metrics.get((metric, name)), 2, scale)


def _spread(spread: Spread | None, digits: int, scale: float = 1) -> str:
    if spread is None:
        return _NOTHING
    mean = f"{spread.mean * scale:.{digits}f}"
    return mean if spread.std is None else f"{mean} ({spread.std * scale:.{digits}f})"


def _digits(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return "", ""
    return f"{spread.mean:.7g}", "" if spread.std is None else f"{spread.std:.7g}"


def _classes(summaries: Sequence[Summary]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for summary in summaries for name in summary.classes))


def _unit(summaries: Sequence[Summary]) -> str:
    return " or ".join(sorted({s.distance_unit for s in summaries if s.seeds})) or "mm"


def _markdown(cells: Cells) -> str:
    header = [_escaped(cell) for cell in cells.header]
    ruler = ["---", *("---:" for _ in cells.header[1:])]
    rows = [[_escaped(cell) for cell in row] for row in cells.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, ruler, *rows))


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: no table border, link, emphasis or HTML."""
    text = re.sub(r"([\\`*_\[\]|#!~$])", r"\\\1", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("://", ":&#47;&#47;")  # an address is not made a link


def _inert(text: str) -> str:
    """A name that a spreadsheet does not take for a formula."""
    text = plain_text(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
