"""Uniformly at random: the baseline that active learning must beat, and often does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nextslice.selection.base import (
    Context,
    Requirement,
    checked_budget,
    checked_generator,
    checked_scores,
)
from nextslice.types import Rows, Scores

__all__ = ["Random"]


@dataclass(frozen=True)
class Random:
    """Each set of slices is as likely as any other; the scores' values have no say.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
    """

    budget: int | None = None

    requires: ClassVar[frozenset[Requirement]] = frozenset()

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        """See :meth:`nextslice.selection.base.Selection.select`."""
        slices = len(checked_scores(scores))
        count = checked_budget(self.budget, budget, slices)
        return checked_generator(rng).choice(slices, size=count, replace=False)
