"""Runs on a Ray cluster: one that is there, or one on this machine for the time it takes.

All nodes must have the same nextslice, and the data set and the benchmark's folder under the
same paths; a run that loses its node goes on elsewhere from what it left in that folder.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nextslice.benchmark.connecting import connected
from nextslice.benchmark.executor import Job, OnOutcome, Outcome, do, ignore_outcome
from nextslice.code_hashes import differing_files, hashes_of_nextslice
from nextslice.config import Config
from nextslice.errors import NextsliceError, SettingsError
from nextslice.logs import tame_logs
from nextslice.models.devices import resolve_device
from nextslice.progress import OnProgress, Progress
from nextslice.wording import a_few, clause, counted

__all__ = ["RayCluster"]

logger = logging.getLogger(__name__)

_EVERY_S: Final = 1.0  # how often a run tells how far it is
_PATIENCE_S: Final = 5.0  # to hear of it


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
        with connected(self.address) as ray:
            _warn_if_nothing_fits(ray, jobs)
            _warn_if_gpus_are_left_alone(ray, jobs)
            here = ray.get_runtime_context().get_node_id()
            ears = (
                ray.remote(num_cpus=0)(_Ears)
                .options(scheduling_strategy=_pinned_to(here), max_restarts=3)
                .remote()
            )
            task = ray.remote(max_calls=1)(_do_remotely)  # a process of its own for each run
            code = hashes_of_nextslice()
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
                    waiting[wanted.remote(_anywhere(job), ears, code)] = number
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


def _do_remotely(job: Job, ears: Any, code: Mapping[str, str]) -> Outcome:
    """One run on whatever node; it tells how far it is, but not at every step.

    Args:
        job: The run.
        ears: Hear of it.
        code: The code of nextslice where the benchmark was started.
    """
    tame_logs()
    missing = None if job.accept_changes else _other_code(code)
    missing = missing or _missing_device(job.config)
    if missing is not None:
        return Outcome(job, missing)
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


def _missing_device(config: Config) -> str | None:
    """What to say where this node has not the device that Ray was told it has."""
    try:
        resolve_device(config.device)
    except SettingsError as error:
        return str(
            NextsliceError(
                f"Expected a GPU on the node {socket.gethostname()}, which told Ray that it "
                f"has one; PyTorch there finds none: {clause(error.problem)}.",
                cause="the node was started with --num-gpus and has no GPU, its driver is "
                "missing, or its PyTorch was installed without CUDA.",
                remedy="Mend that node, or take it out of the cluster, and repeat the command: "
                "what is finished is not done again.",
            )
        )
    return None


def _other_code(wanted: Mapping[str, str]) -> str | None:
    """What to say where this node's nextslice would come to other results."""
    files = differing_files(wanted, hashes_of_nextslice())
    if not files:
        return None
    return str(
        NextsliceError(
            f"Expected the node {socket.gethostname()} to have the nextslice of the machine "
            f"that started the benchmark, got {counted(len(files), 'other file')}: "
            f"{a_few(files)}.",
            cause="another version is installed on that node, or a copy that was edited.",
            remedy="Install the same there, or take that node out of the cluster, and repeat "
            "the command. To have runs done by whatever is there: --accept-changes.",
        )
    )


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
