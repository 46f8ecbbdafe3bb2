"""Runs on local processes, side by side.

How many threads a run takes is one of its settings, because sums in another order round
differently; how many runs go side by side changes nothing but the time.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from nextslice.config import Config
from nextslice.errors import NextsliceError
from nextslice.progress import OnProgress, Progress
from nextslice.simulation import open_splits, simulate

__all__ = ["Job", "Outcome", "run_jobs"]

_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class Job:
    """One run to do.

    Attributes:
        name: What to call it in the display.
        config: Its settings.
        out: Its folder.
        shared_trainings: See :class:`~nextslice.learner.ActiveLearner`.
    """

    name: str
    config: Config
    out: Path
    shared_trainings: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `error` is None where it succeeded."""

    job: Job
    error: NextsliceError | None = None


def run_jobs(
    jobs: Sequence[Job], *, on_progress: OnProgress, workers: int | None = None
) -> tuple[Outcome, ...]:
    """Do all runs; one that fails does not stop the others.

    Args:
        jobs: What to do, begun in this order.
        on_progress: Told about each run under its name, in training steps.
        workers: Processes; None takes as many as the cores can feed with the threads that
            each run wants.

    Returns:
        How each run ended, in the order of `jobs`.
    """
    if workers is None:
        wanted = max((job.config.threads for job in jobs), default=1)
        workers = max(1, (os.cpu_count() or 1) // wanted)
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        reports = manager.Queue()
        with ProcessPoolExecutor(workers, mp_context=context) as executor:
            futures = [executor.submit(_do, job, reports.put) for job in jobs]
            pending: set[Future[NextsliceError | None]] = set(futures)
            while pending:
                _, pending = wait(
                    pending, timeout=_SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED
                )
                _pass_on(reports, on_progress)
    return tuple(
        Outcome(job, future.result()) for job, future in zip(jobs, futures, strict=True)
    )


def _pass_on(reports: queue.Queue[Progress], on_progress: OnProgress) -> None:
    while True:
        try:
            on_progress(reports.get_nowait())
        except queue.Empty:
            return


def _do(job: Job, report: Callable[[Progress], None]) -> NextsliceError | None:
    """One run, in a worker."""
    config = job.config
    steps = config.training.steps
    total = steps * (config.cycles + 1)
    finished = 0

    def tell(progress: Progress) -> None:
        if progress.stage == "train":
            note = (
                f"cycle {finished}, {progress.note}" if progress.note else f"cycle {finished}"
            )
            report(Progress(job.name, finished * steps + progress.done, total, note))

    def count(cycle: int) -> None:
        nonlocal finished
        finished = cycle + 1
        report(Progress(job.name, finished * steps, total, f"cycle {cycle} done"))

    try:
        simulate(
            config,
            open_splits(config),
            job.out,
            shared_trainings=job.shared_trainings,
            on_progress=tell,
            on_cycle=lambda result: count(result.cycle),
        )
    except NextsliceError as error:
        return error
    return None
