"""Every n-th slice: systematic sampling, which plain random has to be measured against.

Burmeister et al., *Less is more: a comparison of active learning strategies for 3D medical
image segmentation*, ReALML workshop at ICML 2022, where it is among the best.
"""

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
from nextslice.selection.context import checked_per_slice
from nextslice.types import Rows, Scores

__all__ = ["Strided"]


@dataclass(frozen=True)
class Strided:
    """One slice every slices / budget, from a random start.

    The unlabelled slices stand in a row: volumes in random order, each volume's slices in
    their own. Each slice is as likely to be picked as any other, but neighbours hardly ever
    are together. The scores' values have no say.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
    """

    budget: int | None = None

    requires: ClassVar[frozenset[Requirement]] = frozenset()
    picks_together: ClassVar[bool] = True

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        """See :meth:`nextslice.selection.base.Selection.select`.

        Raises:
            SelectionError: The context holds no cases or positions, or they do not fit the
                scores.
        """
        slices = len(checked_scores(scores))
        count = checked_budget(self.budget, budget, slices)
        rng = checked_generator(rng)
        cases = checked_per_slice(context, "cases", slices, "Strided sampling")
        positions = checked_per_slice(context, "positions", slices, "Strided sampling")
        if count == 0:
            return np.empty(0, dtype=np.intp)
        names, volume = np.unique(cases, return_inverse=True)
        in_a_row = np.lexsort((positions, rng.permutation(len(names))[volume]))
        # In whole numbers, slices / budget has no rounding, and no slice comes twice.
        steps = (rng.integers(slices) + np.arange(count) * slices) // count
        picked: Rows = in_a_row[steps]
        return picked
