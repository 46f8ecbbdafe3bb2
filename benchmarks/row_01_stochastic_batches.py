"""Stochastic batches over 10^3 ... 10^7 scores, against shuffling alone and Python lists."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np

from benchmarks.measure import Stopwatch, Timings, interleaved, peak_allocated, say, timed
from benchmarks.profiling import python_profile
from benchmarks.results import Curve, Measured, Plan, Result, Target, compare, quantity
from nextslice.selection import StochasticBatches

ROW = 1
BUDGET = 10


def measure(plan: Plan) -> Measured:
    exponents = range(3, 6) if plan.smoke else range(3, 8)
    ours, shuffles, lists = Curve("nextslice", []), Curve("permutation", []), Curve("lists", [])
    results: list[Result] = []
    for exponent in exponents:
        slices = 10**exponent
        say(f"  stochastic batches over 10^{exponent} scores")
        scores = np.random.default_rng(1).random(slices)
        rng = np.random.default_rng(0)
        again = max(1, 10**6 // slices)
        works = {
            "ours": repeated(_ours(scores, rng), again),
            "permutation": repeated(_permutation(slices, rng), again),
        }
        timings = interleaved(works, seconds=plan.seconds / 5, least=5, most=15)
        ours.points.append((slices, timings.median("ours") / again))
        shuffles.points.append((slices, timings.median("permutation") / again))
        if slices == 10 ** exponents[-1]:
            results, as_lists = _largest(scores, timings, again)
            lists.points.append((slices, as_lists))
        else:
            few = max(1, again // 20)
            works = {"lists": repeated(_lists(scores.tolist()), few)}
            taken = interleaved(works, seconds=2, least=1, most=3, warm_up=False)
            lists.points.append((slices, taken.median("lists") / few))
    results += _growth(ours, shuffles)
    return Measured(results, curves=[ours, shuffles, lists])


def _largest(scores: np.ndarray, timings: Timings, again: int) -> tuple[list[Result], float]:
    """The lines about the largest pool, and how long the lists took."""
    slices = len(scores)
    work = f"stochastic batches over {slices:,} scores, B = {BUDGET}"
    rng = np.random.default_rng(0)
    select = _ours(scores, rng)
    say(f"  Python lists over {slices:,} scores")
    select()
    plain = {"ours": timed(select), "lists": timed(_lists(scores.tolist()))}
    against_lists = interleaved(plain, seconds=0, least=1, warm_up=False)
    memory = peak_allocated(select)
    equal = peak_allocated(_ours(np.zeros(slices), rng))
    floor = timings.median("permutation") / again
    floor_ratio = against_lists.median("lists") / floor
    results = [
        compare(
            ROW,
            work,
            timings,
            "permutation",
            peer_name="`Generator.permutation` alone",
            target=Target(1.3, "time"),
            per=(again, ""),
            reason="Moving the scores along with the rows and adding them up is what comes on "
            "top of a shuffle.",
            profile=lambda: python_profile(select),
        ),
        compare(
            ROW,
            work,
            against_lists,
            "lists",
            peer_name="plain Python lists",
            target=Target(100, "faster"),
            reason=f"The permutation alone is {floor_ratio:.0f}× as fast as the lists: whoever "
            "shuffles all slices with numpy can be no faster than that.",
            profile=lambda: python_profile(select),
        ),
        quantity(
            ROW,
            f"peak extra memory over {slices:,} scores",
            memory / scores.nbytes,
            Target(2, "at most"),
            ours=f"{memory / 2**20:.0f} MB",
            peer=f"{scores.nbytes / 2**20:.0f} MB",
            peer_name="one array of scores",
            unit=" arrays of N",
            note="What numpy reports to tracemalloc.",
        ),
        quantity(
            ROW,
            f"peak extra memory over {slices:,} equal scores",
            equal / scores.nbytes,
            Target(2, "at most"),
            ours=f"{equal / 2**20:.0f} MB",
            peer=f"{scores.nbytes / 2**20:.0f} MB",
            peer_name="one array of scores",
            unit=" arrays of N",
            note="All scores 0: every batch is as good as every other and is looked at again.",
            reason="What is looked at again is cut into blocks of a fixed size, which weighs "
            "more in a small pool.",
        ),
    ]
    return results, against_lists.median("lists")


def _growth(ours: Curve, shuffles: Curve) -> list[Result]:
    """How the time grows over the two largest decades: against N, and against a shuffle."""

    def exponent(curve: Curve) -> float:
        (few, fast), (many, slow) = curve.points[-3], curve.points[-1]
        return math.log(slow / fast) / math.log(many / few)

    mine, floor = exponent(ours), exponent(shuffles)
    first, last = ours.points[-3][0], ours.points[-1][0]
    work = f"growth of the time from {first:,} to {last:,} scores"
    return [
        quantity(
            ROW,
            work,
            mine,
            Target(1.05, "at most"),
            ours=f"N^{mine:.2f}",
            peer="N^1",
            peer_name="linear growth",
            unit=" as the exponent of N",
            note="The bound leaves 0.05 to chance.",
            reason="No step does more than N operations, but a shuffle walks through memory at "
            "random, and each step of it waits longer once the pool outgrows the processor's "
            f"caches: the permutation alone grows as N^{floor:.2f}.",
        ),
        quantity(
            ROW,
            work,
            mine / floor,
            ours=f"N^{mine:.2f}",
            peer=f"N^{floor:.2f}",
            peer_name="`Generator.permutation` alone",
            note="For comparison: one exponent divided by the other.",
        ),
    ]


def repeated(work: Callable[[], object], times: int) -> Stopwatch:
    """A stopwatch around several runs, for works that are too short for one."""

    def several() -> None:
        for _ in range(times):
            work()

    return timed(several)


def _permutation(slices: int, rng: np.random.Generator) -> Callable[[], object]:
    return lambda: rng.permutation(slices)


def _ours(scores: np.ndarray, rng: np.random.Generator) -> Callable[[], object]:
    return lambda: StochasticBatches(BUDGET).select(scores, rng=rng)


def _lists(scores: list[float]) -> Callable[[], object]:
    """The obvious way without numpy: shuffle, cut, average, take the best."""

    def select() -> list[int]:
        rows = list(range(len(scores)))
        random.Random(0).shuffle(rows)  # noqa: S311
        batches = [rows[i : i + BUDGET] for i in range(0, len(rows) - BUDGET + 1, BUDGET)]
        means = [sum(scores[row] for row in batch) / BUDGET for batch in batches]
        return batches[max(range(len(means)), key=means.__getitem__)]

    return select
