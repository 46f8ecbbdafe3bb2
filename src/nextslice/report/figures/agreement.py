"""How far a model's proposals agree with what the experts made of them."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure

from nextslice.report.drawing import WIDTH, Drawing, titled
from nextslice.report.style import QUIET
from nextslice.status import Status

__all__ = ["draw_agreement"]

_COLOUR: Final = "#9c2306"
_TALL: Final = 3.6
_CAPTION: Final = (
    "Line: mean over the slices of a query, as the model before it proposed them. "
    "Dots: single slices."
)


def draw_agreement(status: Status) -> Drawing | None:
    """Agreement of each query against the slices that the proposing model had learnt from.

    Args:
        status: Where the project stands.

    Returns:
        None as long as no proposal was answered.
    """
    views = {view.cycle: view for view in status.history}
    points = [
        (views[cycle - 1].labelled, 100 * np.array(values))
        for cycle, values in sorted(status.agreements.items())
        if cycle - 1 in views
    ]
    if not points:
        return None
    figure = Figure(figsize=(WIDTH, _TALL))
    axes = figure.add_axes((0.085, 0.2, 0.86, 0.69))
    figure.text(0.085, 0.03, _CAPTION, fontsize=7.5, color=QUIET)
    for labelled, values in points:
        axes.plot(
            np.full(len(values), labelled),
            values,
            "o",
            color=QUIET,
            alpha=0.45,
            markersize=3.5,
            markeredgewidth=0,
            clip_on=False,
        )
    counts = [labelled for labelled, _ in points]
    means = [float(values.mean()) for _, values in points]
    axes.plot(counts, means, "-o", color=_COLOUR, linewidth=1.7, markersize=5, clip_on=False)
    axes.annotate(
        f"{means[-1]:.0f} %",
        (counts[-1], means[-1]),
        (7, 0),
        textcoords="offset points",
        va="center",
        color=_COLOUR,
        fontsize=8.5,
        annotation_clip=False,
    )
    axes.set_ylim(0, 100)
    axes.margins(x=0.06)
    if len(counts) <= 12:
        axes.set_xticks(counts)
    titled(
        axes,
        "Agreement of the proposals with the experts' masks",
        "Labelled slices that the proposing model had learnt from",
        "Dice (%)",
        points=WIDTH * 72 * 0.86,
    )
    return Drawing(
        "agreement",
        "Agreement of the proposals with the experts' masks",
        _CAPTION,
        "Mean Dice of the proposals with the experts' masks: "
        + ", ".join(
            f"{mean:.0f} % after {count} slices"
            for count, mean in zip(counts, means, strict=True)
        )
        + ".",
        figure,
    )
