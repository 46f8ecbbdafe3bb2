"""Runs on a Ray cluster: one that is there, or one on this machine for the time it takes.

All nodes must have nextslice, the data set and the benchmark's folder under the same paths; a
run that loses its node goes on elsewhere from what it left in that folder.
"""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nextslice.benchmark.executor import Job, OnOutcome, Outcome, do, ignore_outcome
from nextslice.config import Config
from nextslice.errors import MissingExtraError, NextsliceError
from nextslice.progress import OnProgress, Progress
from nextslice.wording import clause, counted

__all__ = ["RayCluster"]

logger = logging.getLogger(__name__)

_EVERY_S: Final = 1.0  # how often a run tells how far it is
_PATIENCE_S: Final = 5.0  # to hear of it
_STORE_BYTES: Final = 100 * 2**20  # runs hand each other files, not objects
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves the machine
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # runs without a GPU leave GPUs alone
}
_ON_THIS_MACHINE: Final = {
    # In spite of its name: Ray then listens on 127.0.0.1 alone, on every system.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Without one Ray would leave one in the home folder. Ray looks for it once in a process.
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}


@dataclass(frozen=True)
class RayCluster:
    """Each run is a task that asks for the CPUs of its threads, and for a GPU if it wants one.

    Attributes:
        address: The cluster's, as ``HOST:PORT``, or "auto" for the one that this machine
            belongs to. None starts one on this machine and stops it at the end; it listens on
            127.0.0.1 alone and asks for a token that nobody else has. No dashboard is opened.
        retries: How often a run goes on elsewhere that has lost its process or its node.
    """

    address: str | None = None
    retries: int = 3

    @property
    def caution(self) -> str | None:
        """What to know about a cluster that others may reach; None where there is nothing."""
        if self.address is None or os.environ.get("RAY_AUTH_MODE", "").lower() == "token":
            return None
        return (
            f"The Ray cluster at {self.address} was not started by nextslice. Unless it was "
            "set up with RAY_AUTH_MODE=token, it asks nobody who they are: whoever reaches its "
            "ports can run programs on its machines and read what they can read, scans too. "
            "Keep it inside a network that you trust."
        )

    def run(
        self,
        jobs: Sequence[Job],
        *,
        on_progress: OnProgress,
        on_outcome: OnOutcome = ignore_outcome,
    ) -> tuple[Outcome, ...]:
        """See :meth:`nextslice.benchmark.executor.Executor.run`.

        Raises:
            MissingExtraError: Ray is not installed.
            NextsliceError: There is no cluster at the address.
        """
        with _connected(self.address) as ray:
            _warn_if_nothing_fits(ray, jobs)
            _warn_if_gpus_are_left_alone(ray, jobs)
            here = ray.get_runtime_context().get_node_id()
            ears = (
                ray.remote(num_cpus=0)(_Ears)
                .options(scheduling_strategy=_pinned_to(here), max_restarts=3)
                .remote()
            )
            task = ray.remote(max_calls=1)(_do_remotely)  # a process of its own for each run
            waiting: dict[Any, int] = {}
            outcomes: dict[int, Outcome] = {}
            try:
                for number, job in enumerate(jobs):
                    wanted = task.options(
                        name=job.name,
                        num_cpus=job.config.threads,
                        num_gpus=_gpus(job.config),
                        max_retries=self.retries,
                    )
                    waiting[wanted.remote(_anywhere(job), ears)] = number
                while waiting:
                    ended, _ = ray.wait(list(waiting), timeout=_EVERY_S)
                    for progress in _news(ray, ears):
                        on_progress(progress)
                    for reference in ended:
                        number = waiting.pop(reference)
                        outcomes[number] = self._outcome(ray, reference, jobs[number])
                        on_outcome(outcomes[number])
            finally:
                for reference in waiting:
                    ray.cancel(reference, force=True)
                ray.kill(ears)
        return tuple(outcomes[number] for number in range(len(jobs)))

    def _outcome(self, ray: Any, reference: object, job: Job) -> Outcome:
        try:
            outcome: Outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            lost = str(error).strip().splitlines() or [type(error).__name__]
            return Outcome(
                job,
                f"The run lost its process or its node, and could not go on elsewhere "
                f"({counted(self.retries, 'retry', 'retries')}): {clause(lost[0])}.",
            )
        return replace(outcome, job=job)


