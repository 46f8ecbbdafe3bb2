"""Where settings were varied: a panel for each, such as each budget (figure 8 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextslice.report.figures.bands import FEW, draw_line, limits, show_percent
from nextslice.report.figures.panels import Key, panels
from nextslice.report.names import by_number
from nextslice.report.series import Series, dice_series
from nextslice.report.style import Look, looks
from nextslice.report.summaries import Group

__all__ = ["draw_settings", "plain_looks", "settings_of"]

_COLUMNS = 3


def settings_of(members: Sequence[Group]) -> list[str]:
    """The settings of some groups, in the order of their numbers."""
    return sorted({group.setting for group in members}, key=by_number)


def plain_looks(members: Sequence[Group]) -> dict[str, Look]:
    """One look for a strategy in all settings, by its plain name: that of its first run."""
    first = {group.plain_name: group.runs[0] for group in reversed(members)}
    names = dict.fromkeys(group.plain_name for group in members)
    return looks([replace(first[name], strategy=name) for name in names])


def draw_settings(members: Sequence[Group]) -> tuple[Figure, Mapping[str, Series]]:
    """3D Dice against labelled slices, a panel for each setting, all on one scale.

    Args:
        members: Of one experiment, with recorded cycles.

    Returns:
        The figure, and the lines in it by the full names of their strategies.
    """
    styles = plain_looks(members)
    settings = settings_of(members)
    lines = {group.strategy: dice_series(group) for group in members}
    own = {setting: [g for g in members if g.setting == setting] for setting in settings}
    banded = all(len(groups) <= FEW for groups in own.values())
    key = Key.of(list(styles))
    grid = panels(
        settings,
        columns=_COLUMNS,
        height=2.3 if len(settings) <= _COLUMNS else 1.7,
        x_label="Labelled slices",
        y_label="3D Dice (%), mean over classes",
        key=key,
    )
    bounds = limits(lines.values(), bands=banded)
    for setting, axes in zip(settings, grid.axes, strict=True):
        for group in own[setting]:
            look = styles[group.plain_name]
            draw_line(axes, lines[group.strategy], look, size=3.4, band=banded)
        show_percent(axes, *bounds)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    key.draw(grid.figure, styles)
    return grid.figure, lines
