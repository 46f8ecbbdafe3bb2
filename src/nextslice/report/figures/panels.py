"""Small multiples: panels in rows and columns with one scale, laid out in inches.

Titles take as many lines as they need, so that a long name pushes its row down and never
reaches into its neighbour. A key below says what lines mean that all panels share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nextslice.report.drawing import WIDTH, plain_axes
from nextslice.report.lettering import LINE, SMALL, fitted, text_width
from nextslice.report.style import INK, Look

__all__ = ["Key", "Panels", "panels"]

_LEFT: Final = 0.62  # inches: numbers and what they mean
_RIGHT: Final = 0.1
_BETWEEN: Final = 0.2
_TICKS: Final = 0.27  # below each panel
_WORDS: Final = 0.22  # below all panels: what is on the axes
_ABOVE: Final = 0.05
_TITLE: Final = 8.0
_SAMPLE: Final = 28.0  # points: a piece of line in the key
_GAP: Final = 5.0
_MARGIN: Final = 18.0
_STEP: Final = SMALL * 1.4


@dataclass(frozen=True)
class Panels:
    """A figure with its panels, in the order of their titles.

    Attributes:
        figure: The whole.
        axes: One for each title.
        points: The width of a panel, in points.
        columns: How many stand side by side.
    """

    figure: Figure
    axes: tuple[Axes, ...]
    points: float
    columns: int


@dataclass(frozen=True)
class Key:
    """What lines mean, in one or more lines of text below the panels.

    Attributes:
        entries: Of (name, its text, x and line of text), in points from the left.
        lines: How many lines of text it takes.
    """

    entries: tuple[tuple[str, str, float, int], ...]
    lines: int

    @classmethod
    def of(cls, names: Sequence[str], figure_width: float = WIDTH * 72) -> Key:
        """Names one after the other, on the next line where the width is used up.

        Args:
            names: Of the looks to explain.
            figure_width: In points.
        """
        whole = figure_width - 2 * _MARGIN
        entries: list[tuple[str, str, float, int]] = []
        x, line = 0.0, 0
        for name in names:
            text = fitted(name, whole - _SAMPLE - _GAP)
            broken = text.count("\n")
            wide = _SAMPLE + _GAP + max(map(text_width, text.split("\n"))) + 3 * _GAP
            if x and (x + wide > whole or broken):
                x, line = 0.0, line + 1
            entries.append((name, text, x, line))
            x += wide
            if broken:
                x, line = 0.0, line + broken + 1
        return cls(tuple(entries), line + (1 if x else 0))

    @property
    def inches(self) -> float:
        """How much higher a figure is with this key below it."""
        return (self.lines * _STEP + 8) / 72

    def draw(self, figure: Figure, styles: Mapping[str, Look]) -> None:
        """Draw it at the lower edge of a figure."""
        width, tall = figure.get_size_inches() * 72
        height = self.inches * 72
        axes = figure.add_axes(
            (_MARGIN / width, 0, (width - 2 * _MARGIN) / width, height / tall)
        )
        axes.set_axis_off()
        axes.set_xlim(0, width - 2 * _MARGIN)
        axes.set_ylim(0, height)
        for name, text, x, line in self.entries:
            top = height - line * _STEP - 2
            axes.plot(
                [x, x + _SAMPLE / 2, x + _SAMPLE],
                [top - SMALL * LINE / 2] * 3,
                linewidth=1.6,
                markevery=[1],
                markersize=4.2,
                **styles[name].pen,
            )
            axes.text(
                x + _SAMPLE + _GAP,
                top - SMALL * 0.97,
                text,
                va="baseline",
                fontsize=SMALL,
                color=INK,
                linespacing=1.1,
                parse_math=False,
            )


def panels(
    titles: Sequence[str],
    *,
    columns: int,
    height: float,
    x_label: str,
    y_label: str,
    own_scales: bool = False,
    key: Key | None = None,
) -> Panels:
    """Empty panels of one size, with their titles and what is on their axes.

    Args:
        titles: One for each panel.
        columns: Side by side, at most.
        height: Of a panel's axes, in inches.
        x_label: What is on all horizontal axes.
        y_label: What is on all vertical axes.
        own_scales: Every panel shows the numbers of its vertical axis; else the first of
            each row does, and the caller gives all the same limits.
        key: Leaves room for it; draw it with :meth:`Key.draw`.
    """
    columns = min(columns, len(titles))
    between = _LEFT - 0.12 if own_scales else _BETWEEN
    wide = (WIDTH - _LEFT - _RIGHT - between * (columns - 1)) / columns
    points = wide * 72
    texts = [fitted(title, points, _TITLE) for title in titles]
    rows = [texts[i : i + columns] for i in range(0, len(texts), columns)]
    lines = [max(text.count("\n") + 1 for text in row) for row in rows]
    heads = [(count * _TITLE * LINE + 5) / 72 + _ABOVE for count in lines]
    below = _WORDS + (0 if key is None else key.inches)
    tall = sum(heads) + len(rows) * (height + _TICKS) + below
    figure = Figure(figsize=(WIDTH, tall))
    found: list[Axes] = []
    top = tall
    for row, head in zip(rows, heads, strict=True):
        top -= head + height
        for column, text in enumerate(row):
            left = _LEFT + column * (wide + between)
            axes = figure.add_axes((left / WIDTH, top / tall, wide / WIDTH, height / tall))
            plain_axes(axes)
            axes.tick_params(labelsize=7, labelleft=own_scales or column == 0)
            axes.set_title(
                text, fontsize=_TITLE, color=INK, loc="left", parse_math=False, pad=5
            )
            found.append(axes)
        top -= _TICKS
    middle = (below + tall) / 2 / tall
    figure.text(
        (_LEFT + WIDTH - _RIGHT) / 2 / WIDTH,
        (below - _WORDS + 0.06) / tall,
        x_label,
        ha="center",
        va="bottom",
        fontsize=SMALL,
        color=INK,
    )
    figure.text(
        0.1 / WIDTH,
        middle,
        y_label,
        rotation=90,
        ha="left",
        va="center",
        fontsize=SMALL,
        color=INK,
    )
    return Panels(figure, tuple(found), points, columns)
