"""``nextslice ask``: the slices to annotate next, as a folder for any editor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from nextslice.cli.display import print_line, print_table, say
from nextslice.cli.open_project import (
    AcceptChanges,
    Images,
    ProjectFolder,
    command_line,
    opened,
    say_next,
)
from nextslice.cli.options import AllowCode

if TYPE_CHECKING:
    from nextslice.annotators.order import WorkOrder

__all__ = ["ask"]


def ask(
    project: ProjectFolder,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Slices to ask for, where a new query begins.",
            show_default="the project's",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the work order.", show_default="PROJECT/work/cycle-NN"),
    ] = None,
    cycle: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="An earlier query again, to correct its answers.",
            show_default="the open one",
        ),
    ] = None,
    link: Annotated[
        bool,
        typer.Option(
            "--link",
            help="Link the scans instead of copying them: saves space, but an editor that "
            "writes into a scan then changes the original.",
        ),
    ] = False,
    images: Images = None,
    accept_changes: AcceptChanges = False,
    allow_code: AllowCode = False,
) -> None:
    """Ask for the slices to annotate next, or for those of the open query again.

    Writes a folder for any editor (3D Slicer, ITK-SNAP, MITK, napari): scans,
    masks to draw in with the model's proposals, and a list. What was drawn
    there already stays as it is.
    """
    from nextslice.annotators.folder import demand_usable, hand_out, usual_folder

    if out is not None:
        demand_usable(out)  # before anything is scored
    with opened(
        project, images=images, accept_changes=accept_changes, allow_code=allow_code
    ) as live:
        query = live.ask(budget) if cycle is None else live.project.query(cycle)
        if not len(query):
            if query.cycle == 0:
                say("Nothing to annotate yet: a model first learns from the labels there are.")
            else:
                say("The pool has no slice left to ask for.")
            say_next(project)
            return
        folder = usual_folder(project, query.cycle) if out is None else out
        written = hand_out(live, query, folder, link=link)
        print_table(_table(written.order))
        for case in written.left_alone:
            say(f"left alone, for it was drawn in: {written.order.cases[case].mask}")
        print_line(f"{folder}")
        say(f"Hand that folder to the annotator; {folder / 'README.txt'} says what to do.")
        say(f"Then: {command_line('tell', project, folder)}")


def _table(order: WorkOrder) -> Table:
    table = Table(title=f"Query of cycle {order.cycle}", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("case", overflow="fold")
    for title in ("slice", "mm", "score"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for place, asked in enumerate(order.slices, start=1):
        table.add_row(
            str(place),
            Text(asked.case),
            str(asked.slice),
            f"{asked.position_mm:.1f}",
            "" if asked.score is None else f"{asked.score:.4g}",
            asked.state,
        )
    return table
