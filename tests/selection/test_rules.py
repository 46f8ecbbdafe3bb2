"""A rule over any selection: kept as long as it can be, and the wrapped one's order kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.errors import SelectionError
from nextslice.selection import (
    Context,
    CoreSet,
    MinimumDistance,
    Random,
    Selection,
    StochasticBatches,
    Stratified,
    TopK,
    VolumeCap,
    strength,
)
from nextslice.selection.base import Requirement
from nextslice.types import Rows, Scores

WRAPPED: list[Selection] = [TopK(), StochasticBatches(), Random(), Stratified()]


@dataclass(frozen=True)
class Volumes:
    """Unlabelled and labelled slices of a few volumes."""

    cases: Rows
    positions: Rows
    labelled_cases: Rows
    labelled_positions: Rows

    @property
    def context(self) -> Context:
        return Context(
            cases=self.cases,
            positions=self.positions,
            labelled_cases=self.labelled_cases,
            labelled_positions=self.labelled_positions,
        )


@st.composite
def volumes(draw: st.DrawFn) -> Volumes:
    sizes = draw(st.lists(st.integers(1, 14), min_size=1, max_size=6))
    places = [(case, at) for case, size in enumerate(sizes) for at in range(size)]
    labelled = draw(st.lists(st.booleans(), min_size=len(places), max_size=len(places)))
    columns = []
    for wanted in (False, True):
        chosen = [
            p for p, is_labelled in zip(places, labelled, strict=True) if is_labelled is wanted
        ]
        columns.append(np.array(chosen, dtype=int).reshape(-1, 2).T)
    return Volumes(*columns[0], *columns[1])


@given(
    volumes(),
    st.sampled_from(WRAPPED),
    st.integers(0, 20),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_a_volume_gets_more_than_the_cap_only_when_all_are_full(
    where: Volumes, wrapped: Selection, budget: int, cap: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random(len(where.cases))
    picked = VolumeCap(wrapped, per_volume=cap).select(
        scores, rng=rng, budget=budget, context=where.context
    )
    assert len(np.unique(picked)) == len(picked) == min(budget, len(scores))
    numbers, sizes = np.unique(where.cases, return_counts=True)
    under_the_rule = int(np.minimum(sizes, cap).sum())
    kept = where.cases[picked[:under_the_rule]]
    assert all((kept == number).sum() <= cap for number in numbers)


@given(
    volumes(),
    st.sampled_from(WRAPPED),
    st.integers(0, 20),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_slices_lie_apart_until_no_other_is_left(
    where: Volumes, wrapped: Selection, budget: int, apart: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random(len(where.cases))
    picked = MinimumDistance(wrapped, slices=apart).select(
        scores, rng=rng, budget=budget, context=where.context
    )
    assert len(np.unique(picked)) == len(picked) == min(budget, len(scores))
    for rank, row in enumerate(picked.tolist()):
        if _is_near(where, row, picked[:rank], apart):
            left = np.setdiff1d(np.arange(len(scores)), picked[:rank])
            assert all(_is_near(where, other, picked[:rank], apart) for other in left.tolist())


def _is_near(where: Volumes, row: int, picked: Rows, apart: int) -> bool:
    """Whether a slice lies too near to one labelled or picked, by brute force."""
    cases = [*where.labelled_cases, *where.cases[picked]]
    positions = [*where.labelled_positions, *where.positions[picked]]
    return any(
        case == where.cases[row] and abs(at - where.positions[row]) < apart
        for case, at in zip(cases, positions, strict=True)
    )


@given(volumes(), st.integers(1, 12), st.integers(0, 99))
def test_two_rules_hold_together_as_long_as_any_slice_keeps_both(
    where: Volumes, budget: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random(len(where.cases))
    picked = VolumeCap(MinimumDistance(TopK(), slices=3), per_volume=2).select(
        scores, rng=rng, budget=budget, context=where.context
    )

    def breaks_one(row: int, before: Rows) -> bool:
        full = (where.cases[before] == where.cases[row]).sum() >= 2
        return bool(full) or _is_near(where, row, before, 3)

    for rank, row in enumerate(picked.tolist()):
        if breaks_one(row, picked[:rank]):
            left = np.setdiff1d(np.arange(len(scores)), picked[:rank])
            assert all(breaks_one(other, picked[:rank]) for other in left.tolist())


def test_top_k_with_a_cap_is_the_best_slice_of_each_volume() -> None:
    scores = np.array([0.9, 0.8, 0.1, 0.7, 0.6, 0.5])
    cases = np.array([0, 0, 0, 1, 1, 2])
    picked = VolumeCap(TopK()).select(
        scores, rng=np.random.default_rng(0), budget=4, context=Context(cases=cases)
    )
    assert picked.tolist() == [0, 3, 5, 1]  # the fourth without the rule


def test_what_keeps_the_rule_is_picked_as_the_wrapped_selection_would() -> None:
    scores = np.random.default_rng(1).random(200)
    cases = np.arange(200)
    for wrapped in (TopK(), StochasticBatches(), Random()):
        alone = wrapped.select(scores, rng=np.random.default_rng(2), budget=10)
        ruled = VolumeCap(wrapped).select(
            scores, rng=np.random.default_rng(2), budget=10, context=Context(cases=cases)
        )
        assert ruled.tolist() == alone.tolist()


@pytest.mark.parametrize("rule", [VolumeCap, MinimumDistance])
def test_a_rule_leaves_stochastic_batches_as_strong_as_they_are_without_it(
    rule: type[VolumeCap | MinimumDistance],
) -> None:
    """Ten slices of twelve volumes: about three of them break a cap of one slice."""
    rng = np.random.default_rng(5)
    context = Context(cases=np.arange(600) % 12, positions=np.arange(600) // 12)
    with_rule, without = [], []
    for _ in range(150):
        scores = rng.gamma(2.0, size=600)
        picked = StochasticBatches(10).select(scores, rng=rng)
        without.append(strength(scores, picked))
        picked = rule(StochasticBatches(10)).select(scores, rng=rng, context=context)
        with_rule.append(strength(scores, picked))
    error = np.hypot(np.std(with_rule), np.std(without)) / np.sqrt(150)
    assert np.mean(without) > 0.5
    assert abs(np.mean(with_rule) - np.mean(without)) < 4 * error


def test_when_asked_again_core_set_covers_what_is_picked_already() -> None:
    """Two far points in one volume: the second is not taken, and a third far one is."""
    features = np.array([[0.0, 0.0], [10.0, 0.0], [10.1, 0.0], [0.0, 9.0], [9.9, 0.0]])
    context = Context(
        features=features,
        labelled_features=np.zeros((1, 2)),
        cases=np.array([0, 1, 1, 1, 2]),
    )
    picked = VolumeCap(CoreSet()).select(
        np.zeros(5), rng=np.random.default_rng(0), budget=3, context=context
    )
    assert picked.tolist() == [2, 4, 0]


def test_a_slice_that_is_queried_and_not_answered_can_be_queried_again() -> None:
    context = Context(
        cases=np.zeros(4, int),
        positions=np.array([0, 1, 2, 9]),
        labelled_cases=np.zeros(1, int),
        labelled_positions=np.array([1]),
    )
    picked = MinimumDistance(TopK(2), slices=3).select(
        np.array([0.5, 0.6, 0.4, 0.1]), rng=np.random.default_rng(0), context=context
    )
    assert picked.tolist() == [1, 3]


def test_a_rule_asks_for_what_the_wrapped_selection_asks_for_and_takes_its_budget() -> None:
    ruled = VolumeCap(MinimumDistance(CoreSet(budget=4)))
    assert ruled.requires == CoreSet.requires
    assert ruled.budget == 4


@dataclass(frozen=True)
class _PicksNothing:
    requires: ClassVar[frozenset[Requirement]] = frozenset()

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        return np.empty(0, dtype=np.intp)


def test_a_wrapped_selection_that_picks_nothing_is_no_endless_loop() -> None:
    with pytest.raises(SelectionError, match="got nothing"):
        VolumeCap(_PicksNothing()).select(
            np.zeros(3),
            rng=np.random.default_rng(0),
            budget=1,
            context=Context(cases=np.zeros(3, int)),
        )


@pytest.mark.unchecked_shapes
def test_settings_and_places_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SelectionError, match="per_volume"):
        VolumeCap(Random(), per_volume=0)
    with pytest.raises(SelectionError, match="1 or more"):
        MinimumDistance(Random(), slices=0)
    context = Context(
        cases=np.zeros(3, int), positions=np.arange(3), labelled_cases=np.zeros(2, int)
    )
    with pytest.raises(SelectionError, match="as many labelled_positions"):
        MinimumDistance(Random(1)).select(
            np.zeros(3), rng=np.random.default_rng(0), context=context
        )
