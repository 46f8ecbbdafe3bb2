"""A grid of eight runs: side by side, against one after another with all threads."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.measure import Timings, say, timed
from benchmarks.results import Measured, Plan, Target, compare
from nextslice.benchmark import Job, LocalProcesses
from nextslice.config import Config, resolve_config
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.progress import Progress
from nextslice.simulation import open_splits, simulate

ROW = 10
RUNS = 8


def measure(plan: Plan) -> Measured:
    steps, runs = (5, 2) if plan.smoke else (200, RUNS)
    cores = os.cpu_count() or 1
    seconds: dict[str, list[float]] = {"ours": [], "serial": []}
    ways = [("ours", 1, _side_by_side), ("serial", cores, _one_after_another)]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scans = write_phantom(folder / "scans", Phantom(patients=12))
        open_splits(_config(scans, steps, seed=0, threads=1))  # prepared before the clock runs
        for number in range(2):
            if number and 2 * (time.perf_counter() - began) > plan.seconds:
                break
            for way, threads, work in ways:
                jobs = [
                    Job(
                        f"seed {k}",
                        _config(scans, steps, k, threads),
                        folder / f"{way}-{number}" / str(k),
                    )
                    for k in range(runs)
                ]
                seconds[way].append(timed(partial(work, jobs))())
                say(f"    {way}: {seconds[way][-1]:.1f} s")
            ways.reverse()  # whoever comes second finds a warmer machine, or a tired one
    return Measured(
        [
            compare(
                ROW,
                f"a grid of {runs} runs of two trainings of {steps} steps (phantom)",
                Timings(seconds),
                "serial",
                peer_name=f"one after another in one process, {cores} threads",
                target=Target(1.5, "faster"),
                note=f"Ours: `LocalProcesses` as it chooses by itself, a process and one "
                f"thread for each run, on {cores} cores. The peer starts one process for all "
                f"runs, ours starts {runs}; that is inside both times.",
                reason="Runs side by side share the processor's caches and memory, and each "
                "run has to start a process.",
            )
        ]
    )


def _side_by_side(jobs: list[Job]) -> None:
    for outcome in LocalProcesses().run(jobs, on_progress=_ignore):
        if outcome.error is not None:
            raise RuntimeError(f"{outcome.job.name}: {outcome.error}")


def _one_after_another(jobs: list[Job]) -> None:
    """What a loop in a script does: one process, with all threads, for all runs."""
    child = multiprocessing.get_context("spawn").Process(target=_loop, args=(jobs,))
    child.start()
    child.join()
    if child.exitcode != 0:
        raise RuntimeError(f"The runs one after another ended with {child.exitcode}.")


def _loop(jobs: list[Job]) -> None:
    for job in jobs:
        simulate(job.config, open_splits(job.config), job.out)


def _config(scans: Path, steps: int, seed: int, threads: int) -> Config:
    return resolve_config(
        "quick",
        {
            "data": {"folder": str(scans), "size": [56, 56]},
            "split": {"test": 3},
            "training": {"steps": steps, "steps_per_epoch": 50},
            "uncertainty": "entropy",
            "selection": "stochastic-batches",
            "cycles": 1,
            "seed": seed,
            "threads": threads,
        },
    )


def _ignore(_: Progress) -> None:
    """Nobody watches."""
