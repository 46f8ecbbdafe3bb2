"""Power, softmax and soft-rank noise against their closed forms, and matched in strength."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nextslice.errors import SelectionError
from nextslice.selection import (
    PowerNoise,
    SoftmaxNoise,
    SoftRankNoise,
    TopK,
    strength,
)
from nextslice.selection.matching import _contenders, matched_coldness
from nextslice.types import Scores

Noise = PowerNoise | SoftmaxNoise | SoftRankNoise
KINDS: list[type[Noise]] = [PowerNoise, SoftmaxNoise, SoftRankNoise]

_DRAWN: dict[str, Callable[[np.random.Generator, int], Scores]] = {
    "normal": lambda rng, slices: rng.normal(size=slices),
    "uniform": lambda rng, slices: rng.random(slices),
    "exponential": lambda rng, slices: rng.exponential(size=slices),
    "heavy-tailed": lambda rng, slices: rng.pareto(1.5, size=slices),
}


def _ranks(scores: Scores) -> Scores:
    return np.argsort(np.argsort(-scores)) + 1.0


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    ("kind", "weight"),
    [
        (SoftmaxNoise, lambda scores, beta: np.exp(beta * scores)),
        (PowerNoise, lambda scores, beta: scores**beta),
        (SoftRankNoise, lambda scores, beta: _ranks(scores) ** -beta),
    ],
)
def test_one_slice_is_drawn_with_the_probability_of_the_closed_form(
    kind: type[Noise], weight: Callable[[Scores, float], Scores], beta: float
) -> None:
    scores = np.array([0.4, 1.9, 0.1, 1.2, 0.8, 2.5])
    rng, rounds = np.random.default_rng(0), 2_000
    counts = np.zeros(6)
    for _ in range(rounds):
        counts[kind(1, beta).select(scores, rng=rng)] += 1
    weights = weight(scores, beta)
    expected = rounds * weights / weights.sum()
    assert ((counts - expected) ** 2 / expected).sum() < 20.5  # 99.9 %, 5 degrees


def test_more_slices_are_drawn_one_by_one_without_repetition() -> None:
    """The second is drawn as the first would be without the first."""
    scores = np.array([0.2, 1.0, 1.7, 2.4])
    weights = np.exp(scores)
    rng, rounds = np.random.default_rng(1), 3_000
    counts = np.zeros((4, 4))
    for _ in range(rounds):
        first, second = SoftmaxNoise(2).select(scores, rng=rng)
        counts[first, second] += 1
    chances = weights / weights.sum()
    pairs = chances[:, None] * chances[None] / (1 - chances)[:, None]
    expected = rounds * pairs[~np.eye(4, dtype=bool)]
    observed = counts[~np.eye(4, dtype=bool)]
    assert ((observed - expected) ** 2 / expected).sum() < 31.3  # 99.9 %, 11 degrees


@pytest.mark.parametrize("kind", KINDS)
def test_very_cold_noise_is_top_k(kind: type[Noise]) -> None:
    scores = np.random.default_rng(2).random(40)
    rng = np.random.default_rng(3)
    picked = kind(5, beta=1e9).select(scores, rng=rng)
    assert picked.tolist() == TopK(5).select(scores, rng=rng).tolist()


def test_negative_scores_are_moved_up_until_the_lowest_is_0() -> None:
    scores = np.array([-3.0, -2.0, -0.5, -1.0])
    picked, moved = (
        [PowerNoise(4).select(s, rng=np.random.default_rng(k)).tolist() for k in range(50)]
        for s in (scores, scores + 3.0)
    )
    assert picked == moved


def test_a_score_of_0_is_picked_last_and_such_slices_in_random_order() -> None:
    scores = np.array([0.0, 0.0, 0.3, 0.0, 0.1])
    rng = np.random.default_rng(4)
    last = set()
    for _ in range(60):
        picked = PowerNoise(5).select(scores, rng=rng)
        assert set(picked[:2].tolist()) == {2, 4}
        last.add(int(picked[2]))
    assert last == {0, 1, 3}


def test_equal_scores_are_ranked_by_chance() -> None:
    rng, rounds = np.random.default_rng(5), 3_000
    counts = np.zeros(10)
    for _ in range(rounds):
        counts[SoftRankNoise(1, beta=5.0).select(np.ones(10), rng=rng)] += 1
    assert ((counts - rounds / 10) ** 2 / (rounds / 10)).sum() < 27.9  # 99.9 %, 9 degrees


_KEYS: dict[str, Callable[[Scores], Scores]] = {
    "softmax": lambda scores: scores,
    "power": lambda scores: np.log(scores - min(scores.min() - 1e-9, 0.0)),
    "soft-rank": lambda scores: -np.log(_ranks(scores)),
}


@pytest.mark.parametrize("keys", sorted(_KEYS))
@pytest.mark.parametrize("name", sorted(_DRAWN))
def test_matched_noise_is_as_strong_as_stochastic_batches(name: str, keys: str) -> None:
    """The mean over queries, each with a beta of its own; both by brute force."""
    rng = np.random.default_rng(6)
    scores = _DRAWN[name](rng, 500)
    standard = (scores - scores.mean()) / scores.std()
    shuffled = rng.permuted(np.tile(standard, (3_000, 1)), axis=1)
    batches = shuffled.reshape(3_000, 50, 10).mean(axis=2).max(axis=1).mean()
    key = _KEYS[keys](scores)
    reached = []
    for _ in range(8):
        beta = matched_coldness(key, scores, 10, rng)
        noisy = beta * key + rng.gumbel(size=(500, 500))
        reached.append(standard[np.argsort(-noisy, axis=1)[:, :10]].mean())
    assert batches > 0.5
    assert np.mean(reached) == pytest.approx(batches, rel=0.06)


@pytest.mark.parametrize("kind", KINDS)
def test_a_matched_query_does_not_depend_on_the_scale_of_the_scores(kind: type[Noise]) -> None:
    """Nor is it near random sampling, as softmax noise is with a beta of 1 on small scores."""
    scores = np.random.default_rng(7).random(500)
    queries = [
        [
            kind(10, match="stochastic-batches")
            .select(scale * scores, rng=np.random.default_rng(seed))
            .tolist()
            for seed in range(20)
        ]
        for scale in (1.0, 2.0**-10)
    ]
    assert queries[0] == queries[1]
    reached = [strength(scores, np.array(picked)) for picked in queries[0]]
    assert 0.5 < np.mean(reached) < 1.0  # 0.75 is expected, give or take 0.07


@pytest.mark.parametrize("kind", KINDS)
def test_matched_noise_over_one_batch_is_random_sampling(kind: type[Noise]) -> None:
    """Fewer than two batches: stochastic batches are random, so the noise must be."""
    scores = np.random.default_rng(7).random(15) ** 4
    rng, rounds, budget = np.random.default_rng(8), 3_000, 8
    counts = np.zeros(15)
    for _ in range(rounds):
        counts[kind(budget, match="stochastic-batches").select(scores, rng=rng)] += 1
    expected = rounds * budget / 15
    assert ((counts - expected) ** 2 / expected).sum() < 36.1  # 99.9 %, 14 degrees


scores_of_any_kind = hnp.arrays(
    st.sampled_from([np.float64, np.float32]),
    st.integers(1, 40),
    elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, 1e-30, 0.5, 1e6])),
)


@given(scores_of_any_kind, st.integers(1, 50), st.sampled_from(KINDS), st.integers(0, 9))
def test_matching_works_for_any_scores_and_any_budget(
    scores: Scores, budget: int, kind: type[Noise], seed: int
) -> None:
    picked = kind(budget, match="stochastic-batches").select(
        scores, rng=np.random.default_rng(seed)
    )
    assert len(np.unique(picked)) == len(picked) == min(budget, len(scores))


@given(
    st.integers(1, 60),
    st.integers(1, 12),
    st.floats(-6, 6),
    st.integers(0, 999),
)
def test_no_slice_that_can_come_out_on_top_is_left_out(
    slices: int, count: int, log_beta: float, seed: int
) -> None:
    """Brute force over all slices picks no other than those that were kept."""
    rng = np.random.default_rng(seed)
    count = min(count, slices)
    keys = -np.sort(-rng.normal(size=slices).round(1))  # with ties
    waits = rng.standard_exponential((3, slices), dtype=np.float32)
    kept = _contenders(waits, count)
    noisy = np.exp(log_beta) * keys - np.log(waits.astype(np.float64))
    for best, row in zip(np.argsort(-noisy, axis=1)[:, :count], kept, strict=True):
        assert len(np.unique(row)) == len(row)
        assert set(best.tolist()) <= set(row.tolist())


def test_few_slices_are_left_to_compare_at_each_step() -> None:
    """About count * log2(slices / count) of 7,000: that is what makes matching fast."""
    waits = np.random.default_rng(9).standard_exponential((50, 7_000), dtype=np.float32)
    assert _contenders(waits, 10).shape[1] < 300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta": 0.0}, "above 0"),
        ({"beta": float("inf")}, "finite"),
        ({"match": "random"}, "stochastic-batches or None"),
        ({"match": "stochastic-batches", "beta": 2.0}, "either beta or match"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    kind: type[Noise], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SelectionError, match=message):
        kind(**settings)
