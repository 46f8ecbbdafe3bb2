"""Tables 1 to 4 of the paper, in its own layout, from runs on disk.

Means and standard deviations go over cycles and runs, the initial set left out. What is
compared never crosses an experiment or a setting, such as a budget; table 4 alone takes
several settings together, and forms its pairs within each. Strategies that the paper does not
have stand below (table 1) or in a table of their own (tables 2 to 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nextslice.report.columns import (
    METRIC_TITLES,
    OVER,
    TERMS,
    column,
    footnotes,
    short_titles,
    slug,
)
from nextslice.report.experiments import by_experiment
from nextslice.report.lines import Line, blocks_of
from nextslice.report.runs import MEAN, Run
from nextslice.report.stars import INFORMED
from nextslice.report.summaries import METRICS, Group, groups
from nextslice.report.tables import Cell, Head, Row, Table, plain_text
from nextslice.report.wide import initial_sizes, sampling_times, training_settings

__all__ = ["paper_tables"]


def paper_tables(runs: Sequence[Run]) -> list[Table]:
    """The paper's tables, as far as the runs go.

    Table 1 for each setting, with three columns for each data set and class; table 2; table 3
    where the size of the initial set was varied, table 4 where training settings were.

    Args:
        runs: Of one or several experiments.

    Returns:
        Those for which something was measured after the initial cycle.
    """
    members = [group for group in groups(runs) if group.queried_cycles]
    if not members:
        return []
    titles = short_titles(members)
    settings = dict.fromkeys(group.setting for group in members)
    tables = [
        *(_overall([g for g in members if g.setting == s], s, titles) for s in settings),
        *sampling_times(members, titles),
        *initial_sizes(members, titles),
        *training_settings(members, titles),
    ]
    return [table for table in tables if not table.empty]


def _overall(members: Sequence[Group], setting: str, titles: Mapping[str, str]) -> Table:
    """Table 1: a row for each strategy, three columns for each class."""
    blocks = blocks_of(members)
    header: list[Head] = []
    metrics: list[Head] = []
    columns: list[dict[str, Cell]] = []
    for experiment, own in by_experiment(members).items():
        names = _classes(own)
        units = sorted({run.distance_unit for group in own for run in group.compared})
        for name in names:
            header.append(Head(_heading(name, names, titles[experiment]), len(METRICS)))
            for metric in METRICS:
                unit = f" ({' or '.join(units)})" if metric == "hd95_3d_mm" else ""
                metrics.append(Head(METRIC_TITLES[metric] + unit, mean=True, marked=True))
                columns.append(column(blocks, own, metric, name, by_block=False))
    setting = plain_text(setting)
    return Table(
        key=slug("table-1", setting),
        title=", ".join(filter(None, ("Table 1", setting))),
        caption=f"Overall results: {OVER}. {TERMS} Bold: the best of a column, among rows with "
        "the same runs.",
        stubs=("Strategy", ""),
        header=(tuple(header), tuple(metrics)),
        blocks=tuple(tuple(_row(line, columns) for line in block) for block in blocks),
        footnotes=footnotes(members, blocks, titles),
    )


def _row(line: Line, columns: Sequence[Mapping[str, Cell]]) -> Row:
    name = Cell(line.block, marks=INFORMED if line.informed else "")
    return name, Cell(line.part), *(cells[line.strategy] for cells in columns)


def _classes(members: Sequence[Group]) -> tuple[str, ...]:
    found = dict.fromkeys(name for g in members for run in g.compared for name in run.classes)
    return tuple(found) or (MEAN,)


def _heading(name: str, names: Sequence[str], data: str) -> str:
    """The class; the data set where it has one class alone; both where they are several."""
    if not data:
        return plain_text(name)
    return data if len(names) == 1 else f"{data}, {plain_text(name)}"
