"""``nextslice status``: where a project stands, and what to do next."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nextslice.cli.display import clock, print_line, print_table, say
from nextslice.cli.open_project import next_steps

if TYPE_CHECKING:
    from nextslice.project import CycleView
    from nextslice.status import Status

__all__ = ["status"]

_BAR = 10  # characters for a Dice of 1


def status(
    project: Annotated[
        Path,
        typer.Argument(metavar="PROJECT", help="The project's folder.", show_default=False),
    ],
    figure: Annotated[
        Path | None,
        typer.Option(
            help="Draw the agreement curve into this file: .png, .svg or .pdf.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all of it as JSON, for programs.")
    ] = False,
) -> None:
    """Show what is annotated, how well the model does, and the next command to type.

    Changes nothing, and works while the annotation page is open.
    """
    from nextslice.status import status_of

    found = status_of(project)
    if as_json:
        print_line(json.dumps(found.to_dict(), indent=1))
    else:
        _show(found)
    if figure is not None:
        _draw(found, figure)


def _show(found: Status) -> None:
    from nextslice.project import SliceState
    from nextslice.wording import counted

    names = ", ".join(found.classes)
    print_line(f"{found.folder}: {counted(found.cases, 'case')}, classes {names}")
    states = (f"{found.states.get(state, 0):,} {state}" for state in SliceState)
    print_line(f"{counted(found.slices, 'slice')}: {', '.join(states)}")
    print_line(_standing(found))
    if found.history:
        print_line()
        print_table(_table(found.history))
        print_line("\nagreement: Dice of the model's proposals with the experts' masks")
        print_line(f"time spent annotating: {clock(found.seconds)}\n")
    for line in next_steps(found):
        print_line(line)


def _standing(found: Status) -> str:
    if not found.history:
        return "nothing is asked yet"
    last = found.history[-1]
    said = {
        "annotating": f"cycle {last.cycle}: {last.answered + last.skipped} of {last.asked} "
        "slices of the open query are answered",
        "answered": f"cycle {last.cycle}: everything asked is answered"
        if last.asked
        else f"cycle {last.cycle}: the labels that came with the data are there to learn from",
        "training": f"cycle {last.cycle}: the training of its model has begun",
        "trained": f"cycle {last.cycle}: its model is trained",
        "exhausted": f"cycle {last.cycle}: there is nothing left to ask for",
    }
    return said[found.phase]


def _table(history: tuple[CycleView, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for title in ("cycle", "labelled", "asked", "answered", "skipped"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("agreement", no_wrap=True)
    for title in ("training", "annotating"):
        table.add_column(title, justify="right", no_wrap=True)
    for view in history:
        counts = (view.cycle, view.labelled, view.asked, view.answered, view.skipped)
        table.add_row(
            *map(str, counts),
            Text(_bar(view.agreement)),
            "" if view.train_seconds is None else clock(view.train_seconds),
            clock(view.seconds) if view.seconds else "",
        )
    return table


def _bar(agreement: float | None) -> str:
    """A number and its length, so that the column is a curve on its side."""
    if agreement is None:
        return ""
    full, empty = ("█", "·") if _is_unicode() else ("#", ".")
    filled = round(_BAR * agreement)
    return f"{agreement:.2f} {full * filled}{empty * (_BAR - filled)}"


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().startswith("utf")


def _draw(found: Status, figure: Path) -> None:
    from nextslice.report.drawing import save_as
    from nextslice.report.figures.agreement import draw_agreement

    drawing = draw_agreement(found)
    if drawing is None:
        say("No figure: agreement is known once slices that a model asked for are annotated.")
        return
    save_as(drawing, figure)
    say(f"figure: {figure}")
