"""Core-set: slices that leave no slice far from a labelled one.

Sener and Savarese, *Active learning for convolutional neural networks: a core-set approach*,
ICLR 2018: k-centre greedy, algorithm 1. The paper compares against it in table 1.
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
from nextslice.types import Rows, Scores

__all__ = ["CoreSet"]


@dataclass(frozen=True)
class CoreSet:
    """Pick, again and again, the slice farthest from everything labelled or picked so far.

    Distances are Euclidean between feature vectors. Without any labelled slice the first
    pick is left to chance. The scores' values have no say. Memory is a copy of the features
    and one distance per slice.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
    """

    budget: int | None = None

    requires: ClassVar[frozenset[Requirement]] = frozenset({"features"})

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
            SelectionError: The context holds no features, or they do not fit the scores.
        """
        slices = len(checked_scores(scores))
        features = checked_vectors(
            context,
            "features",
            slices,
            "Core-set measures distances between slices; scores alone do not give any.",
        )
        labelled = checked_beside(context, "labelled_features", features)
        rng = checked_generator(rng)
        count = checked_budget(self.budget, budget, slices)
        picked = np.empty(count, dtype=np.intp)
        if count == 0:
            return picked

        features, lengths, nearest = centred(features, labelled)
        if len(labelled) == 0:
            nearest[rng.integers(slices)] = np.inf  # chance picks the first centre
        for rank in range(count):
            if rank > 0:
                centre = features[picked[rank - 1]][None]
                np.minimum(nearest, to_nearest(features, lengths, centre), out=nearest)
                nearest[picked[:rank]] = -1.0  # never again, even where all are duplicates
            picked[rank] = nearest.argmax()
        return picked
