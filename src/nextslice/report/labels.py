"""Which line is whose: names at the ends of a few lines, else numbers and a legend below."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from scipy.optimize import isotonic_regression

from nextslice.report.lettering import LINE, SMALL, fitted, is_long, label_text, text_width
from nextslice.report.style import INK, Look

__all__ = ["Ends", "Legend", "crowded", "name_lines", "number_lines"]

Ends = Mapping[str, tuple[float, float]]
"""Name -> the last point of its line, in the units of the axes."""

_FEW: Final = 8
_HANDLE = 26.0  # points: a piece of the line with its marker
_GAP = 5.0
_MARGIN = 0.035  # of the figure's width, on either side
_BETWEEN = 3.0  # points between two names of the legend


def crowded(ends: Ends) -> bool:
    """Whether names beside the lines would be too many, too long, or lead across the plot."""
    ends_apart = len({x for x, _ in ends.values()}) > 1
    return len(ends) > _FEW or ends_apart or any(map(is_long, ends))


def name_lines(axes: Axes, ends: Ends, styles: Mapping[str, Look], *, height: float) -> None:
    """Write each strategy's name to the right of the axes, level with the end of its line.

    Names that would overlap are pushed apart as little as possible; a thin line leads to each.

    Args:
        axes: With its limits set.
        ends: The lines to name.
        styles: How each is drawn.
        height: Of the axes, in points.
    """
    texts = {name: label_text(name) for name in ends}
    for name, y in _apart(axes, ends, texts, height).items():
        _annotate(axes, texts[name], ends[name], (1.035, y), styles[name].colour)


def number_lines(
    axes: Axes,
    ends: Ends,
    styles: Mapping[str, Look],
    numbers: Mapping[str, int],
    *,
    height: float,
) -> None:
    """Write each strategy's number beside the end of its line, wherever that line ends.

    Args:
        axes: With its limits set.
        ends: The lines to number.
        styles: How each is drawn.
        numbers: Name -> its number in the legend.
        height: Of the axes, in points.
    """
    low, high = axes.get_xlim()
    last = max((x for x, _ in ends.values()), default=0.0)
    columns: dict[float, dict[str, tuple[float, float]]] = defaultdict(dict)
    for name, end in ends.items():
        columns[end[0]][name] = end
    for x, column in columns.items():
        texts = {name: str(numbers[name]) for name in column}
        place = 1.012 if x == last else (x - low) / (high - low) + 0.022
        for name, y in _apart(axes, column, texts, height).items():
            number = _annotate(axes, texts[name], ends[name], (place, y), styles[name].colour)
            number.set_path_effects([withStroke(linewidth=2.4, foreground="white")])
            number.set_zorder(6)  # other lines may pass where this one ends


@dataclass(frozen=True)
class Legend:
    """Numbers and names in columns, to stand below a plot.

    Attributes:
        columns: Of entries (number, name, its text in lines).
        width: Of a column, in points.
        height: Of the longest column, in points.
    """

    columns: tuple[tuple[tuple[int, str, str], ...], ...]
    width: float
    height: float

    @classmethod
    def of(cls, numbers: Mapping[str, int], figure_width: float) -> Self:
        """A legend in as many columns as the longest name leaves room for.

        Args:
            numbers: Name -> its number.
            figure_width: In points.
        """
        whole = figure_width * (1 - 2 * _MARGIN)
        before = _before(numbers)
        longest = max(map(text_width, numbers))
        fit = int(whole // (before + longest + 2 * _GAP))
        count = max(1, min(fit, 3, len(numbers)))
        room = whole / count - before - 2 * _GAP
        entries = [(number, name, fitted(name, room)) for name, number in numbers.items()]
        rows = -(-len(entries) // count)
        columns = [tuple(entries[i : i + rows]) for i in range(0, len(entries), rows)]
        height = max(sum(_tall(text) for _, _, text in column) for column in columns)
        return cls(tuple(columns), whole / count, height)

    @property
    def inches(self) -> float:
        """How much higher a figure is with this legend below it."""
        return (self.height + 14) / 72

    def draw(self, figure: Figure, styles: Mapping[str, Look]) -> None:
        """Draw it at the lower edge of a figure."""
        width, tall = figure.get_size_inches() * 72
        whole = width * (1 - 2 * _MARGIN)
        axes = figure.add_axes((_MARGIN, 6 / tall, whole / width, self.height / tall))
        axes.set_axis_off()
        axes.set_xlim(0, whole)
        axes.set_ylim(-self.height, 0)
        numbers = {name: number for column in self.columns for number, name, _ in column}
        before = _before(numbers)
        for place, column in enumerate(self.columns):
            left, y = place * self.width, 0.0
            for number, name, text in column:
                middle = y - SMALL * LINE / 2
                look = styles[name]
                axes.plot(
                    [left, left + _HANDLE / 2, left + _HANDLE],
                    [middle] * 3,
                    linewidth=1.6,
                    markevery=[1],
                    markersize=4.2,
                    **look.pen,
                )
                for x, told, side in (
                    (left + before - _GAP, str(number), "right"),
                    (left + before, text, "left"),
                ):
                    axes.text(
                        x,
                        y - SMALL * 0.97,
                        told,
                        ha=side,
                        va="baseline",
                        fontsize=SMALL,
                        color=look.colour if side == "right" else INK,
                        linespacing=1.1,
                        parse_math=False,
                    )
                y -= _tall(text)


def _before(numbers: Mapping[str, int]) -> float:
    """Points from the left of a column to its names."""
    return _HANDLE + 2 * _GAP + max(text_width(str(number)) for number in numbers.values())


def _tall(text: str) -> float:
    return (text.count("\n") + 1) * SMALL * LINE + _BETWEEN


def _annotate(
    axes: Axes,
    text: str,
    end: tuple[float, float],
    place: tuple[float, float],
    colour: str,
) -> Annotation:
    return axes.annotate(
        text,
        xy=end,
        xytext=place,
        textcoords="axes fraction",
        color=colour,
        fontsize=SMALL,
        va="center",
        linespacing=1.1,
        annotation_clip=False,
        parse_math=False,
        arrowprops={
            "arrowstyle": "-",
            "color": colour,
            "linewidth": 0.7,
            "shrinkA": 1,
            "shrinkB": 4,
            "relpos": (0, 0.5),
            "path_effects": [withStroke(linewidth=2, foreground="white")],
        },
    )


def _apart(axes: Axes, ends: Ends, texts: Mapping[str, str], height: float) -> dict[str, float]:
    """Name -> the height of its text, as a fraction of the axes."""
    if not ends:
        return {}
    low, high = axes.get_ylim()
    names = sorted(ends, key=lambda name: ends[name][1])
    wanted = np.array([(ends[name][1] - low) / (high - low) for name in names]) * height
    tall = np.array([(texts[name].count("\n") + 1) * SMALL * LINE + 2 for name in names])
    found = _spread_out(wanted, tall, height)
    return {name: y / height for name, y in zip(names, found, strict=True)}


def _spread_out(
    wanted: np.ndarray[tuple[int], np.dtype[np.float64]],
    tall: np.ndarray[tuple[int], np.dtype[np.float64]],
    height: float,
) -> list[float]:
    """Centres as near to those wanted (ascending) as leaves room for each text.

    The least squares of it is an isotonic regression, once the room below each is taken off.
    """
    below = np.concatenate([[0.0], np.cumsum((tall[:-1] + tall[1:]) / 2)])
    free = isotonic_regression(wanted - below).x
    first, last = tall[0] / 2, height - tall[-1] / 2 - below[-1]
    # Clipped last, so that too many names for the height run over the top and still stay apart.
    return [float(y) for y in np.clip(free, first, max(first, last)) + below]
