"""``nextslice check``: can these scans be used?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from nextslice.cli.display import print_table, progress_bar, say

__all__ = ["check"]


def check(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)],
) -> None:
    """Check every case of a data set; exit with 1 if any is refused."""
    from nextslice.data.checks import check_data_set
    from nextslice.data.layouts import recognise

    data_set = recognise(data)
    say(f"{data}: {data_set.layout} layout, {len(data_set.cases)} cases")
    with progress_bar() as on_progress:
        verdicts = check_data_set(data_set, on_progress)
    table = Table("case", "verdict", "shape", "spacing (mm)", "why", "what to do")
    for verdict in verdicts:
        refusals = verdict.refusals
        table.add_row(
            verdict.case,
            "[red]refused[/]" if refusals else "accepted",
            "" if verdict.shape is None else " x ".join(map(str, verdict.shape)),
            "" if verdict.spacing is None else " x ".join(f"{s:.3g}" for s in verdict.spacing),
            "\n".join(refusal.reason for refusal in refusals),
            "\n".join(refusal.remedy for refusal in refusals),
        )
    print_table(table)
    refused = sum(not verdict.accepted for verdict in verdicts)
    typer.echo(f"{len(verdicts) - refused} accepted, {refused} refused")
    if refused:
        raise typer.Exit(1)
