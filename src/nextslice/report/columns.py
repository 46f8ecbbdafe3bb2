"""What the paper's tables share: one metric of all strategies, with stars and the best bold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from nextslice.report.experiments import by_experiment
from nextslice.report.facts import data_name
from nextslice.report.lines import Line
from nextslice.report.runs import Metric
from nextslice.report.stars import (
    about_informed,
    about_learning_loss,
    about_runs,
    about_stars,
    bold_best,
    stars,
    with_the_same_runs,
)
from nextslice.report.summaries import Group, Spread
from nextslice.report.tables import Cell, mean_and_spread

__all__ = [
    "METRIC_TITLES",
    "OVER",
    "TERMS",
    "Blocks",
    "column",
    "footnotes",
    "short_titles",
    "slug",
]

Blocks = Sequence[Sequence[Line]]
"""The strategies of a table, block by block."""

METRIC_TITLES: Final[Mapping[Metric, str]] = {
    "dice_3d": "3D DSC",
    "dice_2d": "2D DSC",
    "hd95_3d_mm": "3D HD95",
}
TERMS: Final = (
    "DSC: Dice in percent, higher is better. HD95: 95th-percentile Hausdorff distance, lower "
    "is better."
)
OVER: Final = (
    "mean (\N{PLUS-MINUS SIGN}standard deviation) over cycles and runs, the initial set left "
    "out because all strategies share its slices"
)


def column(
    blocks: Blocks, members: Sequence[Group], metric: Metric, name: str, *, by_block: bool
) -> dict[str, Cell]:
    """Strategy -> its mean and spread, with stars and with the best bold.

    Args:
        blocks: The strategies of the table.
        members: Their runs, of one experiment; several settings are taken together.
        metric: Dice is shown in percent.
        name: The class, or the mean over classes.
        by_block: Whether the better of each block is bold, or the best of all.
    """
    found: dict[str, Cell] = {}
    for block in blocks:
        strategies = {line.strategy for line in block}
        own = [group for group in members if group.plain_name in strategies]
        marks = stars(own, metric, name)
        cells = {line.strategy: _cell(line, own, metric, name, marks) for line in block}
        alike = with_the_same_runs(own)
        # Other strategies share a block, but no uncertainty that one could be the best of.
        several = by_block and len(block) > 1 and block[0].kind != "other"
        found |= bold_best(cells, metric, alike) if several else cells
    if by_block:
        return found
    informed = {line.strategy for block in blocks for line in block if line.informed}
    fair = [group for group in members if group.plain_name not in informed]
    return bold_best(found, metric, with_the_same_runs(fair))


def footnotes(
    members: Sequence[Group],
    blocks: Blocks,
    titles: Mapping[str, str],
    *,
    each: str = "",
    timed: bool = False,
    together: bool = False,
) -> tuple[str, ...]:
    """How many runs there were, and what the marks mean that may come up.

    Args:
        members: The runs of the table.
        blocks: The strategies of the table; other runs are passed over.
        titles: Experiment -> its short title.
        each: See :func:`nextslice.report.stars.about_runs`.
        timed: Whether the table shows times, which have medians and no stars.
        together: Whether several settings were tested as one.
    """
    lines = {line.strategy: line for block in blocks for line in block}
    own = [group for group in members if group.plain_name in lines]
    what = "Medians and means" if timed else "Means"
    notes = [about_runs(own, titles, each, what=what)]
    if not timed:
        notes += about_stars(own, together=together)
    if any(line.informed for line in lines.values()):
        notes.append(about_informed())
    if not timed:
        notes += about_learning_loss(own)
    return tuple(notes)


def short_titles(members: Sequence[Group]) -> dict[str, str]:
    """What each experiment is called where several share a table; empty where one is alone."""
    experiments = by_experiment(members)
    if len(experiments) == 1:
        return dict.fromkeys(experiments, "")
    names = {title: data_name(own[0].runs[0]) for title, own in experiments.items()}
    count = Counter(names.values())
    return {
        title: name if count[name] == 1 else f"{name} ({place})"
        for place, (title, name) in enumerate(names.items(), 1)
    }


def slug(*words: str) -> str:
    """Words as the name of a file, in letters that every file system takes."""
    told = [re.sub(r"[^a-z0-9.]+", "-", word.lower()).strip("-.")[:48] for word in words]
    return "-".join(filter(None, told))


def _cell(
    line: Line, own: Sequence[Group], metric: Metric, name: str, marks: Mapping[str, str]
) -> Cell:
    scale = 1 if metric == "hd95_3d_mm" else 100
    spread = Spread.of(
        value
        for group in own
        if group.plain_name == line.strategy
        for value in group.values(metric, name)
    )
    cell = mean_and_spread(spread, 2, scale, sign="\N{PLUS-MINUS SIGN}")
    return replace(cell, marks=marks.get(line.strategy, ""))
