"""``nextslice tell``: what the annotator drew, back into the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextslice.cli.display import print_line, say
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
    from nextslice.annotators.returned import TakenIn

__all__ = ["tell"]


def tell(
    project: ProjectFolder,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="The work order with the edited masks.",
            show_default="that of the open query",
        ),
    ] = None,
    annotator: Annotated[str, typer.Option(help="Who drew.")] = "expert",
    seconds: Annotated[
        float | None,
        typer.Option(help="Time spent on the new masks, together.", show_default="not known"),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CASE[:SLICE]",
            help="The mask is right though nothing was changed (repeatable).",
        ),
    ] = None,
    accept_all: Annotated[
        bool,
        typer.Option("--accept-all", help="That of every slice that is not answered yet."),
    ] = False,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CASE:SLICE",
            help="Leave a slice out for good; needs --reason (repeatable).",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why slices are skipped.", show_default=False)
    ] = None,
    withdraw: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CASE:SLICE",
            help="Take an answer back: the slice is open again (repeatable).",
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Let these masks count though somebody answered meanwhile."
        ),
    ] = False,
    images: Images = None,
    accept_changes: AcceptChanges = False,
    allow_code: AllowCode = False,
) -> None:
    """Take the edited masks of a work order in: all of them, or none if one is wrong.

    A slice counts if its mask was changed. One that was left as it was is not
    yet annotated, unless --accept says that it is right. What was drawn on
    other slices is left out. Tell as often as you like: old versions are kept.
    """
    from nextslice.annotators.folder import usual_folder
    from nextslice.annotators.remarks import Remarks, parse_slice
    from nextslice.annotators.returned import take_in

    remarks = Remarks(
        accept=accept or (),
        accept_all=accept_all,
        skip=[parse_slice(text) for text in skip or ()],
        reason=reason,
        withdraw=[parse_slice(text) for text in withdraw or ()],
        replace=replace,
    )
    with opened(
        project, images=images, accept_changes=accept_changes, allow_code=allow_code
    ) as live:
        if folder is None:
            usual = usual_folder(project, live.project.last_cycle() or 0)
            words_alone = (skip or withdraw) and not usual.exists()
            folder = None if words_alone else usual
        taken = take_in(live, folder, remarks, annotator=annotator, seconds=seconds)
        _say_what(taken, command_line("tell", project, folder or ""))
        say_next(project)


def _say_what(taken: TakenIn, again: str) -> None:
    from nextslice.project import AnswerKind
    from nextslice.wording import a_few, counted

    done = {AnswerKind.SKIP: "skipped", AnswerKind.WITHDRAWN: "withdrawn"}
    for name, answer in taken.stored:
        what = done.get(answer.kind, "stored")
        of = f", version {answer.version}" if answer.version > 1 else ""
        agrees = (
            ""
            if answer.agreement is None
            else f", Dice {answer.agreement:.2f} with the proposal"
        )
        print_line(f"{what} {name}{of}{agrees}")
    if not taken.stored:
        print_line("nothing new")
    for case, slices in taken.stray.items():
        say(
            f"left out: {case} has something drawn on {a_few([str(s) for s in slices])}, "
            "which this work order does not ask for"
        )
    for case in taken.missing:
        say(f"there is no mask of {case}")
    if taken.open:
        names = [str(name) for name in taken.open]
        say(f"{counted(len(names), 'slice')} not yet annotated: {a_few(names, 10)}.")
        say(f"Where a mask is right as it is: {again} --accept {names[0]} (or --accept-all)")
