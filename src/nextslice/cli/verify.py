"""``nextslice verify``: is a project whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar

__all__ = ["DAMAGED", "verify"]

DAMAGED = 1
"""The exit code where something is damaged."""


def verify(
    project: Annotated[Path, typer.Argument(help="The project's folder.", show_default=False)],
) -> None:
    """Check every file of a project against its hash and the database.

    Names what is damaged, what that means and what to do; exits with 1 then.
    It changes nothing, and people may go on annotating meanwhile.
    """
    from nextslice.project.verifying import verify as verify_project
    from nextslice.wording import counted

    with progress_bar() as on_progress:
        seen = verify_project(project, on_progress)
    for finding in seen.findings:
        print_line(f"{finding}\n")
    looked_at = (
        f"{counted(seen.answers, 'answer')}, {counted(seen.masks, 'mask')}, "
        f"{counted(seen.models, 'model')}"
    )
    if seen.findings:
        damaged = f"{counted(len(seen.findings), 'file or folder', 'files or folders')} damaged"
        print_line(f"{project}: {damaged} (looked at {looked_at})")
        raise typer.Exit(DAMAGED)
    print_line(f"{project}: whole ({looked_at})")
