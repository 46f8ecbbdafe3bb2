"""``nextslice restore``: a project from its backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar, say

__all__ = ["restore"]


def restore(
    file: Annotated[
        Path, typer.Argument(help="What nextslice backup wrote.", show_default=False)
    ],
    project: Annotated[
        Path, typer.Argument(help="Folder of the project: new or empty.", show_default=False)
    ],
) -> None:
    """Unpack a backup into a new folder, and check every file of it."""
    from nextslice.project.restoring import restore as restore_project
    from nextslice.wording import counted

    with progress_bar() as on_progress:
        seen = restore_project(file, project, on_progress)
    for finding in seen.findings:
        say(f"{finding}\n")
    left_out = (
        f"; {counted(len(seen.findings), 'file')} can be made again" if seen.findings else ""
    )
    print_line(
        f"{project}: restored, every answer whole ({counted(seen.answers, 'answer')}, "
        f"{counted(seen.masks, 'mask')}, {counted(seen.models, 'model')}){left_out}"
    )
