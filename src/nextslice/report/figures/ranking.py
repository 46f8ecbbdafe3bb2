"""Where every strategy stands: its paired difference to random, over all cycles and at last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nextslice.report.differences import Difference, against_random, over_settings
from nextslice.report.drawing import Drawing
from nextslice.report.figures.named_rows import rows
from nextslice.report.figures.per_setting import plain_looks, settings_of
from nextslice.report.runs import Run
from nextslice.report.series import BAND_FROM, per_seed
from nextslice.report.style import QUIET, Look, is_plain_random
from nextslice.report.summaries import Group, confidence, groups
from nextslice.report.tables import plain_text
from nextslice.wording import counted

__all__ = ["draw_ranking"]

_BELOW: Final = 0.27  # rows


@dataclass(frozen=True)
class _Row:
    """A strategy's values in points, one per pair (or per seed)."""

    name: str
    overall: tuple[float, ...]
    last: tuple[float, ...]


def draw_ranking(runs: Sequence[Run]) -> Drawing | None:
    """Every strategy's 3D Dice less that of random, pair by pair, the best on top.

    A mean over other seeds than its neighbour's may be higher by these seeds alone; a paired
    difference may not. Pairs stay within their setting. Without random, Dice itself is shown.

    Args:
        runs: Of one experiment; with one strategy there is nothing to rank, nor with several
            settings and no random.
    """
    compared = [group for group in groups(runs) if group.measured]
    versus = [one for one in over_settings(against_random(compared)) if one.pairs]
    if not versus and (len(compared) < 2 or len(settings_of(compared)) > 1):
        return None
    found = list(map(_paired, versus)) if versus else list(map(_absolute, compared))
    most = max(len(row.overall) for row in found)
    # Of fewer pairs less is known: they stand below, and say how many there are.
    found.sort(key=lambda row: (len(row.overall) < most, -float(np.mean(row.overall))))
    noun = "pair" if versus else "seed"
    what = "Points above random," if versus else "3D Dice (%),"
    drawn = rows(
        [_named(row, most, noun) for row in found],
        [f"{what} all cycles", f"{what} last cycle"],
    )
    styles = plain_looks(compared)
    each = [styles[row.name] for row in found]
    fewer = sum(len(row.overall) < most for row in found)
    for axes, values in zip(
        drawn.axes, ([r.overall for r in found], [r.last for r in found]), strict=True
    ):
        _draw_points(axes, values, each)
        if fewer:
            axes.axhline(fewer - 0.5, color=QUIET, linewidth=0.7, zorder=1)
        if versus:
            beside = next(styles[g.plain_name] for g in compared if is_plain_random(g.runs[0]))
            axes.axvline(0, color=beside.colour, linestyle=beside.line, linewidth=1.2, zorder=1)
    against = " against random" if versus else ""
    unit = "points above random" if versus else "%"
    return Drawing(
        "ranking",
        f"All strategies{against}, the best on top",
        _caption(found, most, paired=bool(versus)),
        f"Mean 3D Dice over cycles{against}. "
        + " ".join(
            f"{plain_text(row.name)}: {float(np.mean(row.overall)):.1f} {unit}."
            for row in found
        ),
        drawn.figure,
    )


def _paired(found: Difference) -> _Row:
    last = [row[np.isfinite(row)][-1] for row in found.values]
    return _Row(
        found.first,
        tuple(100 * float(value) for value in found.per_pair),
        tuple(100 * float(value) for value in last),
    )


def _absolute(group: Group) -> _Row:
    overall, last = (tuple(100 * v for v in per_seed(group, last=at)) for at in (False, True))
    return _Row(group.plain_name, overall, last)


def _named(row: _Row, most: int, noun: str) -> str:
    count = len(row.overall)
    return row.name if count == most else f"{row.name} ({counted(count, noun)})"


def _draw_points(axes: Axes, values: Sequence[Sequence[float]], styles: Sequence[Look]) -> None:
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color="#e4e4e4", linewidth=0.7)
    for place, (seeds, look) in enumerate(zip(values, styles, strict=True)):
        if not seeds:  # the last cycle may not have been measured
            continue
        y = len(values) - 1 - place
        axes.plot(  # below the bar, which would hide them
            seeds,
            [y - _BELOW] * len(seeds),
            "o",
            markersize=2.6,
            color=look.colour,
            alpha=0.6,
            markeredgewidth=0,
            zorder=2,
        )
        interval = confidence(seeds) if len(seeds) >= BAND_FROM else None
        if interval is not None:
            axes.plot(interval, [y, y], color=look.colour, linewidth=1.6, zorder=3)
        axes.plot(
            [float(np.mean(seeds))],
            [y],
            linewidth=0,
            markersize=6,
            markeredgewidth=1.3,
            zorder=4,
            **(look.pen | {"linestyle": "none"}),
        )
    axes.spines["left"].set_color(QUIET)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _caption(found: Sequence[_Row], most: int, *, paired: bool) -> str:
    each = "pairs" if paired else "seeds"
    parts = [f"Large markers: mean over {each}; small dots below: the single {each}."]
    if paired:
        parts.append(
            "In points of 3D Dice. A pair is a run and the random one with the same initial "
            "set, seed and settings; dotted grey: random itself."
        )
    if most >= BAND_FROM:
        parts.append(
            f"Bars: 95% confidence interval of that mean (Student's t over {each}), not "
            "corrected for being many."
        )
    if any(len(row.overall) < most for row in found):
        parts.append(f"Strategies with fewer {each} stand below the line.")
    parts.append("The initial set is left out of the mean over cycles.")
    return " ".join(parts)
