"""A benchmark from its recipe to its last run; what is finished is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nextslice.benchmark.executor import Executor, Job, OnOutcome, Outcome, ignore_outcome
from nextslice.benchmark.folder import (
    OutcomesFile,
    begun_otherwise,
    is_finished,
    keep_recipe,
    kept_threads,
)
from nextslice.benchmark.grid import jobs_of
from nextslice.benchmark.recipe import Recipe
from nextslice.errors import DataError, ProjectChangedError, ProjectError
from nextslice.files import cause_of
from nextslice.progress import OnProgress, ignore_progress
from nextslice.simulation import open_splits
from nextslice.wording import counted

__all__ = ["open_benchmark", "prepare_data", "run_benchmark"]

_SHOWN = 5


def open_benchmark(
    recipe: Recipe, out: Path, *, accept_changes: bool = False, elsewhere: bool = False
) -> tuple[Job, ...]:
    """The runs of a recipe in a folder, after everything that can be wrong before they start.

    Args:
        recipe: The grid.
        out: The benchmark's folder. Runs that lie there already go on.
        accept_changes: Go on with runs that began with other settings, code, software or
            hardware; what changed is recorded in their ``environment.json``.
        elsewhere: See :func:`nextslice.benchmark.grid.jobs_of`.

    Raises:
        SettingsError: The settings of a run are wrong; names the run.
        ProjectChangedError: Runs in the folder began with other settings; names one.
        ProjectError: The settings of a run in the folder cannot be read.
    """
    jobs = jobs_of(
        recipe,
        out,
        threads=kept_threads(out),
        accept_changes=accept_changes,
        elsewhere=elsewhere,
    )
    changed = [] if accept_changes else [(job, begun_otherwise(job)) for job in jobs]
    changed = [(job, lines) for job, lines in changed if lines]
    if changed:
        first, lines = changed[0]
        others = counted(len(changed) - 1, "other run")
        raise ProjectChangedError(
            f"The run in {first.out} began otherwise:\n  "
            + "\n  ".join(_first(lines))
            + (f"\nSo did {others}." if len(changed) > 1 else ""),
            cause="the recipe was changed since, or another one was run in this folder.",
            remedy="Give the recipe as it was, or another folder with --out. To go on all the "
            "same, and have it recorded: --accept-changes.",
        )
    return jobs


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"and {counted(more, 'setting')} more"] if more > 0 else [])]


def prepare_data(jobs: Sequence[Job], on_progress: OnProgress = ignore_progress) -> None:
    """Check and prepare the data of runs once, before many of them want it at the same time.

    Raises:
        DataError: The folder is not there or cannot be read, or cases are refused.
        SettingsError: Too few cases for the split.
    """
    seen = []
    for job in jobs:
        wanted = job.config.data, job.config.split
        if wanted in seen:
            continue
        seen.append(wanted)
        folder = Path(job.config.data.folder)
        if not folder.is_dir():
            raise DataError(
                f"Expected the data set of the recipe at {folder}, found no folder there.",
                cause=f"a relative folder is looked for in {Path.cwd()}."
                if not folder.is_absolute()
                else "",
                remedy="Say where it is: --data FOLDER",
            )
        open_splits(job.config, on_progress)


def run_benchmark(
    recipe: Recipe,
    jobs: Sequence[Job],
    out: Path,
    executor: Executor,
    *,
    on_progress: OnProgress = ignore_progress,
    on_outcome: OnOutcome = ignore_outcome,
) -> tuple[Outcome, ...]:
    """Do all runs that are not finished, and keep how each ended in ``outcomes.json``.

    Args:
        recipe: What they are runs of; kept as ``recipe.yaml``.
        jobs: Of :func:`open_benchmark`, or some of them.
        out: The benchmark's folder.
        executor: Who does them.
        on_progress: Told about each run under its name, in training steps.
        on_outcome: Told of each run that ends; of those finished before, at once.

    Returns:
        How each run ended, in the order of `jobs`.

    Raises:
        ProjectError: The folder cannot be written.
    """
    finished = [job for job in jobs if is_finished(job)]
    try:
        keep_recipe(out, recipe, jobs)
        file = OutcomesFile(out, jobs, finished)
    except OSError as error:
        raise ProjectError(
            f"Expected to write into the benchmark's folder {out}, which failed: "
            f"{error.strerror}.",
            cause=cause_of(error),
            remedy="Look at the disk, or choose a folder where you may write, with --out.",
        ) from error
    before = {job.out: Outcome(job) for job in finished}
    for outcome in before.values():
        on_outcome(outcome)

    def keep(outcome: Outcome) -> None:
        file.add(outcome)
        on_outcome(outcome)

    left = [job for job in jobs if job.out not in before]
    ended = executor.run(left, on_progress=on_progress, on_outcome=keep) if left else ()
    outcomes = before | {outcome.job.out: outcome for outcome in ended}
    return tuple(outcomes[job.out] for job in jobs)
