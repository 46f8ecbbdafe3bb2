"""How the cost of a selection grows with the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.results import Curve

__all__ = ["draw"]

_INK = "#222222"


@dataclass(frozen=True)
class _Look:
    label: str
    colour: str
    line: str
    marker: str


# Okabe and Ito's colours, which the colour-blind tell apart; ours solid, a peer's dashed.
_LOOKS = {
    "nextslice": _Look("stochastic batches, nextslice", "#0072B2", "-", "o"),
    "permutation": _Look("permutation alone, numpy", "#6b6b6b", ":", "x"),
    "lists": _Look("stochastic batches, Python lists", "#56B4E9", "--", "s"),
    "Core-set: nextslice": _Look("Core-set of 512 features, nextslice", "#D55E00", "-", "D"),
    "Core-set: scikit-activeml": _Look(
        "Core-set of 512 features, scikit-activeml", "#E69F00", "--", "^"
    ),
    "Core-set: full distance matrix": _Look(
        "Core-set of 512 features, full distance matrix", "#009E73", "-.", "v"
    ),
}


def draw(curves: Sequence[Curve], folder: Path) -> Path:
    """Write the plot as PNG and SVG; returns the PNG."""
    figure = Figure(figsize=(7.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        look = _LOOKS[curve.name]
        sizes, seconds = zip(*curve.points, strict=True)
        axes.plot(
            sizes,
            seconds,
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markersize=5,
            linewidth=1.8,
            label=look.label,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("slices in the pool", color=_INK)
    axes.set_ylabel("seconds for a selection of 10 slices", color=_INK)
    axes.set_title(
        "What a selection costs as the pool grows", loc="left", color=_INK, fontsize=11
    )
    axes.grid(color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.legend(frameon=False, fontsize=8.5, loc="lower right")
    folder.mkdir(parents=True, exist_ok=True)
    png = folder / "benchmarks.png"
    figure.savefig(png, dpi=160)
    # The same drawing has the same names inside, so that a new file means new numbers.
    with mpl.rc_context({"svg.hashsalt": "nextslice"}):
        figure.savefig(folder / "benchmarks.svg", metadata={"Date": None})
    return png
