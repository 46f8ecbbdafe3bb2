"""``nextslice report``: compare the runs in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nextslice.cli.display import print_line, print_table, progress_bar, say

if TYPE_CHECKING:
    from nextslice.report.runs import Run

__all__ = ["comparison_table", "comparison_tables", "report"]

_LEFT_OUT = frozenset(
    {"Cycles", "Labelled", "2D Dice", "Area"}
)  # for 80 columns; in the report


def report(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of a run, or of several at any depth.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the report.", show_default="FOLDER/report"),
    ] = None,
    scans: Annotated[
        bool,
        typer.Option(
            "--scans/--no-scans",
            help="Show slices of the scans, where the data set is at hand; --no-scans for a "
            "page without patients.",
        ),
    ] = True,
) -> None:
    """Compare runs: a table here; tables, figures and one HTML page in a folder."""
    from nextslice.report import read_runs, write_report

    runs = read_runs(folder)
    for place, table in enumerate(comparison_tables(runs)):
        if place:
            print_line()
        print_table(table)
    unfinished = [run for run in runs if not run.finished]
    if unfinished:
        say(f"{len(unfinished)} of {len(runs)} runs are not finished; the report names them.")
    with progress_bar() as on_progress:
        page = write_report(folder, out, scans=scans, on_progress=on_progress)
    print_line(f"report: {page}")


def comparison_tables(runs: Sequence[Run]) -> list[Table]:
    """The comparison for a terminal, one table for each experiment.

    Args:
        runs: What :func:`nextslice.report.read_runs` found.
    """
    from nextslice.report.experiments import by_experiment

    experiments = by_experiment(runs)
    if len(experiments) == 1:
        return [comparison_table(runs)]
    return [comparison_table(members, title) for title, members in experiments.items()]


def comparison_table(runs: Sequence[Run], title: str = "") -> Table:
    """The comparison of strategies for a terminal.

    Args:
        runs: Of one experiment.
        title: What to write above the table.
    """
    from nextslice.report import comparison
    from nextslice.report.summaries import summarise
    from nextslice.report.tables import plain_text

    compared = comparison.comparison_table(summarise(runs))
    shown = [place for place, title in enumerate(compared.columns) if title not in _LEFT_OUT]
    table = Table(
        title=Text(plain_text(title), style="bold") if title else None,
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption="mean (standard deviation) over cycles and runs; Dice in percent",
        caption_justify="left",
    )
    rows = [[cell.words for cell in row] for row in compared.rows]
    longest = max((len(word) for row in rows for word in row[0].split()), default=0)
    for place in shown:
        if place == 0:  # the one column that gives way; a word stays whole
            table.add_column("Strategy", min_width=min(longest, 24), overflow="fold")
        else:
            header = Text("\n".join(compared.columns[place].split(" ", 1)))
            table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            *(Text(row[place].replace(" (", "\n(") if place else row[0]) for place in shown)
        )
    return table
