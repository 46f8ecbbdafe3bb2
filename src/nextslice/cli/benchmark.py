"""``nextslice benchmark``: a grid of runs, from a recipe to its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from nextslice.cli.display import print_table, progress_bar, say
from nextslice.cli.options import AllowCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from nextslice.benchmark import Executor, Job, Recipe

__all__ = ["SOME_FAILED", "benchmark", "carry_out"]

# Measured with slices of 50 x 50 on one thread of a Xeon, in float32: see models/devices.py.
_STEP_S: Final[Mapping[tuple[int, ...], float]] = {
    (16, 32, 64, 128): 0.028,
    (64, 128, 256, 512): 0.279,
}

SOME_FAILED = 1
"""The exit code where a run failed and the others were done."""


def benchmark(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe: a file, or the name of one that comes along (see --list).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the benchmark; what is there already goes on. With --ray ADDRESS "
            "all nodes must see it under this path.",
            show_default="runs/RECIPE",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data set.", show_default="the recipe's")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Runs at a time.",
            show_default="the recipe's, else as many as the cores feed; one on a GPU",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Run on Ray: local, auto (the cluster this machine belongs to) or HOST:PORT.",
            show_default="processes of this machine",
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(help="Only these: random,entropy-sb.", show_default="all of the recipe"),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Only these: 0,1.", show_default="all of the recipe"),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Any key of the recipe (cycles=2, seeds=[0]) or setting of its runs "
            "(training.steps=300); repeatable.",
        ),
    ] = None,
    accept_changes: Annotated[
        bool,
        typer.Option(
            "--accept-changes",
            help="Go on with runs though settings, data, code, software or machine changed.",
        ),
    ] = False,
    allow_code: AllowCode = False,
    scans: Annotated[
        bool,
        typer.Option(
            "--scans/--no-scans",
            help="Show slices of the scans in the report; --no-scans for a page without "
            "patients.",
        ),
    ] = True,
    list_recipes: Annotated[
        bool, typer.Option("--list", help="Name the recipes that come along.")
    ] = False,
) -> None:
    """Do a grid of runs, strategies by seeds, and write its report.

    The same command goes on where an earlier one stopped; at most the training that each
    worker was at is done again. A run that fails stops no other: it is named at the end, and
    the exit code is 1.
    """
    from nextslice.benchmark import open_benchmark, part_of, read_recipe
    from nextslice.errors import SettingsError

    if list_recipes:
        print_table(_recipes())
        say(
            "Core hours: roughly what all trainings take one core of a Xeon, at 0.03 s a step "
            "for the quick network and 0.28 s for the paper's, in proportion to the slices' "
            "area. Cores share them, and first trainings that runs share come off."
        )
        return
    if recipe is None:
        raise SettingsError(
            "Expected a recipe, got none.",
            remedy="nextslice benchmark --list names those that come along.",
        )
    read = read_recipe(recipe, assignments=assignments or (), data=data, allow_code=allow_code)
    out = Path("runs") / Path(recipe).stem if out is None else out
    jobs = part_of(
        open_benchmark(
            read,
            out,
            accept_changes=accept_changes,
            elsewhere=ray not in (None, "local"),
        ),
        strategies=None if strategies is None else _listed(strategies),
        seeds=None if seeds is None else _whole_numbers(seeds),
    )
    executor = _executor(workers, ray, read, jobs)
    say(f"{read.title}: {_size(jobs)}, in {out}")
    if carry_out(read, jobs, out, executor, scans=scans):
        raise typer.Exit(SOME_FAILED)


def carry_out(
    recipe: Recipe, jobs: Sequence[Job], out: Path, executor: Executor, *, scans: bool = True
) -> bool:
    """Do the runs of a benchmark before the eyes of whoever waits, and write its report.

    Args:
        recipe: What they are runs of.
        jobs: The runs, all or some.
        out: The benchmark's folder.
        executor: Who does them.
        scans: Whether the report may show slices of the scans.

    Returns:
        Whether a run failed.
    """
    from nextslice.benchmark import prepare_data, run_benchmark
    from nextslice.benchmark.folder import is_finished
    from nextslice.cli.grid_display import grid_display
    from nextslice.cli.report import report
    from nextslice.project.tables import recorded_cycles

    left = [job for job in jobs if not is_finished(job)]
    if len(left) < len(jobs):
        say(f"{len(jobs) - len(left)} of {len(jobs)} runs are finished already")
    with progress_bar() as on_progress:
        prepare_data(left, on_progress)
    with grid_display(jobs) as display:
        outcomes = run_benchmark(
            recipe,
            jobs,
            out,
            executor,
            on_progress=display.on_progress,
            on_outcome=display.on_outcome,
        )
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        say(f"{outcome.job.name} failed: {outcome.error}")
        if outcome.traceback is not None:
            say(f"  Where in the code: {outcome.job.out / outcome.traceback}")
    if any(recorded_cycles(job.out) for job in jobs):
        report(out, scans=scans)
    return bool(failed)


def _recipes() -> Table:
    """The recipes that come along, and how large they are."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from nextslice.benchmark import jobs_of, read_recipe, shipped_recipes

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Recipe", no_wrap=True)
    table.add_column("What it is")
    for title in ("Runs", "Trainings", "Core hours"):
        table.add_column(title, justify="right", no_wrap=True)
    for name in shipped_recipes():
        recipe = read_recipe(name)
        jobs = jobs_of(recipe, Path())
        runs, trainings, _ = _sizes(jobs)
        hours = _core_hours(jobs)
        table.add_row(name, recipe.title, f"{runs:,}", f"{trainings:,}", hours)
    return table


