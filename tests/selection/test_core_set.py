"""k-centre greedy against brute force."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from nextslice.errors import SelectionError
from nextslice.selection import Context, CoreSet
from nextslice.types import Features


def _brute_force(features: Features, labelled: Features, budget: int) -> list[int]:
    """Algorithm 1 of Sener and Savarese with the whole distance matrix in double precision."""
    centres, picked = list(labelled), list[int]()
    for _ in range(budget):
        nearest = cdist(features, np.array(centres)).min(axis=1)
        nearest[picked] = -1
        picked.append(int(nearest.argmax()))
        centres.append(features[picked[-1]])
    return picked


@given(st.integers(2, 40), st.integers(1, 5), st.integers(1, 6), st.integers(0, 1_000))
def test_equals_greedy_by_brute_force(
    slices: int, labelled: int, dimensions: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(loc=5.0, size=(slices, dimensions))
    centres = rng.normal(loc=5.0, size=(labelled, dimensions))
    budget = slices // 2
    picked = CoreSet(budget).select(
        np.zeros(slices),
        rng=np.random.default_rng(0),
        context=Context(features=features, labelled_features=centres),
    )
    assert picked.tolist() == _brute_force(features, centres, budget)


def test_without_labelled_slices_chance_picks_the_first_and_greedy_the_rest() -> None:
    features = np.random.default_rng(0).normal(size=(30, 4))
    firsts = set()
    for seed in range(40):
        picked = CoreSet(4).select(
            np.zeros(30), rng=np.random.default_rng(seed), context=Context(features=features)
        )
        firsts.add(int(picked[0]))
        assert picked[1:].tolist() == _brute_force(features, features[picked[:1]], 3)
    assert len(firsts) > 10


def test_duplicates_are_picked_once_each() -> None:
    context = Context(features=np.ones((6, 3)), labelled_features=np.ones((1, 3)))
    picked = CoreSet(6).select(np.zeros(6), rng=np.random.default_rng(0), context=context)
    assert sorted(picked) == list(range(6))


def test_memory_does_not_grow_with_the_square_of_the_slices() -> None:
    slices = 20_000
    features = np.random.default_rng(0).normal(size=(slices, 8)).astype(np.float32)
    context = Context(features=features, labelled_features=features[:300] + 1.0)
    tracemalloc.start()
    CoreSet(5).select(np.zeros(slices), rng=np.random.default_rng(0), context=context)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6  # a distance matrix alone would take 1.6 GB


@pytest.mark.unchecked_shapes
@pytest.mark.parametrize(
    ("features", "labelled", "message"),
    [
        (None, None, "Expected features"),
        (np.ones((4, 2)), None, "one row per score"),
        (np.ones((5, 2)), np.ones((1, 3)), "labelled_features"),
        (np.full((5, 2), np.nan), None, "finite"),
        (np.full((5, 2), np.inf), None, "finite"),
        (np.array([[1e20], [-1e20], [0], [1], [2]]), None, "1e18"),
        (np.ones((5, 2)), np.full((1, 2), np.inf), "finite"),
    ],
)
def test_features_that_do_not_fit_are_refused(
    features: Features | None, labelled: Features | None, message: str
) -> None:
    context = Context(features=features, labelled_features=labelled)
    with pytest.raises(SelectionError, match=message):
        CoreSet(2).select(np.zeros(5), rng=np.random.default_rng(0), context=context)
