"""A strategy's colour, line and marker, the same in every figure.

As in the paper (figures 3, 4 and 8): one colour for each uncertainty, entropy green, dropout
vermilion, test-time augmentation golden, learning loss purple; with stochastic batches solid,
without them dashed, random dotted and grey. The colours go back to Okabe and Ito's, changed
until they stand out on white and stay apart for the colour-blind. Lines and markers tell
strategies apart without any colour: with stochastic batches the marker is filled, without
them it is hollow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from nextslice.report.runs import Run

__all__ = ["INK", "QUIET", "ROLES", "Look", "is_plain_random", "looks"]

INK: Final = "#222222"
QUIET: Final = "#8a8a8a"

_WITH: Final = "stochastic-batches"
_UNCERTAINTIES: Final = ("entropy", "dropout", "tta", "learning-loss")
_DEEP: Final = ("#0b7350", "#9c2306", "#b07101", "#6f3f8c", "#0b5a9c", "#8c2155")
_BRIGHT: Final = ("#189c6a", "#cf3208", "#ca8306", "#9a5cb9", "#3d8fd1", "#cf5f93")
_GREYS: Final = ("#6b6b6b", "#3f3f3f", "#8d8d8d")
_CHANCE: Final = ("#2f6f8f", "#4a5a9c", "#7a5a3a", "#4f6b1d")
_OTHERS: Final = ("#b0286e", "#00696f", "#5f6b00", "#43489b", "#8a4b2a")
_BY_CHANCE: Final = frozenset({"stratified", "strided", "foreground-random"})
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_DASHED: Final = (0, (4.5, 1.8))
_DOTTED: Final = (0, (1.1, 1.6))
_FAR_DOTTED: Final = (0, (1.1, 2.6))
_DASH_DOT: Final = (0, (5, 1.6, 1.1, 1.6))
_DARKER: Final = (0.0, 0.4, 0.2, 0.55, 0.3)

_Kind = Literal["with", "without", "other"]


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn in every figure.

    Attributes:
        colour: As #rrggbb.
        line: What matplotlib calls a line style.
        marker: What matplotlib calls a marker.
        filled: Whether the marker is filled, or hollow.
    """

    colour: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str
    filled: bool = True

    @property
    def pen(self) -> dict[str, Any]:
        """Colour, line and marker as matplotlib's ``plot`` takes them."""
        return {
            "color": self.colour,
            "linestyle": self.line,
            "marker": self.marker,
            "markerfacecolor": self.colour if self.filled else "white",
        }


ROLES: Final[Mapping[str, Look]] = {
    "random": Look(_GREYS[0], _DOTTED, "X"),
    "without: the most uncertain slices": Look(INK, _DASHED, "o", filled=False),
    "with stochastic batches": Look(INK, "-", "o"),
}
"""What lines mean in figures whose panels differ in colour."""


def looks(runs: Sequence[Run]) -> dict[str, Look]:
    """A look for each strategy of one experiment, by its name."""
    result: dict[str, Look] = {}
    places = _Places()
    for run in runs:
        if run.strategy not in result:
            result[run.strategy] = (
                _scored(run, places) if _is_scored(run) else _bare(run, places)
            )
    return result


def is_plain_random(run: Run) -> bool:
    """Whether a run's selection is uniform chance: what all others are measured against."""
    return run.selection.name == "random"


class _Places:
    """Counts what came before, so that no two strategies look the same."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def of(self, family: str, name: str) -> int:
        names = self._found.setdefault(family, [])
        if name not in names:
            names.append(name)
        return names.index(name)


def _is_scored(run: Run) -> bool:
    unscored = {"random", "core-set", "badge", *_BY_CHANCE}
    return run.uncertainty is not None and run.core.name not in unscored


def _scored(run: Run, places: _Places) -> Look:
    """By its uncertainty; variants of one strategy are darker and have another marker."""
    name = "" if run.uncertainty is None else run.uncertainty.name
    if name in _UNCERTAINTIES:
        colour = _UNCERTAINTIES.index(name)
    else:
        further = len(_DEEP) - len(_UNCERTAINTIES)
        colour = len(_UNCERTAINTIES) + places.of("uncertainties", name) % further
    kind = _kind(run)
    # Counted apart, so that a strategy has the same marker with and without the batches.
    place = places.of(f"{name} {kind}", run.strategy)
    shade = _DARKER[place % len(_DARKER)]
    if kind == "other":
        marker = _MARKERS[(colour + 3 + place) % len(_MARKERS)]
        return Look(_mixed(_BRIGHT[colour], _DARKER[(place + 1) % 5]), _DASH_DOT, marker)
    marker = _MARKERS[(colour + place) % len(_MARKERS)]
    if kind == "with":
        return Look(_mixed(_DEEP[colour], shade), "-", marker)
    return Look(_mixed(_BRIGHT[colour], shade), _DASHED, marker, filled=False)


def _bare(run: Run, places: _Places) -> Look:
    """A strategy that looks at no scores."""
    if is_plain_random(run):
        place = places.of("random", run.strategy)
        return Look(_GREYS[place % len(_GREYS)], _DOTTED, _MARKERS[::-1][place % len(_MARKERS)])
    if run.core.name in {"random", *_BY_CHANCE}:
        place = places.of("chance", run.strategy)
        marker = _MARKERS[::-1][(place + 2) % len(_MARKERS)]
        return Look(_CHANCE[place % len(_CHANCE)], _FAR_DOTTED, marker, filled=False)
    place = places.of("others", run.strategy)
    marker = _MARKERS[::-1][(place + 1) % len(_MARKERS)]
    return Look(_OTHERS[place % len(_OTHERS)], _DASH_DOT, marker)


def _kind(run: Run) -> _Kind:
    name = run.core.name
    return "with" if name == _WITH else "without" if name == "top-k" else "other"


def _mixed(colour: str, black: float) -> str:
    """A colour with a share of black."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part * (1 - black)):02x}" for part in parts)
