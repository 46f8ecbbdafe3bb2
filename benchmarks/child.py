"""What a row's own process does: measure, and leave the numbers in a file."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

import torch

from benchmarks.results import Plan
from benchmarks.rows import ROWS, not_to_the_end

if __name__ == "__main__":
    number, answer, seconds = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    row = ROWS[number]
    torch.set_num_threads(row.threads)
    try:
        module = importlib.import_module(f"benchmarks.{row.module}")
        measured = module.measure(Plan(seconds, smoke="--smoke" in sys.argv))
    except Exception as error:  # whatever it is, the page must say it
        traceback.print_exc()
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        measured = not_to_the_end(number, why)
    measured.write(answer)
