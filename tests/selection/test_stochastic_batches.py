"""The paper's algorithm 1 and its limits."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nextslice.errors import SelectionError
from nextslice.selection import Random, StochasticBatches, TopK, strength
from nextslice.types import Scores

_FOLD: dict[str, Callable[[Scores], float]] = {"mean": np.mean, "max": np.max, "sum": np.sum}

# Few distinct values among them, so that ties are common.
scores_arrays = hnp.arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 0.5, 1.0])),
)


@given(scores_arrays, st.integers(1, 20), st.integers(0, 5), st.sampled_from(sorted(_FOLD)))
def test_the_chosen_batch_is_the_best_of_the_batches_of_one_shuffle(
    scores: Scores, budget: int, seed: int, aggregation: Literal["mean", "max", "sum"]
) -> None:
    """Equations 1 to 4 by brute force: shuffle, cut into floor(n / B) batches, compare all."""
    picked = StochasticBatches(budget, aggregation=aggregation).select(
        scores, rng=np.random.default_rng(seed)
    )
    if budget >= len(scores):
        assert sorted(picked) == list(range(len(scores)))
        return
    shuffled = np.random.default_rng(seed).permutation(len(scores))
    pool_size = len(scores) // budget
    batches = [shuffled[start : pool_size * budget : pool_size] for start in range(pool_size)]
    assert sorted(itertools.chain(*batches)) == sorted(shuffled[: pool_size * budget])
    fold = _FOLD[aggregation]
    best = max(fold(scores[batch]) for batch in batches)
    assert fold(scores[picked]) == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert sorted(picked) in [sorted(batch) for batch in batches]


@given(scores_arrays, st.integers(1, 20))
def test_the_most_uncertain_slice_of_the_batch_comes_first(scores: Scores, budget: int) -> None:
    picked = StochasticBatches(budget).select(scores, rng=np.random.default_rng(0))
    assert (np.diff(scores[picked]) <= 0).all()


def test_each_slice_is_in_one_batch_at_most_and_each_is_as_likely() -> None:
    """With equal scores the first batch wins: over many shuffles every slice is met equally."""
    slices, budget, rounds = 23, 5, 4_000
    rng = np.random.default_rng(0)
    counts = np.zeros(slices)
    for _ in range(rounds):
        counts[StochasticBatches(budget).select(np.zeros(slices), rng=rng)] += 1
    expected = rounds * budget / slices
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert chi_squared < 48.3  # the 99.9 % point of chi-squared with 22 degrees of freedom


@pytest.mark.parametrize("budget", [3, 20])  # drawn again on repetition; drawn one by one
def test_a_pool_of_one_batch_is_random_sampling(budget: int) -> None:
    """Section 6: Q = 1 equals random sampling, whatever the scores."""
    slices, rounds = 25, 3_000
    scores = np.random.default_rng(1).random(slices)
    rng = np.random.default_rng(2)
    one_batch = np.zeros(slices)
    for _ in range(rounds):
        one_batch[StochasticBatches(budget, pool_size=1).select(scores, rng=rng)] += 1
    random = np.zeros(slices)
    for _ in range(rounds):
        random[Random(budget).select(scores, rng=rng)] += 1
    expected = rounds * budget / slices
    for counts in (one_batch, random):
        assert ((counts - expected) ** 2 / expected).sum() < 51.2  # 99.9 %, 24 degrees


def test_a_huge_pool_of_batches_is_top_k() -> None:
    """Section 6: Q to infinity equals the most uncertain slices."""
    scores = np.random.default_rng(3).random(9)
    rng = np.random.default_rng(4)
    picked = StochasticBatches(3, pool_size=20_000).select(scores, rng=rng)
    assert picked.tolist() == TopK(3).select(scores, rng=rng).tolist()


@given(st.integers(1, 300), st.integers(1, 30), st.integers(1, 40), st.integers(0, 3))
def test_resampled_batches_never_hold_a_slice_twice(
    slices: int, budget: int, pool_size: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).random(slices)
    picked = StochasticBatches(budget, pool_size=pool_size).select(
        scores, rng=np.random.default_rng(seed)
    )
    assert len(np.unique(picked)) == len(picked) == min(budget, slices)


def test_the_strength_of_a_query_is_what_theory_says() -> None:
    """Gaussian scores, B = 10: about +0.8 sigma for 1,010 slices and +1.0 for 7,163."""
    for slices, batches, top in [(1_010, 0.8, 2.7), (7_163, 1.0, 3.2)]:
        rng = np.random.default_rng(slices)
        drawn = [rng.normal(size=slices) for _ in range(200)]
        reached = [strength(s, StochasticBatches(10).select(s, rng=rng)) for s in drawn]
        highest = [strength(s, TopK(10).select(s, rng=rng)) for s in drawn]
        assert np.mean(reached) == pytest.approx(batches, abs=0.06)
        assert np.mean(highest) == pytest.approx(top, abs=0.06)


def test_single_precision_scores_are_added_in_double_precision() -> None:
    """Ten thousand slices of nearly equal score: the best batch is found, not a rounding."""
    rng = np.random.default_rng(0)
    scores = (1.0 + 1e-6 * rng.random(10_000)).astype(np.float32)
    picked = StochasticBatches(100).select(scores, rng=np.random.default_rng(1))
    columns = np.random.default_rng(1).permutation(10_000).reshape(100, 100).T
    best = max(scores[batch].astype(np.float64).mean() for batch in columns)
    assert scores[picked].astype(np.float64).mean() == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("settings", [{"pool_size": 0}, {"aggregation": "median"}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SelectionError, match="Expected"):
        StochasticBatches(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_memory_beside_the_scores_is_two_arrays_of_them_at_most(spread: float) -> None:
    scores = np.random.default_rng(0).random(1_000_000) * spread  # all equal, or none
    tracemalloc.start()
    StochasticBatches(budget=10).select(scores, rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 2 * scores.nbytes
