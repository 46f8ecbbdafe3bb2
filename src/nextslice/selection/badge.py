"""BADGE: slices whose gradients are large and point in different directions.

Ash, Zhang, Krishnamurthy, Langford, Agarwal, *Deep batch active learning by diverse, uncertain
gradient lower bounds*, ICLR 2020, algorithm 1: k-means++ seeding (Arthur and Vassilvitskii,
SODA 2007) on the gradients of the last layer, with the model's own predictions as labels.
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
from nextslice.selection.context import checked_beside, checked_vectors
from nextslice.selection.distances import centred, to_nearest
from nextslice.types import Picked, Rows, Scores

__all__ = ["Badge"]


@dataclass(frozen=True)
class Badge:
    """Draw each slice with probability proportional to its squared distance from those before.

    Distances are Euclidean between gradient embeddings; the first slice is uniformly random,
    unless a part of the query is picked already. A large gradient stands for uncertainty, a
    distant one for diversity. What is labelled already and the scores' values have no say.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
    """

    budget: int | None = None

    requires: ClassVar[frozenset[Requirement]] = frozenset({"gradients"})

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
            SelectionError: The context holds no gradients, or they do not fit the scores.
        """
        slices = len(checked_scores(scores))
        gradients = checked_vectors(
            context, "gradients", slices, "BADGE measures distances between gradients."
        )
        before = checked_beside(context, "picked_gradients", gradients)
        rng = checked_generator(rng)
        count = checked_budget(self.budget, budget, slices)
        picked = np.empty(count, dtype=np.intp)
        if count == 0:
            return picked

        gradients, lengths, nearest = centred(gradients, before)
        chances = _chances(nearest, picked[:0])  # all alike where nothing is picked
        for rank in range(count):
            picked[rank] = rng.choice(slices, p=chances / chances.sum())
            centre = gradients[picked[rank]][None]
            np.minimum(nearest, to_nearest(gradients, lengths, centre), out=nearest)
            nearest[picked[: rank + 1]] = 0.0
            chances = _chances(nearest, picked[: rank + 1])
        return picked


def _chances(nearest: Scores, picked: Picked) -> Scores:
    """Of being drawn next, not yet divided by their sum."""
    if nearest.any():
        return nearest.astype(np.float64)
    chances = np.ones(len(nearest))  # only duplicates of what is picked are left
    chances[picked] = 0.0
    return chances
