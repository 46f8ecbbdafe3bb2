"""Options by which several commands take the settings of a run or a project."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "AllowCode",
    "Assignments",
    "Axis",
    "Device",
    "Fit",
    "Size",
    "SkipRefused",
    "Spacing",
    "Threads",
]

AllowCode = Annotated[
    bool,
    typer.Option(
        "--allow-code",
        help="Run strategies that a file names as package.module:Class; read them first.",
    ),
]

Axis = Annotated[
    int | None,
    typer.Option(
        help="Axis to slice along: 0, 1 or 2.", show_default="the one with largest spacing"
    ),
]

Spacing = Annotated[
    float | None,
    typer.Option(help="Resample slices to this many mm.", show_default="as they are"),
]

Size = Annotated[
    tuple[int, int] | None,
    typer.Option(help="Height and width of the slices.", show_default="what holds every case"),
]

Fit = Annotated[str, typer.Option(help="How slices get that size: crop (and pad) or resize.")]

SkipRefused = Annotated[
    bool, typer.Option("--skip-refused", help="Go on without the cases that are refused.")
]

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]

Threads = Annotated[int | None, typer.Option(help="CPU threads.", show_default="the preset's")]

Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any setting: training.steps=300 (repeatable)."),
]
