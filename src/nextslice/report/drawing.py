"""A figure with its words, and how it is written to disk.

Drawn on `matplotlib.figure.Figure` alone: nothing is left behind in matplotlib's own state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nextslice.errors import SettingsError
from nextslice.files import writing_atomically
from nextslice.report.lettering import fitted
from nextslice.report.names import shortened
from nextslice.report.style import INK

__all__ = ["WIDTH", "Drawing", "plain_axes", "save", "save_as", "titled"]

_UNSTAMPED: Final[Mapping[str, dict[str, None]]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}

WIDTH = 7.4
"""Inches: the text of a printed page."""


@dataclass(frozen=True)
class Drawing:
    """A figure with its words.

    Attributes:
        name: The stem of its files.
        title: What it shows.
        caption: How to read it.
        alt: What it shows, for those who cannot see it.
        figure: The figure itself.
        scans: Whether it shows patients' scans.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure
    scans: bool = False


def save(drawing: Drawing, folder: Path) -> tuple[Path, Path, Path]:
    """Write the figure as PNG (150 dots per inch), SVG and PDF; returns their paths."""
    png, svg, pdf = (folder / f"{drawing.name}.{kind}" for kind in _UNSTAMPED)
    for path in (png, svg, pdf):
        save_as(drawing, path)
    return png, svg, pdf


def save_as(drawing: Drawing, path: Path) -> None:
    """Write the figure in the format that `path` ends in.

    Raises:
        SettingsError: The ending is none of .png, .svg and .pdf.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in _UNSTAMPED:
        raise SettingsError(
            f"Expected the name of a figure to end in .png, .svg or .pdf, got {path.name!r}."
        )
    FigureCanvasAgg(drawing.figure)
    # Journals refuse the fonts that matplotlib puts into a PDF unless it is told; and the names
    # within an SVG are drawn at random unless there is a salt.
    with (
        writing_atomically(path, "figure") as stream,
        rc_context({"pdf.fonttype": 42, "svg.hashsalt": drawing.name}),
    ):
        drawing.figure.savefig(
            stream, format=kind, dpi=150, facecolor="white", metadata=_UNSTAMPED[kind]
        )


def plain_axes(axes: Axes) -> None:
    """Two axes and faint horizontal lines, no box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#8a8a8a")
    axes.tick_params(colors=INK, labelsize=8, length=3, width=0.8)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)


def titled(axes: Axes, title: str, x: str, y: str, *, points: float) -> None:
    """Plain axes with a title no wider than `points` and what is on them."""
    plain_axes(axes)
    size = 9.5
    text = fitted(title, points, size)
    if "\n" in text:
        size = 7.5
        text = fitted(title, points, size)
    if text.count("\n") > 1:  # more than two lines would reach into what is above
        text = fitted(shortened(title, max(8, round(1.4 * points / size))), points, size)
    axes.set_title(text, fontsize=size, color=INK, loc="left", parse_math=False, pad=6)
    axes.set_xlabel(x, fontsize=8, color=INK)
    axes.set_ylabel(y, fontsize=8, color=INK)
