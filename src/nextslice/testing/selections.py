"""What every selection promises, as tests. Needs numpy; pytest finds the methods."""

from __future__ import annotations

import copy
from typing import get_args

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.base import Context, Requirement, Selection
from nextslice.testing.rebuilding import from_repr
from nextslice.types import Rows, Scores

__all__ = ["SelectionContract"]

_SLICES_PER_CASE = 20
_WITH_FOREGROUND = 0.4
_REQUIREMENTS: frozenset[str] = frozenset(get_args(Requirement))


class SelectionContract:
    """Inherit this in a test class and bring one fixture named ``selection``.

    The selection must work without a budget of its own (the suite passes one at each call).
    """

    def _select(
        self, selection: Selection, scores: Scores, *, budget: int, seed: int = 0
    ) -> Rows:
        """One call with everything a selection may look at."""
        rows = np.arange(len(scores))
        rng = np.random.default_rng([len(scores), 7])
        context = Context(
            features=rng.normal(size=(len(scores), 6)),
            labelled_features=rng.normal(size=(4, 6)),
            cases=rows // _SLICES_PER_CASE,
            positions=rows % _SLICES_PER_CASE,
            labelled_cases=np.array([0, 0, 1, 99]),
            labelled_positions=np.array([3, 25, 7, 0]),
            gradients=rng.normal(size=(len(scores), 8)),
            foreground=rng.random(len(scores)) < _WITH_FOREGROUND,
        )
        return selection.select(
            scores, rng=np.random.default_rng(seed), budget=budget, context=context
        )

    def test_is_a_selection(self, selection: Selection) -> None:
        assert isinstance(selection, Selection), (
            f"{type(selection).__name__} needs a method select(scores, *, rng, budget, context)"
            " and a class attribute `requires`, a frozenset of what it looks at."
        )
        unknown = set(selection.requires) - _REQUIREMENTS
        assert not unknown, (
            f"`requires` names {sorted(unknown)}: there are {sorted(_REQUIREMENTS)} only."
        )

    def test_is_a_frozen_dataclass_that_its_repr_rebuilds(self, selection: Selection) -> None:
        kind = type(selection)
        parameters = getattr(kind, "__dataclass_params__", None)
        assert parameters is not None, f"{kind.__name__} is not a dataclass."
        assert parameters.frozen, f"{kind.__name__} must be frozen: @dataclass(frozen=True)."
        rebuilt = from_repr(selection)
        assert rebuilt == selection, f"repr gives {rebuilt!r}, not {selection!r}."

    def test_picks_as_many_distinct_slices_as_the_budget_says(
        self, selection: Selection
    ) -> None:
        for slices, budget in [(1, 1), (7, 3), (200, 10), (200, 199), (1_000, 25)]:
            scores = np.random.default_rng(slices).random(slices)
            picked = self._select(selection, scores, budget=budget)
            assert picked.ndim == 1, f"picked has shape {picked.shape}, expected ({budget},)."
            assert np.issubdtype(picked.dtype, np.integer), (
                f"picked is {picked.dtype}, not rows."
            )
            assert len(picked) == budget, f"{len(picked)} picked from {slices}, not {budget}."
            assert len(np.unique(picked)) == budget, "a slice was picked twice."
            assert picked.min() >= 0, "a picked row is negative."
            assert picked.max() < slices, "a picked row is not among the unlabelled slices."

    def test_picks_every_slice_where_the_budget_exceeds_them(
        self, selection: Selection
    ) -> None:
        picked = self._select(selection, np.array([0.2, 0.9, 0.4]), budget=10)
        assert sorted(picked.tolist()) == [0, 1, 2], "all three slices must be picked."

    def test_picks_nothing_from_nothing_or_for_nothing(self, selection: Selection) -> None:
        assert len(self._select(selection, np.empty(0), budget=10)) == 0, "from no slices"
        assert len(self._select(selection, np.ones(5), budget=0)) == 0, "for a budget of 0"

    def test_the_generator_is_the_only_source_of_chance(self, selection: Selection) -> None:
        scores = np.random.default_rng(3).random(300)
        first = self._select(selection, scores, budget=10, seed=5)
        np.random.seed(99)  # noqa: NPY002 - a selection that listens to it fails here
        again = self._select(selection, scores, budget=10, seed=5)
        assert np.array_equal(first, again), (
            "the same generator gave other picks: draw from `rng` alone, keep no state."
        )

    def test_leaves_its_input_as_it_was(self, selection: Selection) -> None:
        scores = np.random.default_rng(4).random(100)
        before = scores.copy()
        itself = copy.deepcopy(selection)
        self._select(selection, scores, budget=10)
        assert np.array_equal(scores, before), "the caller's scores were changed."
        assert selection == itself, "the selection changed itself."

    def test_accepts_equal_scores(self, selection: Selection) -> None:
        picked = self._select(selection, np.full(50, 0.25), budget=10)
        assert len(np.unique(picked)) == 10, "equal scores must still give ten slices."

    def test_refuses_scores_and_budgets_that_make_no_sense(self, selection: Selection) -> None:
        bad_scores = [np.array([0.1, np.nan, 0.3]), np.array([0.1, np.inf]), np.ones((4, 4))]
        for scores in bad_scores:
            self._expect_refusal(selection, scores, budget=1)
        self._expect_refusal(selection, np.ones(5), budget=-1)

    def _expect_refusal(self, selection: Selection, scores: np.ndarray, budget: int) -> None:
        try:
            rng = np.random.default_rng(0)
            context = Context(features=np.ones((len(scores), 2)))
            picked = selection.select(scores, rng=rng, budget=budget, context=context)
        except SelectionError:
            return
        raise AssertionError(
            f"scores {scores.tolist()} with a budget of {budget} gave {picked}: "
            "expected a SelectionError (checked_scores and checked_budget raise it)."
        )
