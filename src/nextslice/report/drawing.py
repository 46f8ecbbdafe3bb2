"""A figure with its words, and how it is written to disk.

Drawn on `matplotlib.figure.Figure` alone: nothing is left behind in matplotlib's own state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nextslice.files import writing_atomically

__all__ = ["WIDTH", "Drawing", "save"]

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
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure


def save(drawing: Drawing, folder: Path) -> tuple[Path, Path]:
    """Write the figure as PNG (150 dots per inch) and SVG; returns both paths."""
    FigureCanvasAgg(drawing.figure)
    paths = folder / f"{drawing.name}.png", folder / f"{drawing.name}.svg"
    for path in paths:
        unstamped = {"Software": None} if path.suffix == ".png" else {"Date": None}
        with writing_atomically(path) as stream:
            drawing.figure.savefig(
                stream,
                format=path.suffix[1:],
                dpi=150,
                facecolor="white",
                metadata=unstamped,
            )
    return paths
