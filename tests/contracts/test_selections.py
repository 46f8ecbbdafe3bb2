"""Every selection that ships keeps the contract; broken ones fail it with a clear message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from nextslice.selection import (
    SELECTIONS,
    Badge,
    Context,
    CoreSet,
    ForegroundRandom,
    MinimumDistance,
    PowerNoise,
    Random,
    Selection,
    SoftmaxNoise,
    SoftRankNoise,
    StochasticBatches,
    Stratified,
    Strided,
    TopK,
    VolumeCap,
)
from nextslice.selection.base import Requirement
from nextslice.testing import SelectionContract
from nextslice.types import Rows, Scores

SHIPPED = [
    Random(),
    TopK(),
    StochasticBatches(),
    StochasticBatches(pool_size=1),
    StochasticBatches(pool_size=50, aggregation="max"),
    StochasticBatches(aggregation="sum"),
    CoreSet(),
    Stratified(),
    Strided(),
    ForegroundRandom(),
    ForegroundRandom(fraction=1.0),
    PowerNoise(),
    PowerNoise(match="stochastic-batches"),
    SoftmaxNoise(beta=1e6),
    SoftmaxNoise(match="stochastic-batches"),
    SoftRankNoise(),
    SoftRankNoise(match="stochastic-batches"),
    Badge(),
    VolumeCap(StochasticBatches()),
    VolumeCap(CoreSet(), per_volume=2),
    MinimumDistance(TopK(), slices=5),
    MinimumDistance(VolumeCap(Stratified())),
]


def test_every_selection_that_has_a_name_is_put_to_the_contract() -> None:
    assert {type(selection) for selection in SHIPPED} == set(SELECTIONS.values())


class TestShippedSelections(SelectionContract):
    @pytest.fixture(params=SHIPPED, ids=repr)
    def selection(self, request: pytest.FixtureRequest) -> Selection:
        selection: Selection = request.param
        return selection

    @pytest.mark.unchecked_shapes
    def test_refuses_scores_and_budgets_that_make_no_sense(self, selection: Selection) -> None:
        super().test_refuses_scores_and_budgets_that_make_no_sense(selection)


@dataclass(frozen=True)
class _PicksTwice:
    requires: ClassVar[frozenset[Requirement]] = frozenset({"scores"})

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        return np.zeros(min(budget or 0, len(scores)), dtype=np.intp)


class TestTheContractItself:
    def test_a_selection_that_picks_twice_is_told_so(self) -> None:
        with pytest.raises(AssertionError, match="picked twice"):
            SelectionContract().test_picks_as_many_distinct_slices_as_the_budget_says(
                _PicksTwice()
            )

    @pytest.mark.unchecked_shapes
    def test_a_selection_that_takes_nan_is_told_what_to_call(self) -> None:
        with pytest.raises(AssertionError, match="checked_scores"):
            SelectionContract().test_refuses_scores_and_budgets_that_make_no_sense(
                _PicksTwice()
            )

    def test_a_class_without_select_is_told_what_it_lacks(self) -> None:
        with pytest.raises(AssertionError, match="needs a method select"):
            SelectionContract().test_is_a_selection(object())  # type: ignore[arg-type]
