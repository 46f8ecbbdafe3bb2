"""``nextslice demo``: the main job on synthetic scans, in a few minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextslice.cli.display import print_table, progress_bar, say

__all__ = ["demo"]

_STRATEGIES: tuple[tuple[str, str | None, str], ...] = (
    ("random", None, "random"),
    ("entropy", "entropy", "top-k"),
    ("entropy + stochastic batches", "entropy", "stochastic-batches"),
)
_SEEDS = (0, 1)
_PATIENTS = 24
_CYCLES = 4


def demo(
    out: Annotated[Path, typer.Option(help="Folder for scans, runs and report.")] = Path(
        "runs/demo"
    ),
) -> None:
    """Compare three strategies on synthetic scans, two seeds each, and write a report.

    Writes the scans first, so nothing else is needed. The same command goes on where an
    earlier one stopped.
    """
    from nextslice.benchmark import Job, run_jobs
    from nextslice.cli.report import comparison_table
    from nextslice.config import resolve_config
    from nextslice.data.phantom import Phantom, write_phantom
    from nextslice.report import read_runs, write_report
    from nextslice.simulation import open_splits

    scans = out / "phantom"

    def job(name: str, uncertainty: str | None, selection: str, seed: int) -> Job:
        config = resolve_config(
            "quick",
            {
                "data": {"folder": str(scans), "size": [56, 56]},
                "split": {"test": 8},
                # half the steps of the preset; so short a training needs less dropout
                "network": {"dropout": 0.1},
                "training": {"steps": 600, "steps_per_epoch": 100},
                "uncertainty": uncertainty,
                "selection": selection,
                "cycles": _CYCLES,
                "budget": 5,
                "initial": 5,
                "seed": seed,
            },
        )
        folder = out / "runs" / f"{name.replace(' + ', '-').replace(' ', '-')}-{seed}"
        return Job(f"{name}, seed {seed}", config, folder, out / "shared")

    # Strategies with one seed share their first training: by this order it is found done.
    jobs = [job(*strategy, seed) for strategy in _STRATEGIES for seed in _SEEDS]
    with progress_bar() as on_progress:
        write_phantom(scans, Phantom(patients=_PATIENTS), on_progress=on_progress)
        splits = open_splits(jobs[0].config, on_progress)
    say(
        f"{scans}: {_PATIENTS} synthetic patients; {len(splits.train)} slices to choose from, "
        f"{len(splits.test.cases)} patients for testing"
    )
    with progress_bar() as on_progress:
        outcomes = run_jobs(jobs, on_progress=on_progress)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        say(f"{outcome.job.name} failed: {outcome.error}")
    if failed:
        raise typer.Exit(2)
    runs = out / "runs"
    print_table(comparison_table(read_runs(runs)))
    typer.echo(f"report: {write_report(runs, out / 'report')}")
