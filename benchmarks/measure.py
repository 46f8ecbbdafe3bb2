"""Times and memory, measured honestly.

Works that are compared take turns, after one round to warm up, and a ratio is the median of
the ratios within each round: what slows the machine for a while slows both sides of it. The
garbage collector rests while the clock runs.
"""

from __future__ import annotations

import gc
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

__all__ = [
    "MemoryPeak",
    "Ratio",
    "Stopwatch",
    "Timings",
    "interleaved",
    "memory_watch",
    "peak_allocated",
    "peak_tensor_bytes",
    "say",
    "timed",
]

Stopwatch = Callable[[], float]
"""Does a work once and returns the seconds that count."""


@dataclass(frozen=True)
class Ratio:
    """A median, and the lowest and highest that were seen."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.median:.3g}"
        return f"{self.median:.3g} ({self.low:.3g}–{self.high:.3g})"


@dataclass(frozen=True)
class Timings:
    """Seconds of each work in each round."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, over: str, under: str) -> Ratio:
        pairs = zip(self.seconds[over], self.seconds[under], strict=True)
        ratios = [a / b for a, b in pairs]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))

    @property
    def rounds(self) -> int:
        return len(next(iter(self.seconds.values())))


@dataclass
class MemoryPeak:
    """Highest bytes seen by :func:`memory_watch`, above those at its beginning."""

    resident: int = 0
    anonymous: int = 0


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)


def timed(work: Callable[[], object]) -> Stopwatch:
    """A stopwatch around all of `work`."""

    def watch() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return watch


def interleaved(
    works: Mapping[str, Stopwatch],
    *,
    seconds: float,
    least: int = 3,
    most: int = 9,
    warm_up: bool = True,
) -> Timings:
    """Measure works in turn: a, b, a, b ...

    Args:
        works: Name -> stopwatch.
        seconds: No new round begins after this long, once there are `least` rounds.
        least: Rounds that are measured whatever they take.
        most: Rounds that are enough.
        warm_up: Do each work once before, without counting it.
    """
    began = time.perf_counter()
    if warm_up:
        for watch in works.values():
            watch()
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(most):
        used = time.perf_counter() - began
        if number >= least and used * (1 + 1 / (number + warm_up)) > seconds:
            break
        for name, watch in works.items():
            with _no_garbage_collection():
                taken[name].append(watch())
        say("    " + ", ".join(f"{name} {times[-1]:.4g} s" for name, times in taken.items()))
    return Timings(taken)


def peak_allocated(work: Callable[[], object]) -> int:
    """Most bytes that Python and numpy held at once beyond those before the work."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - before


def peak_tensor_bytes(work: Callable[[], object]) -> int:
    """Most bytes of tensors that lived at once during the work, from torch's profiler."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        work()
    live = peak = 0
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


@contextmanager
def memory_watch(interval: float = 0.02) -> Iterator[MemoryPeak]:
    """Watch the memory of this process; on Linux, resident and anonymous apart."""
    peak, done, before = MemoryPeak(), threading.Event(), _resident()

    def watch() -> None:
        while not done.is_set():
            now = _resident()
            peak.resident = max(peak.resident, now[0] - before[0])
            peak.anonymous = max(peak.anonymous, now[1] - before[1])
            done.wait(interval)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _resident() -> tuple[int, int]:
    """All resident bytes, and those among them that no file stands behind."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    kilobytes = {
        line.split(":")[0]: int(line.split()[1])
        for line in lines
        if line.startswith(("VmRSS", "RssAnon"))
    }
    return kilobytes["VmRSS"] * 1024, kilobytes["RssAnon"] * 1024


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
