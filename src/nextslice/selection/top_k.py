"""The most uncertain slices, one by one: what the paper calls "without stochastic batches"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nextslice.selection.base import (
    Context,
    Requirement,
    checked_budget,
    checked_scores,
    most_uncertain_first,
)
from nextslice.types import Rows, Scores

__all__ = ["TopK"]


@dataclass(frozen=True)
class TopK:
    """The `budget` highest scores; ties go to the slice that comes first in the pool.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
    """

    budget: int | None = None

    requires: ClassVar[frozenset[Requirement]] = frozenset({"scores"})

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        """See :meth:`nextslice.selection.base.Selection.select`. Linear in the slices."""
        scores = checked_scores(scores)
        count = checked_budget(self.budget, budget, len(scores))
        if count == 0:
            return np.empty(0, dtype=np.intp)
        lowest_picked = np.partition(scores, -count)[-count]
        above = np.flatnonzero(scores > lowest_picked)
        ties = np.flatnonzero(scores == lowest_picked)[: count - len(above)]
        return most_uncertain_first(np.concatenate([above, ties]), scores)
