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
from nextslice.types import Features, LabelledFeatures, Rows, Scores

__all__ = ["CoreSet"]

_BLOCK = 2**22  # numbers in one block of distances, so that memory stays linear in the slices
_ROWS_AT_ONCE = 512  # points that are centred and measured while they are in the cache
_FOR_ORIGIN = 1024  # points whose mean is taken for the middle of all


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

        features, lengths, nearest = _centred(features, labelled)
        if len(labelled) == 0:
            nearest[rng.integers(slices)] = np.inf  # chance picks the first centre
        for rank in range(count):
            if rank > 0:
                centre = features[picked[rank - 1]][None]
                np.minimum(nearest, _to_nearest(features, lengths, centre), out=nearest)
                nearest[picked[:rank]] = -1.0  # never again, even where all are duplicates
            picked[rank] = nearest.argmax()
        return picked


def _checked_features(
    context: Context | None, slices: int
) -> tuple[Features, LabelledFeatures]:
    """Features of the unlabelled and of the labelled slices as float32 arrays."""
    if context is None or context.features is None:
        raise SelectionError(
            "Expected features, one vector per slice, got none.",
            cause="Core-set measures distances between slices; scores alone do not give any.",
            remedy="Pass context=Context(features=..., labelled_features=...).",
        )
    features = np.asarray(context.features, dtype=np.float32)
    if features.ndim != 2 or len(features) != slices:
        raise SelectionError(
            f"Expected features of shape ({slices}, features), one row per score, "
            f"got {features.shape}."
        )
    labelled = np.asarray(
        np.empty((0, features.shape[1]))
        if context.labelled_features is None
        else context.labelled_features,
        dtype=np.float32,
    )
    if labelled.ndim != 2 or labelled.shape[1] != features.shape[1]:
        raise SelectionError(
            f"Expected labelled_features of shape (labelled, {features.shape[1]}), "
            f"got {labelled.shape}."
        )
    return features, labelled


def _centred(points: np.ndarray, labelled: np.ndarray) -> tuple[Features, Scores, Scores]:
    """The points around the origin, their squared lengths and distances to the labelled ones.

    Distances do not change when all points move together, and points around the origin lose
    fewer digits in |x|^2 - 2xc + |c|^2 than points far from it. A few points say well enough
    where the middle is; each point is then visited once, while it is in the cache.

    Raises:
        SelectionError: A length is not finite, so some feature is not.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # refused below, in words
        origin = points[:: max(1, len(points) // _FOR_ORIGIN)].mean(axis=0)
        labelled = labelled - origin
        centred = np.empty_like(points)
        lengths = np.empty(len(points), dtype=points.dtype)
        nearest = np.empty(len(points), dtype=points.dtype)
        for start in range(0, len(points), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            block = np.subtract(points[rows], origin, out=centred[rows])
            np.einsum("ij,ij->i", block, block, out=lengths[rows])
            nearest[rows] = _to_nearest(block, lengths[rows], labelled)
    if not (np.isfinite(lengths).all() and np.isfinite(labelled).all()):
        raise SelectionError(
            "Expected finite features whose squares are finite too, got NaN, infinity or "
            "numbers beyond 1e18.",
            cause="the model diverged.",
        )
    return centred, lengths, nearest


def _to_nearest(points: np.ndarray, lengths: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distance of each point to its nearest centre; the largest float without one."""
    nearest = np.full(len(points), np.finfo(np.float32).max, dtype=np.float32)
    at_once = max(1, _BLOCK // max(1, len(points)))
    for start in range(0, len(centres), at_once):
        block = centres[start : start + at_once]
        distances = points @ block.T
        distances *= -2.0
        distances += np.einsum("ij,ij->i", block, block)
        closest = distances.min(axis=1)
        closest += lengths
        np.minimum(nearest, np.maximum(closest, 0.0, out=closest), out=nearest)
    return nearest
