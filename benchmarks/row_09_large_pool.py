"""A pool of 10^6 slices of 128x128 on disk: how much memory scoring it takes."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.measure import memory_watch, say
from benchmarks.results import Measured, Plan, Result, Target, not_measured, quantity
from nextslice.data.slices import LazySlices
from nextslice.models.inference import SegmentationModel
from nextslice.progress import Progress
from nextslice.uncertainty import Entropy

ROW = 9
SLICES = 1_000_000
SIDE = 128
SLICE = SIDE * SIDE * 4  # bytes
TARGET = Target(2, "at most")


class EnoughError(Exception):
    """The time is used up."""


@dataclass(frozen=True)
class Pass:
    """How far scoring came, and what it held at its height."""

    done: int
    seconds: float
    resident: int
    anonymous: int
    halfway: int  # the peak when half as many slices were done

    @property
    def growing(self) -> bool:
        return self.resident > 1.1 * self.halfway


def measure(plan: Plan) -> Measured:
    pool = f"a pool of {SLICES:,} slices of {SIDE}x{SIDE} on disk"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        try:
            shape = (SLICES, SIDE, SIDE)
            np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        except OSError as error:
            why = f"no sparse file of {_gigabytes(SLICES * SLICE):.0f} GB: {error}"
            return Measured([not_measured(ROW, f"scoring {pool}", why, target=TARGET)])
        # As a pool opens it: mapped, and nothing of it in memory until somebody asks.
        source = np.asarray(np.load(path, mmap_mode="r"))
        passed = _scored(source, 5 if plan.smoke else plan.seconds * 0.8)
    return Measured([_line(pool, passed)])


def _line(pool: str, passed: Pass) -> Result:
    whole = passed.done == SLICES
    held = _gigabytes(passed.resident)
    share = "all of it" if whole else f"its first {passed.done:,}, then stopped"
    result = quantity(
        ROW,
        f"scoring {pool}, a sparse file, with a network of one convolution ({share}): "
        "peak memory",
        held,
        TARGET,
        ours=f"{held:.2f} GB",
        peer=f"{_gigabytes(passed.done * SLICE):.1f} GB",
        peer_name="the slices that were read",
        unit=" GB above the model",
        note=f"Resident memory after {passed.seconds:.0f} s of scoring; "
        f"{_gigabytes(passed.anonymous):.2f} GB of it is the process's own, the rest is pages "
        "of the mapped file. Entropy; the network is that small so that reading counts.",
        reason="Pages of a mapped file stay resident once they were read, until they are given "
        "back or the system wants the memory for something else.",
    )
    if result.met and not whole and passed.growing:
        note = f"{result.note} It was still growing when it was stopped, hence no verdict."
        return replace(result, met=None, unmeasured=1, note=note)
    return result


def _scored(source: np.ndarray, seconds: float) -> Pass:
    images = LazySlices(source, np.arange(SLICES))
    torch.manual_seed(0)
    network = nn.Conv2d(1, 2, kernel_size=1)
    model = SegmentationModel(network, classes=2, device="cpu")
    Entropy().score(model, images.select(slice(0, 8)), seed=0)
    peaks: list[tuple[int, int]] = []
    began = time.perf_counter()

    with memory_watch() as peak:

        def on_progress(progress: Progress) -> None:
            peaks.append((progress.done, peak.resident))
            if progress.done % 40_000 == 0:
                say(f"    {progress.done:,} slices, {_gigabytes(peak.resident):.2f} GB")
            if time.perf_counter() - began > seconds:
                raise EnoughError

        with contextlib.suppress(EnoughError):
            Entropy().score(model, images, seed=0, on_progress=on_progress)
    done = peaks[-1][0]
    halfway = next(resident for count, resident in peaks if count >= done / 2)
    taken = time.perf_counter() - began
    return Pass(done, taken, peak.resident, peak.anonymous, halfway)


def _gigabytes(size: int) -> float:
    return size / 2**30
