"""Runs in processes of this machine, side by side."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from nextslice.benchmark.executor import Job, OnOutcome, Outcome, do, ignore_outcome
from nextslice.errors import SettingsError
from nextslice.logs import tame_logs
from nextslice.progress import OnProgress, Progress
from nextslice.wording import counted

__all__ = ["LocalProcesses"]

logger = logging.getLogger(__name__)

_GRACE_S = 5.0


@dataclass(frozen=True)
class LocalProcesses:
    """Each run in a process of its own, several at a time.

    How many threads a run takes is one of its settings, because sums in another order round
    differently; how many runs go side by side changes nothing but the time. There are never
    more threads than cores: two that wait for each other on one core take far more than twice
    as long.

    Attributes:
        workers: Runs at a time; by default as many as the cores can feed with the threads
            that each run wants, and one where runs work on a GPU.
        retries: How often a run goes on from what it left, after all others, that has lost
            its process: somebody killed it, or the memory ran out.
    """

    workers: int | None = None
    retries: int = 1

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise SettingsError(f"Expected 1 worker or more, got {self.workers}.")

    def run(
        self,
        jobs: Sequence[Job],
        *,
        on_progress: OnProgress,
        on_outcome: OnOutcome = ignore_outcome,
    ) -> tuple[Outcome, ...]:
        """See :meth:`nextslice.benchmark.executor.Executor.run`.

        Raises:
            SettingsError: The workers would need more threads than there are cores.
        """
        workers = self.workers_for(jobs)
        waiting = deque(range(len(jobs)))
        at_work: dict[Connection, _Worker] = {}
        outcomes: dict[int, Outcome] = {}
        lost = [0] * len(jobs)
        try:
            while waiting or at_work:
                while waiting and len(at_work) < workers:
                    number = waiting.popleft()
                    worker = _started(number, jobs[number])
                    at_work[worker.told] = worker
                for ready in wait(list(at_work)):
                    assert isinstance(ready, Connection)  # noqa: S101 - nothing else is there
                    worker = at_work[ready]
                    try:
                        message = ready.recv()
                    except (EOFError, ConnectionError):  # the process has ended
                        del at_work[ready]
                        ready.close()
                        number = worker.number
                        outcome = worker.outcome or _died(jobs[number], worker, lost[number])
                        if worker.outcome is None and lost[number] < self.retries:
                            lost[number] += 1
                            logger.warning("%s Later it goes on.", outcome.error)
                            waiting.append(number)
                            continue
                        outcomes[number] = outcome
                        on_outcome(outcome)
                        continue
                    if isinstance(message, Progress):
                        on_progress(message)
                    else:
                        worker.outcome = message
        finally:
            _stop([worker.process for worker in at_work.values()])
        return tuple(outcomes[number] for number in range(len(jobs)))

    def workers_for(self, jobs: Sequence[Job]) -> int:
        """How many of these runs go side by side.

        Raises:
            SettingsError: They would need more threads than there are cores.
        """
        cores = os.cpu_count() or 1
        threads = max((job.config.threads for job in jobs), default=1)
        if self.workers is None:
            on_cpu = all(job.config.device == "cpu" for job in jobs)
            return max(1, cores // threads) if on_cpu else 1
        if self.workers > 1 and self.workers * threads > cores:
            raise SettingsError(
                f"Expected as many threads as cores at most: "
                f"{counted(self.workers, 'worker')} of {counted(threads, 'thread')} are more "
                f"than {counted(cores, 'core')}.",
                remedy=f"Give {counted(max(1, cores // threads), 'worker')} or fewer, or runs "
                "with fewer threads: --set threads=1",
            )
        return self.workers


@dataclass(eq=False)
class _Worker:
    number: int
    process: SpawnProcess
    told: Connection
    began: float
    outcome: Outcome | None = None


def _started(number: int, job: Job) -> _Worker:
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, theirs), daemon=True)
    with _interrupts_held_back():
        process.start()
    theirs.close()
    return _Worker(number, process, ours, time.monotonic())


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Processes started inside never see Ctrl-C: it reaches all of a terminal at once.

    Whoever started them stops them, and says so once.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _died(job: Job, worker: _Worker, before: int) -> Outcome:
    """The outcome of a run whose process ended without a word, as others did `before`."""
    worker.process.join()
    again = f", and {counted(before, 'retry', 'retries')} did not help" if before else ""
    return Outcome(
        job,
        f"The process of the run {job.name} ended with exit code {worker.process.exitcode}; "
        f"it was killed, or the memory ran out{again}.",
        time.monotonic() - worker.began,
    )


def _stop(processes: Sequence[SpawnProcess]) -> None:
    """End these processes and wait until they are gone, and their locks with them."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_GRACE_S)
        if process.exitcode is None:
            process.kill()
            process.join()


def _work(job: Job, report: Connection) -> None:
    """One run, in a process of its own that does not outlive the one that started it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tame_logs()
    try:
        report.send(do(job, report.send))
    except (BrokenPipeError, ConnectionError):
        os._exit(1)  # nobody listens any more


def _end_with_parent() -> None:
    """End this process with its parent, so that its runs are free for whoever comes next."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
