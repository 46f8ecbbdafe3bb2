"""A strategy's colour, line and marker, and labels at the ends of lines that do not overlap.

The paper's convention (figures 3 and 4): with stochastic batches solid and blue, without
dashed and orange, random dotted and grey. An uncertainty keeps its marker with and without.
The colours stay apart for the colour-blind, and so do lines and markers without any colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patheffects import withStroke
from scipy.optimize import isotonic_regression

from nextslice.report.runs import Run
from nextslice.report.tables import plain_text

__all__ = ["INK", "Look", "label_text", "looks", "name_lines", "plain_axes", "titled"]

INK: Final = "#222222"

_WITH: Final = "stochastic-batches"
_BLUES: Final = ("#1566b8", "#0b2f6b", "#2f80cb", "#5b57c2", "#0e7490")
_ORANGES: Final = ("#d1580a", "#7a3200", "#b87503", "#b5382a", "#8a6d00")
_OTHERS: Final = ("#1a7f5a", "#7d3c98", "#b0286e", "#5f6b00", "#00696f")
_GREYS: Final = ("#6b6b6b", "#3f3f3f", "#8d8d8d")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_DASHED: Final = (0, (4.5, 1.8))
_DOTTED: Final = (0, (1.1, 1.6))
_DASH_DOT: Final = (0, (5, 1.6, 1.1, 1.6))

_LINE = 1.25  # height of a line of text, in font sizes


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn in every figure."""

    colour: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str


def looks(runs: Sequence[Run]) -> dict[str, Look]:
    """A look for each strategy, by its name."""
    stems: dict[str, int] = {}
    taken: dict[str, int] = {}
    result: dict[str, Look] = {}
    for run in runs:
        if run.strategy in result:
            continue
        family = _family(run)
        if family in {"with", "without"}:
            place = stems.setdefault(
                run.strategy.replace(" + stochastic batches", ""), len(stems)
            )
        else:
            place = taken.setdefault(family, 0)
            taken[family] += 1
        result[run.strategy] = _look(family, place)
    return result


def plain_axes(axes: Axes) -> None:
    """Two axes and faint horizontal lines, no box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#8a8a8a")
    axes.tick_params(colors=INK, labelsize=8, length=3, width=0.8)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)


def titled(axes: Axes, title: str, x: str, y: str) -> None:
    """Plain axes with a title and what is on them."""
    plain_axes(axes)
    axes.set_title(
        label_text(title, 40), fontsize=9.5, color=INK, loc="left", parse_math=False, pad=6
    )
    axes.set_xlabel(x, fontsize=8, color=INK)
    axes.set_ylabel(y, fontsize=8, color=INK)


def label_text(name: str, width: int = 24) -> str:
    """A strategy's name in short lines; of a very long one the beginning."""
    text = _drawable(plain_text(name))
    parts = (
        [text]
        if len(text) <= width
        else text.replace(" + ", "\n+ ").replace(" [", "\n[").split("\n")
    )
    lines = [line for part in parts for line in textwrap.wrap(part, width)] or [""]
    return "\n".join(lines[:4]) + (" …" if len(lines) > 4 else "")


def name_lines(
    axes: Axes,
    ends: Mapping[str, tuple[float, float]],
    styles: Mapping[str, Look],
    *,
    height: float,
    size: float = 8,
) -> None:
    """Write each strategy's name to the right of the axes, level with the end of its line.

    Names that would overlap are pushed apart as little as possible; a thin line leads to each.

    Args:
        axes: With its limits set.
        ends: Name -> the last point of its line, in the units of the axes.
        styles: How each is drawn.
        height: Of the axes, in points.
        size: Of the letters, in points.
    """
    if not ends:
        return
    low, high = axes.get_ylim()
    names = sorted(ends, key=lambda name: ends[name][1])
    wanted = np.array([(ends[name][1] - low) / (high - low) for name in names]) * height
    texts = [label_text(name) for name in names]
    tall = np.array([(text.count("\n") + 1) * size * _LINE + 2 for text in texts])
    for name, text, y in zip(names, texts, _spread_out(wanted, tall, height), strict=True):
        axes.annotate(
            text,
            xy=ends[name],
            xytext=(1.035, y / height),
            textcoords="axes fraction",
            color=styles[name].colour,
            fontsize=size,
            va="center",
            linespacing=1.1,
            annotation_clip=False,
            parse_math=False,
            arrowprops={
                "arrowstyle": "-",
                "color": styles[name].colour,
                "linewidth": 0.7,
                "shrinkA": 1,
                "shrinkB": 4,
                "relpos": (0, 0.5),
                "path_effects": [withStroke(linewidth=2, foreground="white")],
            },
        )


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


def _drawable(text: str) -> str:
    """Text whose letters the font has; matplotlib warns about every other one."""
    font = get_font(findfont(FontProperties()))
    return "".join(
        letter if font.get_char_index(ord(letter)) else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def _family(run: Run) -> str:
    name = run.selection.name
    if name == _WITH:
        return "with"
    if name == "top-k":
        return "without"
    return "random" if "random" in name.lower() else "other"


def _look(family: str, place: int) -> Look:
    marker = _MARKERS[place % len(_MARKERS)]
    if family == "with":
        return Look(_BLUES[place % len(_BLUES)], "-", marker)
    if family == "without":
        return Look(_ORANGES[place % len(_ORANGES)], _DASHED, marker)
    if family == "random":
        return Look(_GREYS[place % len(_GREYS)], _DOTTED, _MARKERS[::-1][place % len(_MARKERS)])
    return Look(_OTHERS[place % len(_OTHERS)], _DASH_DOT, _MARKERS[::-1][(place + 1) % 7])
