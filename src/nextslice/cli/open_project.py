"""What the commands of a live project have in common."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextslice.cli.display import progress_bar, say

if TYPE_CHECKING:
    from nextslice.live import LiveProject
    from nextslice.progress import OnProgress
    from nextslice.status import Status

__all__ = [
    "AcceptChanges",
    "Images",
    "ProjectFolder",
    "command_line",
    "next_steps",
    "open_live",
    "opened",
    "say_next",
]

ProjectFolder = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="The project's folder.", show_default=False)
]

AcceptChanges = Annotated[
    bool,
    typer.Option(
        "--accept-changes",
        help="Go on though settings, data, code, software or machine have changed.",
    ),
]

Images = Annotated[
    Path | None,
    typer.Option(help="Where the scans lie now, if they were moved.", show_default=False),
]


@contextmanager
def opened(
    folder: Path,
    *,
    images: Path | None = None,
    accept_changes: bool = False,
    allow_code: bool = False,
) -> Iterator[LiveProject]:
    """A live project, while bars show its progress; nobody else may work on it meanwhile."""
    with (
        progress_bar() as on_progress,
        open_live(
            folder,
            on_progress,
            images=images,
            accept_changes=accept_changes,
            allow_code=allow_code,
        ) as live,
    ):
        yield live


def open_live(
    folder: Path,
    on_progress: OnProgress,
    *,
    images: Path | None = None,
    accept_changes: bool = False,
    allow_code: bool = False,
) -> LiveProject:
    """The same, to be closed by the caller."""
    from nextslice.errors import DataError
    from nextslice.live import LiveProject, live_config

    scans = Path(live_config(folder).data.folder) if images is None else images
    if not scans.is_dir():
        raise DataError(
            f"Expected the scans of {folder} in {scans}; there is no such folder.",
            cause="they were moved, or their disk is not there.",
            remedy="Say where they are now: --images FOLDER.",
        )
    return LiveProject.open(
        folder,
        images=images,
        accept_changes=accept_changes,
        allow_code=allow_code,
        on_progress=on_progress,
    )


def command_line(*words: object) -> str:
    """A command to type, with names quoted where they must be."""
    return shlex.join(["nextslice", *map(str, words)])


def next_steps(found: Status) -> list[str]:
    """What to type next, a line each."""
    width = max(len(step.command) for step in found.next_steps)
    titles = ("next:", *("or:" for _ in found.next_steps[1:]))
    return [
        f"{title:5} {step.command:{width}}  ({step.why})"
        for title, step in zip(titles, found.next_steps, strict=True)
    ]


def say_next(folder: Path) -> None:
    """Tell the person who waits what to type next."""
    from nextslice.status import status_of

    for line in next_steps(status_of(folder)):
        say(line)
