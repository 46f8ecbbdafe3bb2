"""Runs on local processes, side by side.

How many threads a run takes is one of its settings, because sums in another order round
differently; how many runs go side by side changes nothing but the time.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from nextslice.config import Config
from nextslice.errors import NextsliceError
from nextslice.progress import OnProgress, Progress
from nextslice.simulation import open_splits, simulate

__all__ = ["Job", "Outcome", "run_jobs"]


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
    """How a run ended.

    Attributes:
        job: The run.
        error: Why it failed, in words; None where it succeeded.
    """

    job: Job
    error: str | None = None


def run_jobs(
    jobs: Sequence[Job], *, on_progress: OnProgress, workers: int | None = None
) -> tuple[Outcome, ...]:
    """Do all runs, each in a process of its own; one that fails does not stop the others.

    Args:
        jobs: What to do, begun in this order.
        on_progress: Told about each run under its name, in training steps.
        workers: Processes at a time; None takes as many as the cores can feed with the
            threads that each run wants.

    Returns:
        How each run ended, in the order of `jobs`.
    """
    if workers is None:
        wanted = max((job.config.threads for job in jobs), default=1)
        workers = max(1, (os.cpu_count() or 1) // wanted)
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    waiting = deque(range(len(jobs)))
    at_work: dict[Connection, tuple[int, SpawnProcess]] = {}
    errors: list[str | None] = [None] * len(jobs)
    try:
        while waiting or at_work:
            while waiting and len(at_work) < workers:
                number = waiting.popleft()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_do, args=(jobs[number], theirs), daemon=True)
                process.start()
                theirs.close()
                at_work[ours] = number, process
            for ready in wait(list(at_work)):
                assert isinstance(ready, Connection)  # noqa: S101 - nothing else is waited for
                number, process = at_work[ready]
                try:
                    message = ready.recv()
                except EOFError:  # the process has ended
                    del at_work[ready]
                    errors[number] = errors[number] or _how_it_died(process)
                    ready.close()
                    continue
                if isinstance(message, Progress):
                    on_progress(message)
                else:
                    errors[number] = str(message)
    finally:
        for _, process in at_work.values():
            process.terminate()
    return tuple(Outcome(job, error) for job, error in zip(jobs, errors, strict=True))


def _how_it_died(process: SpawnProcess) -> str | None:
    """Why a process ended without a word; None where it ended well."""
    process.join()
    if process.exitcode == 0:
        return None
    return (
        f"The process of the run ended with exit code {process.exitcode}; it was killed, or "
        "the memory ran out."
    )


def _do(job: Job, report: Connection) -> None:
    """One run, in a process of its own."""
    steps = job.config.training.steps
    total = steps * (job.config.cycles + 1)
    finished = 0

    def tell(progress: Progress) -> None:
        if progress.stage == "train":
            done = finished * steps + progress.done
            note = f"cycle {finished} {progress.note}".rstrip()
            report.send(Progress(job.name, done, total, note))

    def count(cycle: int) -> None:
        nonlocal finished
        finished = cycle + 1
        report.send(Progress(job.name, finished * steps, total, f"cycle {cycle} done"))

    try:
        simulate(
            job.config,
            open_splits(job.config),
            job.out,
            shared_trainings=job.shared_trainings,
            on_progress=tell,
            on_cycle=lambda result: count(result.cycle),
        )
    except NextsliceError as error:
        report.send(str(error))
    except KeyboardInterrupt:
        report.send("Stopped.")
    except Exception as error:  # a plug-in may raise anything: then its run has failed
        report.send(f"{type(error).__name__}: {error}")