class _Ears:
    """Keeps the newest word of each run until somebody asks; lives beside who asks."""

    def __init__(self) -> None:
        self._heard: dict[str, Progress] = {}

    def hear(self, progress: Progress) -> None:
        """Take a run's word."""
        self._heard[progress.stage] = progress

    def news(self) -> list[Progress]:
        """What was heard since the last time."""
        news, self._heard = self._heard, {}
        return list(news.values())


def _news(ray: Any, ears: Any) -> list[Progress]:
    """What was heard since the last time; nothing where the listener is gone.

    Runs go on and end without anybody listening, and Ray starts the listener anew.
    """
    try:
        news: list[Progress] = ray.get(ears.news.remote(), timeout=_PATIENCE_S)
    except ray.exceptions.RayError as error:
        logger.debug("The listener is gone: %s", error)
        return []
    return news


def _do_remotely(job: Job, ears: Any) -> Outcome:
    """One run on whatever node; it tells how far it is, but not at every step."""
    told = 0.0

    def tell(progress: Progress) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told > _EVERY_S or progress.done % job.config.training.steps == 0:
            told = now
            ears.hear.remote(progress)

    return do(job, tell)


def _anywhere(job: Job) -> Job:
    """The run with paths that mean the same in any folder."""
    data = job.config.data
    data = data.model_copy(update={"folder": str(Path(data.folder).resolve())})
    shared = job.shared_trainings
    return replace(
        job,
        config=job.config.model_copy(update={"data": data}),
        out=job.out.resolve(),
        shared_trainings=None if shared is None else shared.resolve(),
    )


def _gpus(config: Config) -> int:
    return 1 if config.device.startswith("cuda") else 0


def _pinned_to(node: str) -> Any:
    strategies = importlib.import_module("ray.util.scheduling_strategies")
    return strategies.NodeAffinitySchedulingStrategy(node, soft=False)


def _warn_if_nothing_fits(ray: Any, jobs: Sequence[Job]) -> None:
    """A task that no node can take waits for ever, and Ray says nothing of it here."""
    cpus = max((job.config.threads for job in jobs), default=0)
    gpus = max((_gpus(job.config) for job in jobs), default=0)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
        logger.warning(
            "No node of the Ray cluster has %s and %s, which a run wants; runs wait until one "
            "joins. Fewer threads a run: --set threads=1",
            counted(cpus, "CPU"),
            counted(gpus, "GPU"),
        )


def _warn_if_gpus_are_left_alone(ray: Any, jobs: Sequence[Job]) -> None:
    """What "auto" means is decided where the benchmark is started, which may have no GPU."""
    there = sum(int(node["Resources"].get("GPU", 0)) for node in ray.nodes() if node["Alive"])
    if there and not any(_gpus(job.config) for job in jobs):
        logger.warning(
            "The Ray cluster has %s, and no run asks for one. To use them: --set device=cuda "
            "--set precision=bfloat16 (float32 for GPUs older than NVIDIA's Ampere)",
            counted(there, "GPU"),
        )


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to the cluster while the block runs.

    A connection that this process has already is used, and left as it is.
    """
    with _environment(_QUIET | (_ON_THIS_MACHINE if address is None else {})):
        try:
            ray: Any = importlib.import_module("ray")
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "Runs on a Ray cluster need the package ray, which is not installed.",
                remedy="pip install 'nextslice[ray]', or leave --ray out to run on this "
                "machine's own processes.",
            ) from error
        if ray.is_initialized():
            yield ray
            return
        common = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            if address is None:
                ray.init(
                    address="local",
                    num_cpus=os.cpu_count(),
                    object_store_memory=_STORE_BYTES,
                    include_dashboard=False,
                    **common,
                )
            else:
                _check_somebody_answers(address)
                ray.init(address=address, **common)
        except (OSError, RuntimeError, ValueError) as error:
            where = "on this machine" if address is None else f"at {address}"
            raise NextsliceError(
                f"Expected a Ray cluster {where}, got: {clause(str(error))}.",
                cause="" if address is None else "there is none, or it is out of reach.",
                remedy="" if address is None else "Try: ray status --address HOST:PORT",
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _check_somebody_answers(address: str) -> None:
    """Raise OSError at once where nobody does; Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:  # "auto" names no port
        if not port.isdigit():
            raise ValueError(f"the port {port!r} is no number")
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Ray is told some things by environment variables alone; what is set already counts.

    What Ray itself sets on the way goes with the rest.
    """
    before = set(os.environ)
    os.environ.update({name: value for name, value in wanted.items() if name not in before})
    try:
        yield
    finally:
        for name in {name for name in os.environ if name.startswith("RAY_")} - before:
            del os.environ[name]
