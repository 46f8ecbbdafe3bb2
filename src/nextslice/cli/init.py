"""``nextslice init``: a folder of scans becomes a project to annotate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar, say
from nextslice.cli.open_project import ProjectFolder, say_next
from nextslice.cli.options import (
    Assignments,
    Axis,
    Device,
    Fit,
    Size,
    SkipRefused,
    Spacing,
    Threads,
)
from nextslice.selection import SELECTIONS

__all__ = ["init"]


def init(
    project: ProjectFolder,
    images: Annotated[Path, typer.Option(help="Folder of the scans.", show_default=False)],
    labels: Annotated[
        str,
        typer.Option(
            help='What to outline, in the order of the numbers: "anterior,posterior". Where '
            'labels that are there already have other values: "anterior=3;posterior=4,5".',
            show_default=False,
        ),
    ],
    initial: Annotated[
        int | None,
        typer.Option(min=1, help="Slices to begin with.", show_default="10"),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(min=1, help="Slices per query.", show_default="10")
    ] = None,
    uncertainty: Annotated[
        str | None,
        typer.Option(
            help="entropy, dropout, tta, learning-loss or package.module:Class.",
            show_default="dropout, or none where the selection ignores scores",
        ),
    ] = None,
    selection: Annotated[
        str,
        typer.Option(help=f"{', '.join(SELECTIONS)} or package.module:Class."),
    ] = "stochastic-batches",
    preset: Annotated[
        str, typer.Option(help="quick (no GPU needed), paper or released-code.")
    ] = "quick",
    seed: Annotated[int, typer.Option(help="All chance comes from it.")] = 0,
    axis: Axis = None,
    spacing: Spacing = None,
    size: Size = None,
    fit: Fit = "crop",
    skip_refused: SkipRefused = False,
    device: Device = "auto",
    threads: Threads = None,
    assignments: Assignments = None,
) -> None:
    """Make a project from a folder of scans, to be annotated.

    The scans are checked and stay where they are. Labels that are there
    already are taken in; the rest is asked for, slice by slice.
    """
    from nextslice.live import LiveProject
    from nextslice.wording import counted

    given = {
        "initial": initial,
        "budget": budget,
        "uncertainty": uncertainty,
        "threads": threads,
    }
    changes: dict[str, object] = {
        "data": {
            "axis": axis,
            "spacing": spacing,
            "size": size,
            "fit": fit,
            "skip_refused": skip_refused,
        },
        "selection": selection,
        "seed": seed,
        "device": device,
    } | {name: value for name, value in given.items() if value is not None}
    with (
        progress_bar() as on_progress,
        LiveProject.create(
            project,
            images=images,
            labels=labels,
            preset=preset,
            changes=changes,
            assignments=assignments or (),
            on_progress=on_progress,
        ) as live,
    ):
        pool, config = live.pool, live.config
        for verdict in pool.refused:
            say(f"left out: {verdict.case}: {'; '.join(map(str, verdict.refusals))}")
        height, width = pool.size
        axes = pool.preparation.axis
        print_line(
            f"{project}: {counted(len(pool.cases), 'case')} from {images} ({pool.layout} "
            f"layout), {counted(len(pool), 'slice')} of {height} x {width} along axis {axes}"
        )
        numbers = ", ".join(f"{k} is {name}" for k, name in enumerate(pool.classes, start=1))
        print_line(f"in every mask {numbers}, 0 is background")
        if pool.labelled_cases:
            with_labels = counted(len(pool.labelled_cases), "case")
            labelled = counted(live.project.n_labelled(), "slice")
            print_line(f"labelled already: {labelled} of {with_labels}")
        else:
            print_line("labelled already: nothing")
        scored = "" if config.uncertainty is None else f" of {config.uncertainty.name}"
        # Where labels came with the data, the first query is a model's choice already.
        first = "" if pool.labelled_cases else f"{config.initial} slices to begin with, then "
        print_line(f"{first}{config.budget} per query by {config.selection.name}{scored}")
        say_next(project)
