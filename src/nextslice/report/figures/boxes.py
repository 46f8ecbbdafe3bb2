"""How much hyper-parameters matter, cycle by cycle (figure 7 of the paper)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nextslice.report.drawing import Drawing
from nextslice.report.figures.panels import Key, panels
from nextslice.report.runs import Run
from nextslice.report.style import INK, ROLES, Look, looks
from nextslice.report.summaries import Group, groups
from nextslice.report.tables import plain_text
from nextslice.report.varied import TRAINING, Pair, pairs, varying_in
from nextslice.wording import counted

__all__ = ["draw_boxes"]

_WIDTH = 0.24

_Boxes = Mapping[int, Sequence[float]]
"""Cycle -> 3D Dice of each run, in percent."""


def draw_boxes(runs: Sequence[Run]) -> Drawing | None:
    """3D Dice of each cycle over sets of hyper-parameters and seeds, as box plots.

    Args:
        runs: Of one experiment; there is a figure where runs with and without stochastic
            batches differ in the settings of their training or network.
    """
    compared = [group for group in groups(runs) if group.cycles]
    varied = varying_in(compared, TRAINING)
    by_uncertainty: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs(varied):
        by_uncertainty[pair.without.plain_name].append(pair)
    found = {name: several for name, several in by_uncertainty.items() if len(several) > 1}
    if not found:
        return None
    sets = len({group.setting for group in varied})
    styles = looks(runs)
    most = max(len(pair.groups) for several in found.values() for pair in several)
    roles = list(ROLES)[-most:]
    key = Key.of(roles)
    grid = panels(
        [plain_text(name) for name in found],
        columns=2,
        height=1.9,
        x_label="Query (0: the initial set)",
        y_label="3D Dice (%), mean over classes",
        key=key,
    )
    ends: list[float] = []
    told = []
    for (name, several), axes in zip(found.items(), grid.axes, strict=True):
        for place, role in enumerate(roles):
            members = [group for pair in several for group in _of(role, pair)]
            if not members:
                continue
            boxes = _values(members)
            look = styles[members[0].strategy]
            _draw(axes, boxes, look, (place - (len(roles) - 1) / 2) * (_WIDTH + 0.03))
            ends += [value for values in boxes.values() for value in values]
            told.append(f"{plain_text(name)}, {role}: {_told(boxes)}.")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    room = max(0.04 * (max(ends) - min(ends)), 0.4)
    for axes in grid.axes:
        axes.set_ylim(max(0.0, min(ends) - room), min(100.0, max(ends) + room))
    boxes_as = {role: replace(ROLES[role], line="none", marker="s") for role in roles}
    key.draw(grid.figure, boxes_as)
    return Drawing(
        "boxes",
        "Sets of hyper-parameters",
        f"3D Dice after each query over {counted(sets, 'set')} of hyper-parameters and all "
        "seeds. Boxes: from the first to the third quartile, the line in them is the median; "
        "whiskers reach the farthest value within one and a half boxes; dots lie beyond. A "
        "narrow box means that the choice of hyper-parameters matters little.",
        "Median 3D Dice at the last cycle and the range of its middle half. " + " ".join(told),
        grid.figure,
    )


def _draw(axes: Axes, boxes: _Boxes, look: Look, shift: float) -> None:
    dashed = "--" if not look.filled else "-"
    axes.boxplot(
        list(boxes.values()),
        positions=[cycle + shift for cycle in boxes],
        widths=_WIDTH,
        manage_ticks=False,
        patch_artist=True,
        boxprops={
            "facecolor": look.colour if look.filled else "white",
            "edgecolor": look.colour,
            "alpha": 0.8 if look.filled else 1.0,
            "linewidth": 1.0,
        },
        medianprops={"color": INK if not look.filled else "white", "linewidth": 1.3},
        whiskerprops={"color": look.colour, "linewidth": 1.0, "linestyle": dashed},
        capprops={"color": look.colour, "linewidth": 1.0},
        flierprops={
            "marker": ".",
            "markersize": 3,
            "markerfacecolor": look.colour,
            "markeredgecolor": look.colour,
        },
    )


def _of(role: str, pair: Pair) -> tuple[Group, ...]:
    random = () if pair.random is None else (pair.random,)
    return dict(zip(ROLES, (random, (pair.without,), (pair.with_batches,)), strict=True))[role]


def _values(members: Sequence[Group]) -> _Boxes:
    cycles = sorted({cycle for group in members for cycle in group.cycles})
    found = {
        cycle: [
            100 * dice[cycle]
            for group in members
            for run in group.compared
            if cycle in (dice := run.metric("dice_3d"))
        ]
        for cycle in cycles
    }
    return {cycle: values for cycle, values in found.items() if values}


def _told(boxes: _Boxes) -> str:
    low, middle, high = np.percentile(boxes[max(boxes)], [25, 50, 75])
    return f"{middle:.1f} %, from {low:.1f} to {high:.1f} %"
