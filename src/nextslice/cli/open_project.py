"""What the commands of a live project have in common."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextslice.cli.display import progress_bar

if TYPE_CHECKING:
    from nextslice.live import LiveProject
    from nextslice.project import Records

__all__ = ["AcceptChanges", "Images", "ProjectFolder", "command_line", "next_step", "opened"]

ProjectFolder = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="The project's folder.", show_default=False)
]

AcceptChanges = Annotated[
    bool,
    typer.Option(
        "--accept-changes", help="Go on though data, software or machine have changed."
    ),
]

Images = Annotated[
    Path | None,
    typer.Option(help="Where the scans lie now, if they were moved.", show_default=False),
]


@contextmanager
def opened(
    folder: Path, *, images: Path | None = None, accept_changes: bool = False
) -> Iterator[LiveProject]:
    """A live project, while bars show its progress; nobody else may work on it meanwhile."""
    from nextslice.errors import DataError
    from nextslice.live import LiveProject, live_config

    scans = Path(live_config(folder).data.folder) if images is None else images
    if not scans.is_dir():
        raise DataError(
            f"Expected the scans of {folder} in {scans}; there is no such folder.",
            cause="they were moved, or their disk is not there.",
            remedy="Say where they are now: --images FOLDER.",
        )
    with (
        progress_bar() as on_progress,
        LiveProject.open(
            folder, images=images, accept_changes=accept_changes, on_progress=on_progress
        ) as live,
    ):
        yield live


def command_line(*words: object) -> str:
    """A command to type, with names quoted where they must be."""
    return shlex.join(["nextslice", *map(str, words)])


def next_step(records: Records, folder: Path, order: Path | None = None) -> str:
    """What to do next with a live project, with the command to type.

    Args:
        records: The project's.
        folder: Where it is.
        order: The work order's folder, where it is not the usual one.
    """
    from nextslice.project import SliceState

    last = records.last_cycle()
    ask, train = command_line("ask", folder), command_line("train", folder)
    if last is None:
        return (
            train if records.n_labelled() else f"{ask}   (or {command_line('serve', folder)})"
        )
    if records.is_recorded(last):
        return ask
    query = records.query(last)
    if not len(query):
        return train if last == 0 else "nothing: every slice is labelled or skipped"
    newest = records.newest_answers([queried.row for queried in query.slices])
    answered = sum(answer.state is not SliceState.QUERIED for answer in newest.values())
    tell = command_line("tell", folder, *([] if order is None else [order]))
    if not records.answers_since(last - 1) or not records.n_labelled():
        return f"annotate the slices, then {tell}"
    return train if answered == len(query) else f"{tell} with the rest, or {train} without it"
