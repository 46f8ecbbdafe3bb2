"""A strategy's colour, line and marker.

The paper's convention (figures 3 and 4): with stochastic batches solid and blue, without
dashed and orange, random dotted and grey. An uncertainty keeps its marker with and without.
The colours stay apart for the colour-blind, and so do lines and markers without any colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nextslice.report.runs import Run

__all__ = ["INK", "Look", "looks"]

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


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn in every figure."""

    colour: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str


def looks(runs: Sequence[Run]) -> dict[str, Look]:
    """A look for each strategy of one experiment, by its name."""
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
