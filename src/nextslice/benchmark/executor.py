"""What a run is to whoever does it, and the work itself, wherever it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from nextslice.config import Config
from nextslice.discretion import traced
from nextslice.errors import NextsliceError, ProjectError, ProjectLockedError
from nextslice.files import write_atomically
from nextslice.progress import OnProgress, Progress
from nextslice.project.opening import FAILURE
from nextslice.simulation import open_splits, simulate

__all__ = ["Executor", "Job", "OnOutcome", "Outcome", "do", "folders_of", "ignore_outcome"]

_PATIENCE_S: Final = 60.0


@dataclass(frozen=True)
class Job:
    """One run to do.

    Attributes:
        name: What to call it in the display; in a grid ``strategy/seed``.
        config: Its settings.
        out: Its folder.
        shared_trainings: See :class:`~nextslice.learner.ActiveLearner`.
        accept_changes: The same.
    """

    name: str
    config: Config
    out: Path
    shared_trainings: Path | None = None
    accept_changes: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        job: The run.
        error: Why it failed, in words; None where it succeeded.
        seconds: How long it was at work in this attempt, by the clock; None where it was
            finished before, or was lost on another machine.
        traceback: The file in the run's folder that shows where in the code it failed; None
            where there is none.
    """

    job: Job
    error: str | None = None
    seconds: float | None = None
    traceback: str | None = None


def folders_of(job: Job) -> tuple[Path, ...]:
    """The folders whose files a note beside the run may name."""
    shared = () if job.shared_trainings is None else (job.shared_trainings,)
    return (job.out, Path(job.config.data.folder), *shared)


OnOutcome = Callable[[Outcome], None]
"""Told of each run as soon as it has ended."""


def ignore_outcome(_: Outcome) -> None:
    """The default listener: nobody waits."""


class Executor(Protocol):
    """Does runs, each by itself; where and how many at a time is its own matter.

    How a run ends depends on its settings alone, so that all executors give the same results
    to the last bit on machines of one kind.
    """

    def run(
        self,
        jobs: Sequence[Job],
        *,
        on_progress: OnProgress,
        on_outcome: OnOutcome = ignore_outcome,
    ) -> tuple[Outcome, ...]:
        """Do all runs; one that fails does not stop the others.

        Args:
            jobs: What to do, begun in this order.
            on_progress: Told about each run under its name, in training steps.
            on_outcome: Told of each run that ends.

        Returns:
            How each run ended, in the order of `jobs`.
        """
        ...


def do(job: Job, on_progress: OnProgress) -> Outcome:
    """Do one run in this process, or go on with it; never raises.

    Args:
        job: The run.
        on_progress: Told under the run's name how many training steps of all are done.
    """
    began = time.monotonic()
    steps = job.config.training.steps
    total = steps * (job.config.cycles + 1)
    recorded = 0

    def tell(progress: Progress) -> None:
        nonlocal recorded
        if progress.stage == "cycles":
            recorded = progress.done
            on_progress(Progress(job.name, recorded * steps, total))
        elif progress.stage == "train":
            on_progress(
                Progress(job.name, recorded * steps + progress.done, total, progress.note)
            )

    def outcome(error: str | None, traceback: str | None = None) -> Outcome:
        return Outcome(job, error, time.monotonic() - began, traceback)

    try:
        splits = open_splits(job.config)
        while True:
            try:
                simulate(
                    job.config,
                    splits,
                    job.out,
                    shared_trainings=job.shared_trainings,
                    accept_changes=job.accept_changes,
                    on_progress=tell,
                )
            except ProjectLockedError:
                # Whoever was killed or lost at this run may need a moment to be gone.
                if time.monotonic() - began > _PATIENCE_S:
                    raise
                time.sleep(0.5)
            else:
                (job.out / FAILURE).unlink(missing_ok=True)
                return outcome(None)
    except ProjectError as error:  # about the folder itself, which may be somebody else's
        return outcome(str(error))
    except NextsliceError as error:
        return outcome(str(error), _kept_traceback(job, error))
    except Exception as error:  # a plug-in may raise anything: then its run has failed
        return outcome(f"{type(error).__name__}: {error}", _kept_traceback(job, error))


def _kept_traceback(job: Job, error: Exception) -> str | None:
    """Write where in the code the run has failed into its folder; None where that fails."""
    try:
        job.out.mkdir(parents=True, exist_ok=True)
        where = traced(error, *folders_of(job))
        write_atomically(job.out / FAILURE, where + "\n", "failure")
    except OSError:  # the disk is full, which may be what the run failed of
        return None
    return FAILURE
