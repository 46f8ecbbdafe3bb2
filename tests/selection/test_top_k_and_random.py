"""Top-k against sorting; random against chance; the checks all selections share."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.errors import SelectionError
from nextslice.selection import StochasticBatches, TopK, strength


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=60), st.integers(0, 70))
def test_top_k_equals_a_stable_sort(values: list[float], budget: int) -> None:
    scores = np.array(values)
    picked = TopK(budget).select(scores, rng=np.random.default_rng(0))
    assert picked.tolist() == np.argsort(-scores, kind="stable")[:budget].tolist()


def test_the_call_s_budget_wins_over_the_selection_s_own() -> None:
    scores = np.arange(20.0)
    assert len(TopK(3).select(scores, rng=np.random.default_rng(0), budget=5)) == 5


def test_without_any_budget_the_error_shows_both_places_to_give_one() -> None:
    with pytest.raises(SelectionError, match=re.escape("StochasticBatches(budget=10)")):
        StochasticBatches().select(np.ones(5), rng=np.random.default_rng(0))


def test_a_seed_in_the_generator_s_place_is_explained() -> None:
    with pytest.raises(SelectionError, match=re.escape("np.random.default_rng(seed)")):
        StochasticBatches(2).select(np.arange(5.0), rng=0)  # type: ignore[arg-type]


def test_a_score_that_is_not_finite_is_named_by_its_row() -> None:
    with pytest.raises(SelectionError, match="nan at row 2"):
        TopK(1).select(np.array([0.0, 1.0, np.nan]), rng=np.random.default_rng(0))


@pytest.mark.unchecked_shapes
@pytest.mark.parametrize("scores", [["high", "low"], [1 + 2j], [[1.0], [2.0]], 3.0])
def test_what_is_no_array_of_numbers_is_refused(scores: object) -> None:
    with pytest.raises(SelectionError, match="Expected"):
        TopK(1).select(scores, rng=np.random.default_rng(0))  # type: ignore[arg-type]


def test_strength_is_zero_for_equal_scores_and_undefined_for_an_empty_batch() -> None:
    assert strength(np.ones(5), np.array([0, 1])) == 0.0
    assert np.isnan(strength(np.arange(5.0), np.empty(0, dtype=np.intp)))
