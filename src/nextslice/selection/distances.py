"""Squared Euclidean distances between many vectors and a few, in memory linear in the many."""

from __future__ import annotations

import numpy as np

from nextslice.errors import SelectionError
from nextslice.types import Features, Scores

__all__ = ["centred", "to_nearest"]

_BLOCK = 2**22  # numbers in one block of distances, so that memory stays linear in the slices
_ROWS_AT_ONCE = 512  # points that are centred and measured while they are in the cache
_FOR_ORIGIN = 1024  # points whose mean is taken for the middle of all


def centred(points: np.ndarray, labelled: np.ndarray) -> tuple[Features, Scores, Scores]:
    """The points around the origin, their squared lengths and distances to the labelled ones.

    Distances do not change when all points move together, and points around the origin lose
    fewer digits in |x|^2 - 2xc + |c|^2 than points far from it. A few points say well enough
    where the middle is; each point is then visited once, while it is in the cache.

    Raises:
        SelectionError: A length is not finite, so some number of a vector is not.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # refused below, in words
        origin = points[:: max(1, len(points) // _FOR_ORIGIN)].mean(axis=0)
        labelled = labelled - origin
        moved = np.empty_like(points)
        lengths = np.empty(len(points), dtype=points.dtype)
        nearest = np.empty(len(points), dtype=points.dtype)
        for start in range(0, len(points), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            block = np.subtract(points[rows], origin, out=moved[rows])
            np.einsum("ij,ij->i", block, block, out=lengths[rows])
            nearest[rows] = to_nearest(block, lengths[rows], labelled)
    if not (np.isfinite(lengths).all() and np.isfinite(labelled).all()):
        raise SelectionError(
            "Expected finite features or gradients, and finite squares of them; got NaN, "
            "infinity or numbers beyond 1e18.",
            cause="the model diverged.",
        )
    return moved, lengths, nearest


def to_nearest(points: np.ndarray, lengths: np.ndarray, centres: np.ndarray) -> np.ndarray:
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
