"""Stochastic batches: the most uncertain of many random batches.

Gaillochet, Desrosiers, Lombaert, *Active learning for medical image segmentation with
stochastic batches*: section 3, equations 1 to 4 and algorithm 1; how the batches are drawn is
in section 4.3.2 (without replacement) and sections 5.2.3 and 5.2.4 (with resampling).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.base import (
    Context,
    Requirement,
    checked_budget,
    checked_generator,
    checked_scores,
    most_uncertain_first,
)
from nextslice.types import Batches, BatchScores, BatchTotals, Rows, Scores

__all__ = ["StochasticBatches"]

_AGGREGATIONS = ("mean", "max", "sum")
_HELD_AT_ONCE = 2**18  # members of resampled batches in memory at a time
_BLOCK = 2**15  # scores that are stretched at a time, in the processor's cache
_MOST_SLICES = 2**32  # rows are shuffled as 32-bit numbers


@dataclass(frozen=True)
class StochasticBatches:
    """Cut the slices into random batches and query the one that is most uncertain as a whole.

    Random batches are diverse; choosing among them by uncertainty keeps that diversity and
    leans towards what the model does not know. It works on top of any score.

    Attributes:
        budget: Slices per query, the paper's B, unless the call says otherwise.
        pool_size: How many batches to choose from, the paper's Q. By default the slices are
            shuffled and cut without replacement, so that Q = floor(slices / B) and a
            remainder takes no part. A number lets slices appear in several batches (never
            twice in one): 1 is random sampling, and the larger it is the closer to top-k.
        aggregation: A batch's score from those of its slices: "mean" (equation 3), "max" or
            "sum". Among batches with equal scores the one drawn first is queried.
    """

    budget: int | None = None
    pool_size: int | None = None
    aggregation: Literal["mean", "max", "sum"] = "mean"

    requires: ClassVar[frozenset[Requirement]] = frozenset({"scores"})
    picks_together: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.pool_size is not None and self.pool_size < 1:
            raise SelectionError(
                f"Expected a pool_size of 1 batch or more, got {self.pool_size}.",
                remedy="Leave it out for floor(slices / budget) batches without replacement.",
            )
        if self.aggregation not in _AGGREGATIONS:
            raise SelectionError(
                f"Expected an aggregation among {', '.join(_AGGREGATIONS)}, "
                f"got {self.aggregation!r}."
            )

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        """See :meth:`nextslice.selection.base.Selection.select`.

        Returns:
            The rows of the chosen batch, its most uncertain slice first. With fewer slices
            than the budget there is one batch: all of them.
        """
        scores = checked_scores(scores)
        rng = checked_generator(rng)
        count = checked_budget(self.budget, budget, len(scores))
        if count == 0:
            return np.empty(0, dtype=np.intp)
        if count == len(scores):
            batch = np.arange(count)
        elif self.pool_size is None:
            batch = self._best_of_partition(scores, count, rng)
        else:
            batch = self._best_resampled(self.pool_size, scores, count, rng)
        return most_uncertain_first(batch, scores)

    def _best_of_partition(self, scores: Scores, count: int, rng: np.random.Generator) -> Rows:
        """Cut all slices into floor(slices / count) batches and take the best."""
        pool_size = len(scores) // count
        shuffled = _shuffled(scores, rng)[: pool_size * count].reshape(count, pool_size)
        rough = self._totals(shuffled["score"])
        # The rough totals are added up from rounded scores; whoever they leave in reach of the
        # best is compared again with the scores themselves.
        doubt = count * (count + 2) * float(np.finfo(np.float32).eps)
        contenders = np.flatnonzero(rough >= rough.max() - doubt)
        del rough
        at_once = max(1, _HELD_AT_ONCE // count)
        blocks = (contenders[s : s + at_once] for s in range(0, len(contenders), at_once))
        return self._best_of(
            (shuffled["row"][:, block].astype(np.intp) for block in blocks), scores
        )

    def _best_resampled(
        self, batches: int, scores: Scores, count: int, rng: np.random.Generator
    ) -> Rows:
        """The best of any number of batches, a bounded number of them in memory at a time."""
        at_once = max(1, _HELD_AT_ONCE // count)
        drawn = (
            _resampled(len(scores), count, min(at_once, batches - start), rng)
            for start in range(0, batches, at_once)
        )
        return self._best_of(drawn, scores)

    def _best_of(self, blocks: Iterable[Batches], scores: Scores) -> Rows:
        """The first batch with the highest score among blocks of batches, one a column."""
        best, best_total = np.empty(0, dtype=np.intp), -np.inf
        for batches in blocks:
            totals = self._totals(scores[batches].astype(np.float64, copy=False))
            place = int(totals.argmax())
            if len(best) == 0 or totals[place] > best_total:
                best, best_total = batches[:, place].copy(), float(totals[place])
        return best

    def _totals(self, members: BatchScores) -> BatchTotals:
        """One number per batch; the sum stands for the mean, since all are equally large.

        Added up row by row, because B is small and Q large: each addition is one long vector.
        """
        combine = np.maximum if self.aggregation == "max" else np.add
        totals: BatchTotals = members[0].copy()
        for row in members[1:]:
            combine(totals, row, out=totals)
        return totals


def _shuffled(scores: Scores, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[Any]]:
    """Scores and their rows in random order, as records of eight bytes.

    Shuffled as whole words, because that moves a score along with its row: to shuffle rows and
    look their scores up afterwards costs half as much again, in a random walk through memory.
    Scores are rounded to single precision, after they are stretched over [-1, 1].
    """
    if len(scores) > _MOST_SLICES:
        raise SelectionError(
            f"Expected at most {_MOST_SLICES:,} slices to cut into batches, "
            f"got {len(scores):,}.",
            remedy="Give a pool_size: batches are then drawn without shuffling all slices.",
        )
    low, high = float(scores.min()), float(scores.max())
    middle = low / 2 + high / 2
    stretch = high / 2 - low / 2 or 1.0
    records = np.empty(len(scores), dtype=[("score", np.float32), ("row", np.uint32)])
    for start in range(0, len(scores), _BLOCK):
        block = slice(start, start + _BLOCK)
        records["score"][block] = (scores[block].astype(np.float64) - middle) / stretch
        records["row"][block] = np.arange(start, min(start + _BLOCK, len(scores)))
    rng.shuffle(records.view(np.int64))
    return records


def _resampled(slices: int, count: int, batches: int, rng: np.random.Generator) -> Batches:
    """`batches` independent draws of `count` distinct slices each, one a column.

    Small batches from a large pool seldom repeat a slice: draw with repetition and draw again
    the batches that did. What is left is uniform over the batches without a repetition.
    """
    expected_repetitions = count * (count - 1) / (2 * slices)
    if expected_repetitions > 1:
        columns = [rng.choice(slices, size=count, replace=False) for _ in range(batches)]
        return np.stack(columns, axis=1)
    drawn = rng.integers(slices, size=(count, batches))
    while True:
        ordered = np.sort(drawn, axis=0)
        repeated = np.flatnonzero((ordered[1:] == ordered[:-1]).any(axis=0))
        if len(repeated) == 0:
            return drawn
        drawn[:, repeated] = rng.integers(slices, size=(count, len(repeated)))
