"""One test slice as the models of each cycle segment it (figure 6 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nextslice.data.pool import SlicePool
from nextslice.evaluation.metrics import dice
from nextslice.report.drawing import WIDTH, Drawing
from nextslice.report.figures.showcase import showcase
from nextslice.report.figures.tiles import class_colour, draw_slice, tile
from nextslice.report.lettering import SMALL, fitted, text_width
from nextslice.report.names import shortened
from nextslice.report.runs import Run
from nextslice.report.scans import RunScans, Scans, pixel_aspect
from nextslice.report.style import INK, QUIET
from nextslice.report.tables import plain_text

__all__ = ["draw_across_cycles", "typical_slice"]

_MOST: Final = 7  # cycles; of more, the first and the last and some between
_LEFT: Final = 0.86  # inches: what a row shows
_GAP: Final = 0.06
_HEAD: Final = 0.4
_UNDER: Final = 0.2  # the numbers of a tile
_CLASSES: Final = 4  # numbers under a tile; of more classes only their mean
_Slice = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class _Row:
    run: Run
    name: str
    masks: tuple[_Slice, ...]


def draw_across_cycles(runs: Sequence[Run], scans: Scans) -> Drawing | None:
    """A test slice, its labels, and its segmentation after each query.

    Args:
        runs: Of one experiment.
        scans: Where the slice and the models come from.
    """
    shown = showcase(runs)
    opened = None if shown is None else scans.of(shown.without)
    if shown is None or opened is None:
        return None
    row = typical_slice(opened.test)
    cycles = _chosen(shown.without, shown.with_batches)
    if row is None or len(cycles) < 2:
        return None
    found = []
    for run, name in (
        (shown.with_batches, "with stochastic batches"),
        (shown.without, "most uncertain slices"),
    ):
        masks = [scans.masks(run, cycle, row) for cycle in cycles]
        if any(mask is None for mask in masks):
            return None
        found.append(_Row(run, name, tuple(mask[0] for mask in masks if mask is not None)))
    return Drawing(
        "across-cycles",
        "One test slice across cycles",
        _caption(opened, row, shown.without),
        " ".join(
            f"{plain_text(one.name)}: 2D Dice by cycle "
            + ", ".join(f"{_mean(opened, row, mask):.0f}" for mask in one.masks)
            + " %."
            for one in found
        ),
        _draw(opened, row, cycles, found),
        scans=True,
    )


def typical_slice(pool: SlicePool) -> int | None:
    """The row of a test slice that is chosen by its labels alone, not by any result.

    Of the case whose foreground is the median of all cases, the slice in which the smallest
    class is largest.
    """
    sizes = {case: int(np.count_nonzero(pool.masks[pool.rows_of(case)])) for case in pool.cases}
    ranked = sorted((size, case) for case, size in sizes.items() if size)
    if not ranked:
        return None
    rows = pool.rows_of(ranked[len(ranked) // 2][1])
    masks = pool.masks[rows]
    areas = np.stack(
        [np.count_nonzero(masks == k, axis=(1, 2)) for k in range(1, len(pool.classes) + 1)]
    )
    best = max(
        range(len(masks)), key=lambda n: (int(areas[:, n].min()), int(areas[:, n].sum()))
    )
    return int(rows.start) + best


def _chosen(*runs: Run) -> list[int]:
    cycles = sorted(set.intersection(*(set(run.recorded) for run in runs)))
    if len(cycles) <= _MOST:
        return cycles
    places = np.linspace(0, len(cycles) - 1, _MOST).round().astype(int)
    return [cycles[place] for place in places]


def _draw(opened: RunScans, row: int, cycles: Sequence[int], found: Sequence[_Row]) -> Figure:
    pool = opened.test
    image, truth = pool.images[row], pool.masks[row]
    window = _window(truth)
    case = pool.slice_id(row).case
    aspect = pixel_aspect(pool, case)
    columns = len(cycles) + 1
    side = (WIDTH - _LEFT - 0.05 - _GAP * (columns - 1)) / columns
    part = image[window]
    tall_tile = side * aspect * part.shape[0] / part.shape[1]
    step = tall_tile + _UNDER + 0.08
    tall = _HEAD + len(found) * step + 0.3
    figure = Figure(figsize=(WIDTH, tall))
    for place, one in enumerate(found):
        top = _HEAD + place * step
        _words(figure, 0.05, top + tall_tile / 2, fitted(one.name, (_LEFT - 0.1) * 72))
        for column, mask in enumerate((truth, *one.masks)):
            left = _LEFT + column * (side + _GAP)
            axes = tile(figure, left, top, side, tall_tile)
            draw_slice(axes, part, mask[window], aspect=aspect, filled=True)
            if column:
                _numbers(axes, truth, mask, len(pool.classes))
            else:
                axes.set_xlabel("2D Dice (%)", fontsize=7, color=QUIET, labelpad=2)
            if place == 0:
                told = "expert" if column == 0 else _cycle(one.run, cycles[column - 1])
                axes.set_title(told, fontsize=7, color=INK, pad=3, linespacing=1.1)
    _legend(figure, pool.classes)
    return figure


def _window(truth: _Slice) -> tuple[slice, slice]:
    """The foreground with as much around it as it is large, within the slice."""
    found = []
    for axis, length in enumerate(truth.shape):
        inside = np.flatnonzero((truth > 0).any(axis=1 - axis))
        room = max(8, (inside[-1] - inside[0] + 1) // 2)
        found.append(slice(max(0, inside[0] - room), min(length, inside[-1] + room + 1)))
    return found[0], found[1]


def _numbers(axes: Axes, truth: _Slice, mask: _Slice, classes: int) -> None:
    """2D Dice of each class in its colour's order, in percent."""
    values = [100 * dice(mask == k, truth == k) for k in range(1, classes + 1)]
    text = (
        " · ".join(f"{value:.0f}" for value in values)
        if classes <= _CLASSES
        else f"{float(np.mean(values)):.0f}"
    )
    axes.set_xlabel(text, fontsize=7, color=INK, labelpad=2)