def _core_hours(jobs: Sequence[Job]) -> str:
    """Roughly how long all trainings take one core; empty where no such network was timed."""
    pixels = 50 * 50
    seconds = 0.0
    for job in jobs:
        config = job.config
        each, size = _STEP_S.get(config.network.channels), config.data.size
        if each is None or size is None:
            return ""
        steps = config.training.steps * (config.cycles + 1)
        seconds += steps * each * size[0] * size[1] / pixels
    hours = seconds / 3600
    return f"{hours:,.0f}" if hours >= 1 else f"{hours:.1f}"


def _executor(
    workers: int | None, ray: str | None, recipe: Recipe, jobs: Sequence[Job]
) -> Executor:
    from nextslice.benchmark import LocalProcesses, RayCluster
    from nextslice.errors import SettingsError
    from nextslice.wording import counted

    if ray is None:
        local = LocalProcesses(recipe.workers if workers is None else workers)
        local.workers_for(jobs)  # so that too many are refused before anything starts
        return local
    if workers is not None:
        raise SettingsError(
            "Expected --workers or --ray, got both.",
            remedy="A Ray cluster runs as many at a time as its CPUs feed.",
        )
    if recipe.workers is not None:
        say(
            f"Caution: the recipe asks for {counted(recipe.workers, 'run')} at a time, and a "
            "Ray cluster does as many as its CPUs feed: times do not compare then."
        )
    cluster = RayCluster(None if ray == "local" else ray)
    if cluster.caution:
        say(f"Caution: {cluster.caution}")
    return cluster


def _size(jobs: Sequence[Job]) -> str:
    from nextslice.wording import counted

    runs, trainings, steps = _sizes(jobs)
    return (
        f"{counted(runs, 'run')}, {counted(trainings, 'training')} of {counted(steps, 'step')}"
    )


def _sizes(jobs: Sequence[Job]) -> tuple[int, int, int]:
    """Runs, their trainings (as if none were shared), and the steps of one."""
    trainings = sum(job.config.cycles + 1 for job in jobs)
    return len(jobs), trainings, max((job.config.training.steps for job in jobs), default=0)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _whole_numbers(text: str) -> list[int]:
    from nextslice.errors import SettingsError

    try:
        return [int(part) for part in _listed(text)]
    except ValueError as error:
        raise SettingsError(f"Expected seeds as 0,1,2; got {text!r}.") from error
