"""What was queried, slice by slice, with and without stochastic batches (figure 5)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nextslice.data.slices import SliceId
from nextslice.report.drawing import WIDTH, Drawing
from nextslice.report.figures.showcase import showcase
from nextslice.report.figures.tiles import draw_slice, tile
from nextslice.report.lettering import LINE, fitted, text_width
from nextslice.report.rows import QueryRow
from nextslice.report.runs import Run
from nextslice.report.scans import RunScans, Scans, pixel_aspect
from nextslice.report.style import INK
from nextslice.report.tables import plain_text
from nextslice.wording import counted

__all__ = ["draw_batches"]

_MOST: Final = 15  # slices of one query; a paper's budget at most
_ACROSS: Final = 5
_MARGIN: Final = 0.1  # inches
_BETWEEN: Final = 0.35
_GAP: Final = 0.06
_HEAD: Final = 0.42
_NAME: Final = 6.5  # points
_TITLES: Final = ("The most uncertain slices", "With stochastic batches")
_TWICE: Final = "#d55e00"


def draw_batches(runs: Sequence[Run], scans: Scans) -> Drawing | None:
    """The first query of one uncertainty without and with stochastic batches.

    Both were chosen by the same model, from the same scores: that of the initial set.

    Args:
        runs: Of one experiment.
        scans: Where the slices come from.
    """
    shown = showcase(runs)
    opened = None if shown is None else scans.of(shown.without)
    if shown is None or opened is None:
        return None
    halves = [_query(run) for run in (shown.without, shown.with_batches)]
    if not all(halves):
        return None
    across = min(_ACROSS, max(map(len, halves)))
    rows = max(math.ceil(len(half) / across) for half in halves)
    half_wide = (WIDTH - 2 * _MARGIN - _BETWEEN) / 2
    side = (half_wide - _GAP * (across - 1)) / across
    common = _common([row for half in halves for row in half])
    aspect = pixel_aspect(opened.train, halves[0][0].case)
    high, wide = opened.train.size
    tall_tile = min(side * aspect * high / wide, 2.2 * side)
    name_high = 2 * _NAME * LINE / 72 + 0.05
    tall = _HEAD + rows * (tall_tile + name_high) + 0.05
    figure = Figure(figsize=(WIDTH, tall))
    for place, half in enumerate(halves):
        left = _MARGIN + place * (half_wide + _BETWEEN)
        _head(figure, left, half_wide, _TITLES[place], half)
        often = Counter(row.case for row in half)
        for k, row in enumerate(half):
            down, right = divmod(k, across)
            axes = tile(
                figure,
                left + right * (side + _GAP),
                _HEAD + down * (tall_tile + name_high),
                side,
                tall_tile,
            )
            _draw(axes, opened, row, aspect, twice=often[row.case] > 1)
            _name(axes, plain_text(row.case)[len(common) :], row, side * 72)
    return Drawing(
        "batches",
        "The first query, slice by slice",
        f"What {plain_text(shown.without.strategy)} asked for first, without and with "
        "stochastic batches, both by the scores of the model trained on the initial set (seed "
        f"{shown.without.seed}). Below each slice its case"
        + (f" (without {common} at its beginning)" if common else "")
        + " and its place in the volume. Thick orange frame: from a volume that the query "
        "takes more than one slice of. Thin outlines: the expert's labels.",
        " ".join(
            f"{_TITLES[place]}: {_volumes(half)}: "
            + ", ".join(f"{plain_text(row.case)} slice {row.slice}" for row in half)
            + "."
            for place, half in enumerate(halves)
        ),
        figure,
        scans=True,
    )


def _query(run: Run) -> list[QueryRow]:
    rows = [row for row in run.queries if row.cycle == 1]
    return sorted(rows, key=lambda row: row.rank)[:_MOST]


def _draw(axes: Axes, opened: RunScans, row: QueryRow, aspect: float, *, twice: bool) -> None:
    at = opened.train.row_of(SliceId(row.case, row.slice))
    draw_slice(axes, opened.train.images[at], opened.train.masks[at], aspect=aspect, width=0.8)
    if twice:
        axes.spines[:].set_color(_TWICE)
        axes.spines[:].set_linewidth(2)


def _common(rows: Iterable[QueryRow]) -> str:
    """What all cases' names begin with, up to a mark between words."""
    letters = zip(*(plain_text(row.case) for row in rows), strict=False)
    start = "".join(
        first for first, *rest in takewhile(lambda same: len({*same}) == 1, letters)
    )
    found = re.match(r".*[_\-. ]", start)
    return "" if found is None else found.group()


def _name(axes: Axes, case: str, row: QueryRow, points: float) -> None:
    text = case
    while text_width(text, _NAME) > points and len(text) > 2:
        text = f"…{text[2:]}"  # names differ at their ends
    axes.set_xlabel(
        f"{text}\nslice {row.slice}",
        fontsize=_NAME,
        color=INK,
        labelpad=2,
        linespacing=1.1,
        parse_math=False,
    )


def _head(
    figure: Figure, left: float, wide: float, title: str, half: Sequence[QueryRow]
) -> None:
    tall = float(figure.get_size_inches()[1])
    for text, y, size, weight in (
        (title, 0.06, 8.5, "bold"),
        (_volumes(half), 0.22, 8.0, "normal"),
    ):
        figure.text(
            left / WIDTH,
            (tall - y) / tall,
            fitted(text, wide * 72, size).split("\n")[0],
            va="top",
            fontsize=size,
            fontweight=weight,
            color=INK,
            parse_math=False,
        )


def _volumes(half: Sequence[QueryRow]) -> str:
    volumes = len({row.case for row in half})
    return f"{counted(len(half), 'slice')} from {counted(volumes, 'volume')}"
