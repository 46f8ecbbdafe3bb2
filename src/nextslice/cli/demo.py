"""``nextslice demo``: the main job on synthetic scans, in a few minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import progress_bar, say

__all__ = ["demo"]

_PATIENTS = 24


def demo(
    out: Annotated[Path, typer.Option(help="Folder for scans, runs and report.")] = Path(
        "runs/demo"
    ),
) -> None:
    """Compare three strategies on synthetic scans, two seeds each, and write a report.

    Writes the scans first, so nothing else is needed. The same command goes on where an
    earlier one stopped.
    """
    from nextslice.benchmark import LocalProcesses, open_benchmark, read_recipe
    from nextslice.cli.benchmark import SOME_FAILED, carry_out
    from nextslice.data.phantom import Phantom, write_phantom
    from nextslice.simulation import open_splits

    scans = out / "phantom"
    recipe = read_recipe("demo", data=scans)
    jobs = open_benchmark(recipe, out)
    with progress_bar() as on_progress:
        write_phantom(scans, Phantom(patients=_PATIENTS), on_progress=on_progress)
        splits = open_splits(jobs[0].config, on_progress)
    say(
        f"{scans}: {_PATIENTS} synthetic patients; {len(splits.train)} slices to choose from, "
        f"{len(splits.test.cases)} patients for testing"
    )
    if carry_out(recipe, jobs, out, LocalProcesses()):
        raise typer.Exit(SOME_FAILED)
