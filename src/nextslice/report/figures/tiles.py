"""Slices as small pictures: grey values, outlines of classes, and their colours."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nextslice.report.style import QUIET

__all__ = ["class_colour", "draw_slice", "tile"]

_CLASSES: Final = ("#56b4e9", "#f0e442", "#e69f00", "#cc79a7", "#009e73", "#d55e00")
"""Okabe and Ito's; they stand out on grey."""


def class_colour(number: int) -> str:
    """The colour of a foreground class, counted from 1."""
    return _CLASSES[(number - 1) % len(_CLASSES)]


def tile(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes for one slice, placed in inches from the figure's upper left corner."""
    wide, tall = figure.get_size_inches()
    axes = figure.add_axes(
        (left / wide, (tall - top - height) / tall, width / wide, height / tall)
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(QUIET)
    axes.spines[:].set_linewidth(0.5)
    return axes


def draw_slice(
    axes: Axes,
    image: np.ndarray[Any, np.dtype[Any]],
    mask: np.ndarray[Any, np.dtype[Any]],
    *,
    aspect: float,
    filled: bool = False,
    width: float = 1.0,
) -> None:
    """Show a slice with its classes.

    Args:
        axes: What :func:`tile` gave.
        image: Intensities in [0, 1], (height, width).
        mask: Class numbers of the same shape; 0 is background.
        aspect: See :func:`nextslice.report.scans.pixel_aspect`.
        filled: Tint the classes as well as outlining them.
        width: Of the outlines, in points.
    """
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, aspect=aspect, interpolation="nearest")
    # A class at the edge of the slice has its outline closed there.
    rows, columns = (np.arange(-1, side + 1) for side in mask.shape)
    for number in np.unique(mask[mask > 0]).tolist():
        inside = np.pad((mask == number).astype(float), 1)
        colour = class_colour(number)
        if filled:
            axes.contourf(columns, rows, inside, levels=[0.5, 2], colors=[colour], alpha=0.35)
        axes.contour(columns, rows, inside, levels=[0.5], colors=[colour], linewidths=width)
    height, wide = mask.shape
    axes.set_xlim(-0.5, wide - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