def _mean(opened: RunScans, row: int, mask: _Slice) -> float:
    truth, classes = opened.test.masks[row], len(opened.test.classes)
    return 100 * float(np.mean([dice(mask == k, truth == k) for k in range(1, classes + 1)]))


def _cycle(run: Run, cycle: int) -> str:
    slices = run.recorded[cycle]
    return f"{'initial set' if cycle == 0 else f'query {cycle}'}\n{slices} slices"


def _words(figure: Figure, left: float, middle: float, text: str) -> None:
    tall = float(figure.get_size_inches()[1])
    figure.text(
        left / WIDTH,
        (tall - middle) / tall,
        text,
        va="center",
        fontsize=SMALL,
        color=INK,
        linespacing=1.15,
        parse_math=False,
    )


def _legend(figure: Figure, classes: Sequence[str]) -> None:
    """A patch and a name for each class, in one line as far as it goes."""
    tall = float(figure.get_size_inches()[1]) * 72
    axes = figure.add_axes((0, 0, 1, 0.3 * 72 / tall))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH * 72)
    axes.set_ylim(0, 0.3 * 72)
    x = _LEFT * 72
    for number, name in enumerate(classes, 1):
        text = shortened(name, 28)
        if x + 14 + text_width(text) > WIDTH * 72 - 6:
            break
        axes.bar(x + 4, 8, 8, 6, color=class_colour(number), edgecolor=QUIET, linewidth=0.5)
        axes.text(
            x + 12, 10, text, va="center_baseline", fontsize=SMALL, color=INK, parse_math=False
        )
        x += 12 + text_width(text) + 14


def _caption(opened: RunScans, row: int, run: Run) -> str:
    name, classes = opened.test.slice_id(row), opened.test.classes
    numbers = (
        f"2D Dice in percent ({', '.join(map(plain_text, classes))})"
        if 1 < len(classes) <= _CLASSES
        else "2D Dice in percent"
    )
    return (
        f"Slice {name.index} of test case {plain_text(name.case)}, as the models of "
        f"{plain_text(run.strategy)} with and without stochastic batches segment it (seed "
        f"{run.seed}); numbers: {numbers}. The slice was chosen by its labels, not by a "
        "result: of the case of median size, the one where the smallest class is largest. One "
        "slice of one seed shows what the numbers mean, and proves nothing."
    )
