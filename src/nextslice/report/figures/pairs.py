"""Each uncertainty with and without stochastic batches (figures 3 and 4 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.ticker import MaxNLocator

from nextslice.report.drawing import Drawing
from nextslice.report.figures.bands import about_bands, draw_lines, limits, show_percent
from nextslice.report.figures.panels import Key, panels
from nextslice.report.runs import MEAN, Run
from nextslice.report.series import dice_series
from nextslice.report.style import ROLES, looks
from nextslice.report.summaries import Group, groups
from nextslice.report.tables import plain_text
from nextslice.report.varied import Pair, pairs

__all__ = ["draw_pairs"]

_CLASSES = 3  # more rows of panels than these and the mean would be lost
_COLUMNS = 4
_SETTINGS = 5


def draw_pairs(runs: Sequence[Run]) -> Drawing | None:
    """A panel for each uncertainty: with stochastic batches, without, and random.

    Below the means over classes stand the same panels for each class, where there are two or
    three classes and one row of panels.

    Args:
        runs: Of one experiment. Where they are one pair and random alone, the curves show
            just that, and there is no figure.
    """
    compared = [group for group in groups(runs) if group.queried_cycles]
    found = [
        pair for pair in map(_shared, pairs(compared)) if all(map(dice_series, pair.groups))
    ]
    if not found or len(compared) <= len(found[0].groups):
        return None
    classes = tuple(dict.fromkeys(name for group in compared for name in group.runs[0].classes))
    one_row = len(found) <= _COLUMNS
    parts = (MEAN, *classes) if one_row and 2 <= len(classes) <= _CLASSES else (MEAN,)
    panel_of = [(part, pair) for part in parts for pair in found]
    titles = [
        pair.title if part == MEAN else f"{pair.title}, {part}" for part, pair in panel_of
    ]
    # Settings side by side, an uncertainty in each row, as far as that goes.
    settings = len({pair.without.setting for pair in found})
    even = 1 < settings <= _SETTINGS and len(found) % settings == 0
    columns = settings if even and not one_row else min(_COLUMNS, len(found))
    styles = looks(runs)
    roles = list(ROLES)[-max(len(pair.groups) for pair in found) :]
    key = Key.of(roles)
    grid = panels(
        titles,
        columns=columns,
        height=1.25,
        x_label="Labelled slices",
        y_label="3D Dice (%)",
        key=key,
    )
    for part in parts:
        drawn = [(p, a) for (of, p), a in zip(panel_of, grid.axes, strict=True) if of == part]
        lines = [
            {group.strategy: dice_series(group, part) for group in pair.groups}
            for pair, _ in drawn
        ]
        on_scale = [one for several in lines for one in several.values()]
        bounds = limits(on_scale, bands=True)
        for of_pair, (_, axes) in zip(lines, drawn, strict=True):
            draw_lines(axes, of_pair, styles, size=3, edges=True)
            show_percent(axes, *bounds, ticks=5)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    key.draw(grid.figure, ROLES)
    return Drawing(
        "pairs",
        "With and without stochastic batches",
        _caption(found, parts),
        "3D Dice at the last cycle, without and with stochastic batches. "
        + " ".join(map(_told_ends, found)),
        grid.figure,
    )


def _shared(pair: Pair) -> Pair:
    """The pair over the runs that all of its lines have, so that they begin at one height."""
    common = set.intersection(*({run.pair for run in g.compared} for g in pair.groups))
    if not common:
        return pair

    def kept(group: Group) -> Group:
        return replace(group, compared=tuple(r for r in group.compared if r.pair in common))

    random = None if pair.random is None else kept(pair.random)
    return Pair(kept(pair.with_batches), kept(pair.without), random)


def _told_ends(pair: Pair) -> str:
    before, after = (dice_series(group).end for group in (pair.without, pair.with_batches))
    return f"{plain_text(pair.title)}: {before[1]:.1f} % and {after[1]:.1f} %."


def _caption(found: Sequence[Pair], shown: Sequence[str]) -> str:
    parts = [
        "Solid: with stochastic batches. Dashed: the most uncertain slices themselves. Dotted "
        "grey: random. Means over the seeds that all lines of a panel have"
        + (", in the first row over classes, below for each class." if len(shown) > 1 else ".")
    ]
    members = [group for pair in found for group in pair.groups]
    # Each row has a scale of its own; the longest is the one that cuts bands off.
    bands = max((about_bands(dice_series(g, part) for g in members) for part in shown), key=len)
    if bands:
        parts.append(f"{bands} Their edges are drawn as their lines are.")
    return " ".join(parts)
