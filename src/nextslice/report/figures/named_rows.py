"""A row for each strategy, its name on the left: the form for many strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nextslice.report.drawing import WIDTH, plain_axes
from nextslice.report.lettering import fitted, is_long, label_text
from nextslice.report.style import INK

__all__ = ["Rows", "rows"]

_BELOW: Final = 0.46  # inches: numbers and what they mean
_ABOVE: Final = 0.1
_BETWEEN: Final = 0.03  # of the width


@dataclass(frozen=True)
class Rows:
    """A figure with one row for each name.

    Attributes:
        figure: The whole.
        axes: From left to right; the first has the names.
        places: The height of each name's row, in the units of the axes.
    """

    figure: Figure
    axes: tuple[Axes, ...]
    places: tuple[float, ...]


def rows(names: Sequence[str], x_labels: Sequence[str], *, right: float = 0.98) -> Rows:
    """Axes side by side that share their rows, the first name on top.

    Args:
        names: One for each row.
        x_labels: What is on the horizontal axis, for each pair of axes.
        right: Where the last axes end, as a part of the width.
    """
    long = any(map(is_long, names))
    texts = [fitted(name, 208) if long else label_text(name, 30, 150) for name in names]
    lines = [text.count("\n") + 1 for text in texts]
    # As the names need on average, but never so little that the longest meets the next.
    each = max(0.17 * sum(lines) / len(lines) + 0.12, 0.155 * max(lines) + 0.04)
    tall = _BELOW + _ABOVE + 0.16 + each * len(names)
    figure = Figure(figsize=(WIDTH, tall))
    left = 0.41 if long else 0.3
    wide = (right - left - _BETWEEN * (len(x_labels) - 1)) / len(x_labels)
    places = tuple(float(len(names) - 1 - place) for place in range(len(names)))
    found = []
    for column, label in enumerate(x_labels):
        axes = figure.add_axes(
            (
                left + column * (wide + _BETWEEN),
                _BELOW / tall,
                wide,
                (tall - _BELOW - _ABOVE) / tall,
            )
        )
        plain_axes(axes)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(places, texts if column == 0 else [""] * len(texts), fontsize=8)
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_ylim(-0.55, len(names) - 0.45)
        axes.set_xlabel(label, fontsize=8, color=INK)
        found.append(axes)
    return Rows(figure, tuple(found), places)
