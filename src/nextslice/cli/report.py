"""``nextslice report``: compare the runs in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nextslice.cli.display import print_table, say

if TYPE_CHECKING:
    from nextslice.report.runs import Run

__all__ = ["comparison_table", "report"]

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
) -> None:
    """Compare runs: a table here; tables, figures and one HTML page in a folder."""
    from nextslice.report import read_runs, write_report

    runs = read_runs(folder)
    print_table(comparison_table(runs))
    unfinished = [run for run in runs if not run.finished]
    if unfinished:
        say(f"{len(unfinished)} of {len(runs)} runs are not finished; the report names them.")
    typer.echo(f"report: {write_report(folder, out)}")


def comparison_table(runs: Sequence[Run]) -> Table:
    """The comparison of strategies for a terminal.

    Args:
        runs: What :func:`nextslice.report.read_runs` found.
    """
    from nextslice.report.summaries import summarise
    from nextslice.report.tables import comparison_cells

    cells = comparison_cells(summarise(runs))
    shown = [place for place, title in enumerate(cells.header) if title not in _LEFT_OUT]
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption="mean (standard deviation) over cycles and seeds; Dice in percent",
        caption_justify="left",
    )
    longest = max((len(word) for row in cells.rows for word in row[0].split()), default=0)
    for place in shown:
        if place == 0:  # the one column that gives way; a word stays whole
            table.add_column("Strategy", min_width=min(longest, 24), overflow="fold")
        else:
            title = Text("\n".join(cells.header[place].split(" ", 1)))
            table.add_column(title, justify="right", no_wrap=True)
    for row in cells.rows:
        table.add_row(
            *(Text(row[place].replace(" (", "\n(") if place else row[0]) for place in shown)
        )
    return table
