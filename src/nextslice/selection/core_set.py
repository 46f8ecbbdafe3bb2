"""Core-set: slices that leave no slice far from a labelled one.

Sener and Savarese, *Active learning for convolutional neural networks: a core-set approach*,
ICLR 2018: k-centre greedy, algorithm 1. The paper compares against it in table 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.base import (
    Context,
    Requirement,
    checked_budget,
    checked_generator,
    checked_scores,
)
from nextslice.selection.context import checked_vectors
from nextslice.selection.distances import centred, to_nearest
from nextslice.types import Features, LabelledFeatures, Rows, Scores

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
        features, labelled = _checked_features(context, slices)
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


def _checked_features(
    context: Context | None, slices: int
) -> tuple[Features, LabelledFeatures]:
    """Features of the unlabelled and of the labelled slices as float32 arrays."""
    features = checked_vectors(
        context,
        "features",
        slices,
        "Core-set measures distances between slices; scores alone do not give any.",
    )
    told = None if context is None else context.labelled_features
    labelled = features[:0] if told is None else np.asarray(told, dtype=np.float32)
    if labelled.ndim != 2 or labelled.shape[1] != features.shape[1]:
        raise SelectionError(
            f"Expected labelled_features of shape (labelled, {features.shape[1]}), "
            f"got {labelled.shape}."
        )
    return features, labelled
