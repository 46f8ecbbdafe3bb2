"""A grid of eight runs: side by side, against one after another with all threads."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Timings, say
from benchmarks.results import Measured, Plan, Target, compare
from nextslice.benchmark import Job, LocalProcesses
from nextslice.config import Config, resolve_config
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.progress import Progress
from nextslice.simulation import open_splits

ROW = 10
RUNS = 8


def measure(plan: Plan) -> Measured:
    steps, runs = (5, 2) if plan.smoke else (150, RUNS)
    cores = os.cpu_count() or 1
    seconds: dict[str, list[float]] = {"ours": [], "serial": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scans = write_phantom(folder / "scans", Phantom(patients=12))
        open_splits(_config(scans, steps, seed=0, threads=1))  # prepared before the clock runs
        for number in range(3):
            if (
                number
                and (number + 1) / number * sum(map(sum, seconds.values())) > plan.seconds
            ):
                break
            for way, threads, workers in (("ours", 1, None), ("serial", cores, 1)):
                out = folder / f"{way}-{number}"
                jobs = [
                    Job(f"seed {k}", _config(scans, steps, k, threads), out / str(k))
                    for k in range(runs)
                ]
                began = time.perf_counter()
                outcomes = LocalProcesses(workers).run(jobs, on_progress=_ignore)
                seconds[way].append(time.perf_counter() - began)
                for outcome in outcomes:
                    if outcome.error is not None:
                        raise RuntimeError(f"{outcome.job.name}: {outcome.error}")
                say(f"    {way}: {seconds[way][-1]:.1f} s")
    return Measured(
        [
            compare(
                ROW,
                f"a grid of {runs} runs of two trainings of {steps} steps (phantom)",
                Timings(seconds),
                "serial",
                peer_name=f"one after another, {cores} threads each",
                target=Target(1.5, "faster"),
                note="Ours: `LocalProcesses` as it chooses by itself, one thread a run, on "
                f"{cores} cores. Starting a process for each run is included on both sides.",
                reason="Runs side by side share the processor's caches and memory, and each "
                "run has to start a process.",
            )
        ]
    )


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
