"""``nextslice backup``: a project in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar, say

__all__ = ["backup"]


def backup(
    project: Annotated[Path, typer.Argument(help="The project's folder.", show_default=False)],
    file: Annotated[
        Path,
        typer.Argument(
            help="The backup, such as kidneys.zip; best on another disk.", show_default=False
        ),
    ],
) -> None:
    """Write a project into one file, also while people annotate.

    It holds every answer and mask, the models and the scores; not the scans,
    and not what lies in a work folder and was not told yet.
    An older backup is replaced once the new one is whole; nothing else is.
    """
    from nextslice.project.backup import back_up
    from nextslice.wording import counted

    with progress_bar() as on_progress:
        made = back_up(project, file, on_progress)
    for name in made.left_out:
        say(f"left out: {name} is missing or damaged; it can be made again (nextslice verify)")
    print_line(f"{file}: {counted(made.files, 'file')}, {counted(made.size, 'byte')} unpacked")
