"""``nextslice simulate``: one run of active learning on a labelled data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_line, progress_bar, say
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

__all__ = ["simulate"]


def simulate(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)],
    out: Annotated[
        Path, typer.Option(help="Folder of the run; an earlier run in it goes on.")
    ] = Path("runs/simulation"),
    uncertainty: Annotated[
        str | None,
        typer.Option(
            help="entropy, dropout, tta, learning-loss or package.module:Class.",
            show_default="entropy, or none where the selection ignores scores",
        ),
    ] = None,
    selection: Annotated[
        str,
        typer.Option(
            help=f"{', '.join(SELECTIONS)} or package.module:Class. One that wraps another "
            "takes it as --set selection.selection=top-k."
        ),
    ] = "stochastic-batches",
    preset: Annotated[str, typer.Option(help="paper, released-code or quick.")] = "paper",
    budget: Annotated[
        int | None, typer.Option(help="Slices per query.", show_default="the preset's")
    ] = None,
    cycles: Annotated[
        int | None,
        typer.Option(help="Queries after the initial training.", show_default="the preset's"),
    ] = None,
    initial: Annotated[
        int | None,
        typer.Option(help="Slices in the initial set.", show_default="the preset's"),
    ] = None,
    seed: Annotated[int, typer.Option(help="All chance of the run comes from it.")] = 0,
    test: Annotated[
        int | None,
        typer.Option(help="Cases set aside for testing.", show_default="a fifth"),
    ] = None,
    val: Annotated[int, typer.Option(help="Cases set aside and not used.")] = 0,
    split_seed: Annotated[int, typer.Option(help="Decides which cases are set aside.")] = 0,
    axis: Axis = None,
    spacing: Spacing = None,
    size: Size = None,
    fit: Fit = "crop",
    labels: Annotated[
        str | None,
        typer.Option(help='Merge label values: "gland=1,2" or "zone=1;gland=2".'),
    ] = None,
    skip_refused: SkipRefused = False,
    device: Device = "auto",
    threads: Threads = None,
    accept_changes: Annotated[
        bool,
        typer.Option(
            "--accept-changes",
            help="Go on with a run though settings, data, code, software or machine changed.",
        ),
    ] = False,
    assignments: Assignments = None,
) -> None:
    """Simulate active learning on a labelled data set; the labels play the expert.

    The same command goes on where an earlier one stopped.
    """
    from nextslice.config import resolve_config
    from nextslice.simulation import CycleResult, open_splits
    from nextslice.simulation import simulate as run_simulation
    from nextslice.wording import counted

    given = {"budget": budget, "cycles": cycles, "initial": initial, "threads": threads}
    changes: dict[str, object] = {
        "data": {
            "folder": str(data),
            "axis": axis,
            "spacing": spacing,
            "size": size,
            "fit": fit,
            "labels": labels,
            "skip_refused": skip_refused,
        },
        "split": {"test": test, "val": val, "seed": split_seed},
        "uncertainty": uncertainty,
        "selection": selection,
        "seed": seed,
        "device": device,
    } | {name: value for name, value in given.items() if value is not None}
    config = resolve_config(preset, changes, assignments or ())

    def tell_cycle(result: CycleResult) -> None:
        mean = result.evaluation.classes["mean"]
        unit = "voxels" if config.evaluation.hd95_in_voxels else "mm"
        say(
            f"cycle {result.cycle}: {result.n_labelled} labelled slices, "
            f"mean 3D Dice {mean.dice_3d:.4f}, HD95 {mean.hd95_3d_mm:.2f} {unit}"
        )

    with progress_bar() as on_progress:
        splits = open_splits(config, on_progress)
        pool = splits.train
        for verdict in pool.refused:
            reasons = "; ".join(refusal.reason for refusal in verdict.refusals)
            say(f"left out: {verdict.case}: {reasons}")
        say(
            f"{data}: {pool.layout} layout, {counted(len(pool.classes), 'class', 'classes')} "
            f"({', '.join(pool.classes)}); slices of {pool.size[0]} x {pool.size[1]} "
            f"along axis {pool.preparation.axis}"
        )
        say(
            f"training on up to {counted(len(pool), 'slice')} of "
            f"{counted(len(pool.cases), 'case')}, "
            f"testing on {counted(len(splits.test.cases), 'case')}"
        )
        wanted = config.initial + config.cycles * config.budget
        if wanted > len(pool):
            say(f"{wanted} slices would be asked for: the pool is used up before the end")
        run_simulation(
            config,
            splits,
            out,
            accept_changes=accept_changes,
            on_progress=on_progress,
            on_cycle=tell_cycle,
        )
    print_line(f"{out}/cycles.csv")
