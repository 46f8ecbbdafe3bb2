"""The list of rows, and how each is measured: in a process of its own.

A process of its own gives each row clean memory and its own number of threads, and a peer that
crashes takes no other row with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import say
from benchmarks.results import Measured, Plan, not_measured

__all__ = ["ROWS", "Row", "measure_row", "not_to_the_end"]


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        module: Where it is measured.
        work: What is measured, in a few words.
        targets: How many targets it has: so many are not met if it crashes.
        seconds: Its share of twenty minutes.
        threads: Processor threads.
    """

    module: str
    work: str
    targets: int
    seconds: float
    threads: int = 1


ROWS = {
    1: Row("row_01_stochastic_batches", "stochastic batches", 5, 60),
    2: Row("row_02_entropy", "entropy", 6, 110),
    3: Row("row_03_dropout", "MC dropout", 6, 100),
    4: Row("row_04_tta", "test-time augmentation", 5, 90),
    5: Row("row_05_core_set", "Core-set", 9, 90),
    6: Row("row_06_training_step", "training step", 8, 140),
    7: Row("row_07_metrics", "3D Dice and HD95", 2, 30),
    8: Row("row_08_cycle", "a whole cycle", 2, 120),
    9: Row("row_09_large_pool", "a pool larger than memory", 1, 50),
    10: Row("row_10_grid", "a grid of runs", 1, 310, threads=2),
}

_ROOT = Path(__file__).resolve().parents[1]


def measure_row(number: int, plan: Plan) -> Measured:
    """Measure a row in a new process; says so where that cannot be done."""
    row = ROWS[number]
    threads = str(row.threads)
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONPATH": os.pathsep.join(
            part for part in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if part
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "measured.json"
        command = [sys.executable, "-m", "benchmarks.child", str(number), str(answer)]
        command += [str(plan.seconds)] + (["--smoke"] if plan.smoke else [])
        limit = 180 + 3 * plan.seconds
        try:
            ended = subprocess.run(  # noqa: S603 - our own module
                command, env=environment, stdout=sys.stderr, timeout=limit, check=False
            )
            problem = f"its process ended with {ended.returncode}"
        except subprocess.TimeoutExpired:
            problem = f"it did not end within {limit:.0f} s"
        if answer.is_file():
            return Measured.read(answer)
    say(f"  row {number}: {problem}")
    return not_to_the_end(number, problem)


def not_to_the_end(number: int, why: str) -> Measured:
    """What is known of a row that crashed: that none of its targets can be called met."""
    row = ROWS[number]
    line = not_measured(number, row.work, why, targets=row.targets)
    return Measured([line], crashed=True)
