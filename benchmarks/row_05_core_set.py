"""Core-set, against scikit-activeml and a full matrix of distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Stopwatch, Timings, interleaved, peak_allocated, say, timed
from benchmarks.profiling import python_profile
from benchmarks.results import (
    Curve,
    Measured,
    Plan,
    Result,
    Target,
    compare,
    not_measured,
    quantity,
    seconds_text,
)
from nextslice.selection import CoreSet
from nextslice.selection.base import Context

try:
    from skactiveml.pool import CoreSet as TheirCoreSet

    NO_PEER = ""
except ImportError as error:
    NO_PEER = str(error)

ROW = 5
POOL = 7_163  # the paper's hippocampus pool
LARGE = 100_000
FEATURES = 512
LABELLED = 10
PEER = "scikit-activeml's `CoreSet`"
MATRIX = "full distance matrix"

Vectors = NDArray[np.float32]


def measure(plan: Plan) -> Measured:
    pool, large = (300, 600) if plan.smoke else (POOL, LARGE)
    results: list[Result] = []
    curves = {name: Curve(name, []) for name in ("ours", "peer", "matrix")}
    for slices, budget, share in (
        (pool // 7, 10, 0.05),
        (pool, 10, 0.1),
        (pool, 50 if plan.smoke else 500, 0.25),
        (large, 10, 0.25),
    ):
        say(f"  Core-set, N = {slices:,}, B = {budget}")
        features = random_features(slices)
        with_matrix = slices <= pool
        works: dict[str, Stopwatch] = {"ours": timed(ours(features, budget))}
        if not NO_PEER:
            works["peer"] = timed(theirs(features, budget))
        if with_matrix:
            works["matrix"] = timed(by_matrix(features, budget))
        least = 3 if budget == 10 else 1
        timings = interleaved(works, seconds=plan.seconds * share, least=least, most=5)
        if budget == 10:
            for name in works:
                curves[name].points.append((slices, timings.median(name)))
        if slices >= pool:
            results += _lines(slices, budget, timings, features)
    results += _large_budget(large, plan)
    results.append(_memory(pool))
    results += _same_picks(pool)
    shown = {"ours": "nextslice", "peer": "scikit-activeml", "matrix": MATRIX}
    found = [Curve(shown[name], curve.points) for name, curve in curves.items()]
    return Measured(
        results,
        curves=[Curve(f"Core-set: {c.name}", c.points) for c in found if c.points],
    )


def random_features(slices: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).standard_normal((slices, FEATURES), dtype=np.float32)


def ours(features: Vectors, budget: int) -> Callable[[], NDArray[np.intp]]:
    """The first rows are labelled, the others may be picked."""
    context = Context(features=features[LABELLED:], labelled_features=features[:LABELLED])
    scores = np.zeros(len(features) - LABELLED)
    rng = np.random.default_rng(0)
    return lambda: CoreSet().select(scores, rng=rng, budget=budget, context=context) + LABELLED


def theirs(features: Vectors, budget: int) -> Callable[[], NDArray[np.intp]]:
    labels = np.full(len(features), np.nan)
    labels[:LABELLED] = 0

    def run() -> NDArray[np.intp]:
        strategy = TheirCoreSet(random_state=0)
        picked: NDArray[np.intp] = strategy.query(features, labels, batch_size=budget)
        return picked

    return run


def by_matrix(features: Vectors, budget: int) -> Callable[[], NDArray[np.intp]]:
    """All squared distances first, in place in one matrix; then the greedy choice."""

    def run() -> NDArray[np.intp]:
        lengths = np.einsum("ij,ij->i", features, features)
        distances = features @ features.T  # squared, below; the farthest is the same
        distances *= -2
        distances += lengths[:, None]
        distances += lengths
        nearest = distances[:LABELLED].min(axis=0)
        picked = np.empty(budget, np.intp)
        for rank in range(budget):
            picked[rank] = nearest.argmax()
            nearest = np.minimum(nearest, distances[picked[rank]])
        return picked

    return run


def _lines(slices: int, budget: int, timings: Timings, features: Vectors) -> list[Result]:
    work = f"Core-set, N = {slices:,}, B = {budget}, {FEATURES} features"
    target = Target(5, "faster")

    begun = timed(ours(features, 1))()
    beginning = (
        f"Of ours, {seconds_text(begun)} are over with the first pick: checking and centring "
        "the features and their distances to the labelled slices."
    )

    def against(name: str, peer_name: str, note: str, reason: str) -> Result:
        return compare(
            ROW,
            work,
            timings,
            name,
            peer_name=peer_name,
            target=target,
            note=note,
            reason=reason,
            profile=lambda: python_profile(ours(features, budget)),
        )

    results = [
        not_measured(ROW, work, NO_PEER, peer_name=PEER, target=target)
        if NO_PEER
        else against(
            "peer",
            PEER,
            "",
            f"Both compute one column of distances for each pick. {beginning}",
        )
    ]
    if "matrix" in timings.seconds:
        results.append(
            against(
                "matrix",
                MATRIX,
                f"The matrix has {slices**2 * 4 / 2**20:.0f} MB; for N = {LARGE:,} it "
                f"would have {LARGE**2 * 4 / 2**30:.0f} GB, so it is left out there.",
                "Both make one pass for each pick. The matrix is paid once, whatever the "
                "budget: then a pick reads one row of it, while every pick of ours reads all "
                f"features again. {beginning}",
            )
        )
    return results


def _large_budget(slices: int, plan: Plan) -> list[Result]:
    """500 picks from the large pool: ours in full, the peer from a line through two budgets."""
    budget, few, more = (20, 5, 10) if plan.smoke else (500, 20, 60)
    say(f"  Core-set, N = {slices:,}, B = {budget}")
    work = f"Core-set, N = {slices:,}, B = {budget}, {FEATURES} features"
    if NO_PEER:
        return [not_measured(ROW, work, NO_PEER, peer_name=PEER, target=Target(5, "faster"))]
    features = random_features(slices)
    theirs(features, 2)()
    mine = timed(ours(features, budget))()
    short, longer = (timed(theirs(features, count))() for count in (few, more))
    # Its set-up is paid once and must not be multiplied with the picks.
    each = (longer - short) / (more - few)
    scaled = Timings({"ours": [mine], "peer": [short + each * (budget - few)]})
    result = compare(
        ROW,
        work,
        scaled,
        "peer",
        peer_name=PEER,
        target=Target(5, "faster"),
        note=f"The peer's time is extrapolated from {few} picks "
        f"({seconds_text(short)}) and {more} picks ({seconds_text(longer)}).",
        reason="Each pick reads all features once, and that is what takes the time.",
        profile=lambda: python_profile(ours(features, few)),
    )
    return [replace(result, peer=f"{result.peer} (extrapolated)")]


def _memory(slices: int) -> Result:
    """Extra memory for a pool and for four times as many slices."""
    say("  memory of Core-set")
    small, large = (
        peak_allocated(ours(random_features(count), 10)) for count in (slices, 4 * slices)
    )
    bytes_each = FEATURES * 4
    return quantity(
        ROW,
        f"Core-set, peak extra memory, N = {4 * slices:,}",
        large / small,
        Target(4.4, "at most"),
        ours=f"{large / 2**20:.0f} MB",
        peer=f"{small / 2**20:.0f} MB",
        peer_name=f"the same with N = {slices:,}",
        unit="× the memory of a quarter of the slices",
        note=f"{large / (4 * slices) / bytes_each:.2f} of the features' own size.",
    )


def _same_picks(slices: int) -> list[Result]:
    """Whether the greedy choice picks the same slices, one after another, by every way."""
    picks = 50
    features = random_features(slices)
    mine = ours(features, picks)()
    work, target = f"Core-set, {picks} picks from {slices:,} slices", Target(picks, "at least")

    def against(way: Callable[[], NDArray[np.intp]], name: str) -> Result:
        return quantity(
            ROW,
            f"{work}: the same pick at the same rank",
            int((mine == way()).sum()),
            target,
            ours="–",
            peer_name=name,
            reason="Two slices equally far but for rounding: from there on the picks part.",
        )

    return [
        against(by_matrix(features, picks), MATRIX),
        not_measured(ROW, work, NO_PEER, peer_name=PEER, target=target)
        if NO_PEER
        else against(theirs(features, picks), PEER),
    ]
