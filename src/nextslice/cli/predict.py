"""``nextslice predict``: whole volumes segmented by a project's newest model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar, say

__all__ = ["predict"]


def predict(
    project: Annotated[
        Path,
        typer.Argument(metavar="PROJECT", help="The project's folder.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder to write: new or empty.", show_default=False)
    ],
    scans: Annotated[
        Path | None,
        typer.Option(
            help="A folder of scans to segment instead.", show_default="the project's own"
        ),
    ] = None,
    cases: Annotated[
        str | None,
        typer.Option(help="Only these cases, separated by commas.", show_default="all"),
    ] = None,
    uncertainty: Annotated[
        bool,
        typer.Option(
            "--uncertainty/--no-uncertainty", help="Write a map of uncertainty for each scan."
        ),
    ] = True,
) -> None:
    """Segment whole volumes with the newest model, each on its scan's own grid.

    Writes OUT/masks and OUT/uncertainty (0 to 1), a .nii.gz for each case.
    Slices that were annotated are predicted like all others; `nextslice export`
    gives the masks that were drawn. Scans that cannot be used are named and
    left out; the exit code is then 1.
    """
    from nextslice.exports import ProjectSource, predict_volumes
    from nextslice.wording import a_few, counted

    names = None if cases is None else [name.strip() for name in cases.split(",")]
    with (
        progress_bar() as on_progress,
        ProjectSource(project, spare_refused=True, on_progress=on_progress) as source,
    ):
        done = predict_volumes(
            source,
            out,
            images=scans,
            cases=names,
            uncertainty=uncertainty,
            on_progress=on_progress,
        )
    for verdict in done.refused:
        for refusal in verdict.refusals:
            say(f"refused: {verdict.case}: {refusal}")
    if done.cropped:
        height, width = source.pool.size
        say(
            f"{counted(len(done.cropped), 'case')} larger than the {height} x {width} pixels "
            f"that the model sees, background outside: {a_few(list(done.cropped))}"
        )
    learnt = counted(done.trained_on, "labelled slice")
    print_line(
        f"{counted(len(done.cases), 'case')} predicted by the model of cycle {done.cycle} "
        f"({learnt}), {len(done.refused)} refused: {out}"
    )
    if done.refused:
        raise typer.Exit(1)
