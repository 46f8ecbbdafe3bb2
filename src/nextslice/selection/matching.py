"""How cold noise must be to reach as far into the uncertain end as stochastic batches do.

Strategies of different strength differ in how greedy they are before they differ in anything
else. Matched in strength (:func:`nextslice.selection.base.strength`), what is left is how they
are random.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nextslice.selection.stochastic_batches import StochasticBatches
from nextslice.types import Rows, Scores

__all__ = ["matched_coldness"]

_BATCHES: Final = 64  # times that stochastic batches are drawn
_DRAWS: Final = 128  # draws of the noise, the same for each coldness that is tried
_STEPS: Final = 24
_COLDEST, _WARMEST = 1e6, 1e-4  # in standard deviations of the keys
_AT_ONCE: Final = 2**22  # waiting times in memory


def matched_coldness(
    keys: Scores, scores: Scores, count: int, rng: np.random.Generator
) -> float:
    """The beta with which noisy keys pick slices of the expected score of stochastic batches.

    Both expectations are means over draws from `rng`, so that beta varies by a few per cent
    from query to query. Bisection in log(beta), where the same noise serves each step.

    Args:
        keys: What Gumbel noise of scale 1 / beta is added to, rising with the scores; minus
            infinity for slices picked last.
        scores: One per slice.
        count: Slices per query.
        rng: The only source of chance.

    Returns:
        beta; 0 for uniform sampling, where all scores are equal or all slices make one batch.
    """
    slices = len(scores)
    spread = float(np.std(scores, dtype=np.float64))
    if slices // count < 2 or spread == 0.0:
        return 0.0
    standard = (scores - np.mean(scores, dtype=np.float64)) / spread
    batches = StochasticBatches(count)
    target = float(
        np.mean([standard[batches.select(standard, rng=rng)].mean() for _ in range(_BATCHES)])
    )
    finite = keys[np.isfinite(keys)]
    scale = float(np.std(finite)) if len(finite) else 0.0
    noise = _Draws(keys, standard, count, rng)
    low, high = (math.log(bound / (scale or 1.0)) for bound in (_WARMEST, _COLDEST))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if noise.mean_score(math.exp(middle)) < target:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


class _Draws:
    """Draws of noise for all slices, kept for those slices alone that can come out on top."""

    def __init__(
        self, keys: Scores, scores: Scores, count: int, rng: np.random.Generator
    ) -> None:
        falling = np.argsort(-keys, kind="stable")
        self._count = count
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        at_once = min(_DRAWS, max(1, _AT_ONCE // len(keys)))
        for start in range(0, _DRAWS, at_once):
            size = (min(at_once, _DRAWS - start), len(keys))
            waits = rng.standard_exponential(size, dtype=np.float32)
            columns = _contenders(waits, count)
            waited = np.take_along_axis(waits, columns, axis=1).astype(np.float64)
            gumbel = -np.log(np.maximum(waited, np.finfo(np.float32).tiny))
            rows = falling[columns]
            self._parts.append((keys[rows], scores[rows], gumbel))

    def mean_score(self, beta: float) -> float:
        """Mean score of the `count` highest of keys + noise / beta, over slices and draws."""
        total = 0.0
        for keys, scores, noise in self._parts:
            highest = np.argpartition(beta * keys + noise, -self._count, axis=1)
            picked = np.take_along_axis(scores, highest[:, -self._count :], axis=1)
            total += float(picked.mean(axis=1).sum())
        return total / _DRAWS


def _contenders(waits: np.ndarray, count: int) -> np.ndarray:
    """Columns of each draw that can be among the `count` highest at some coldness.

    -log(waiting time) is Gumbel noise, and keys fall from left to right. So a column is out of
    the race as soon as `count` columns to its left have waited less: they stay above it however
    much the noise weighs. About count * log2(slices / count) columns are left.

    Args:
        waits: Exponential waiting times, shape (draws, slices).
        count: Slices per query.

    Returns:
        Shape (draws, contenders): distinct columns; some may be more than are needed.
    """
    draws, slices = waits.shape
    kept: list[Rows] = [np.broadcast_to(np.arange(count), (draws, count))]
    shortest, start = waits[:, :count], count
    while start < slices:
        block = waits[:, start : 2 * start]
        bar = shortest.max(axis=1, keepdims=True)
        most = int((block < bar).sum(axis=1).max())
        if most > 0:
            near = np.argpartition(block, most - 1, axis=1)[:, :most]
            kept.append(near + start)
            both = np.hstack([shortest, np.take_along_axis(block, near, axis=1)])
            shortest = np.partition(both, count - 1, axis=1)[:, :count]
        start += block.shape[1]
    return np.concatenate(kept, axis=1)
