"""Top-k of noisy scores: other ways than stochastic batches to be less greedy, at no cost.

Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron, Gal, *Stochastic batch acquisition: a
simple baseline for deep active learning*, TMLR 2023. Gumbel noise of scale 1 / beta is added to
the score (softmax), its logarithm (power) or minus the logarithm of its rank (soft-rank). The
`budget` highest are then a sample without repetition with probabilities proportional to
exp(beta * score), score ** beta and rank ** -beta.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.base import (
    Context,
    Requirement,
    checked_budget,
    checked_generator,
    checked_scores,
)
from nextslice.selection.matching import matched_coldness
from nextslice.types import Rows, Scores

__all__ = ["PowerNoise", "SoftRankNoise", "SoftmaxNoise"]

_MATCHES = ("stochastic-batches",)


@dataclass(frozen=True)
class _Noise(ABC):
    """What the three have in common: top-k of keys with Gumbel noise."""

    budget: int | None = None
    beta: float = 1.0
    match: Literal["stochastic-batches"] | None = None

    requires: ClassVar[frozenset[Requirement]] = frozenset({"scores"})

    def __post_init__(self) -> None:
        if not 0.0 < self.beta < math.inf:
            raise SelectionError(
                f"Expected beta to be a finite number above 0, got {self.beta!r}.",
                remedy="The larger it is the closer to top-k; near 0 it is random sampling.",
            )
        if self.match is not None and self.match not in _MATCHES:
            raise SelectionError(
                f"Expected match to be {' or '.join(_MATCHES)} or None, got {self.match!r}."
            )
        if self.match is not None and self.beta != 1.0:
            raise SelectionError(
                f"Expected either beta or match, got beta={self.beta!r} and "
                f"match={self.match!r}.",
                cause="where the strength is matched, beta follows from it.",
                remedy="Leave one of them out.",
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
            Rows in the order of the noisy scores, which is the order in which one would draw
            them one by one.
        """
        scores = checked_scores(scores)
        rng = checked_generator(rng)
        count = checked_budget(self.budget, budget, len(scores))
        if count == 0:
            return np.empty(0, dtype=np.intp)
        keys = self._keys(scores.astype(np.float64), rng)
        beta = self.beta
        if self.match is not None:
            beta = matched_coldness(keys, scores, count, rng)
        noise = rng.gumbel(size=len(scores))
        if beta == 0.0:
            noisy = noise
        else:  # in the order that cannot overflow
            noisy = keys + noise / beta if beta >= 1.0 else beta * keys + noise
        # Keys of minus infinity stand behind all others, in random order.
        return np.lexsort((-noise, -noisy))[:count]

    @abstractmethod
    def _keys(self, scores: Scores, rng: np.random.Generator) -> Scores:
        """What the noise is added to; minus infinity for what is picked last of all."""


@final
@dataclass(frozen=True)
class SoftmaxNoise(_Noise):
    """Draw slices with probabilities proportional to exp(beta * score).

    Depends on the scale of the scores: entropies near 0.01 need a beta in the hundreds to be
    more than random sampling, or `match`.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
        beta: Coldness, above 0: the larger it is the closer to top-k.
        match: "stochastic-batches": find beta anew for each query, so that the expected
            strength (:func:`~nextslice.selection.base.strength`) is that of
            :class:`~nextslice.selection.stochastic_batches.StochasticBatches` on the same
            scores with the same budget.
    """

    def _keys(self, scores: Scores, rng: np.random.Generator) -> Scores:
        return scores


@final
@dataclass(frozen=True)
class PowerNoise(_Noise):
    """Draw slices with probabilities proportional to score ** beta.

    Needs scores of 0 or more. Where one is negative, as learning loss may predict, all are
    moved up together until the lowest is 0. A slice with a score of 0 is picked once no other
    is left, at random.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
        beta: Coldness, above 0: the larger it is the closer to top-k.
        match: "stochastic-batches" or None; see :class:`SoftmaxNoise`.
    """

    def _keys(self, scores: Scores, rng: np.random.Generator) -> Scores:
        lowest = scores.min()
        positive = scores - lowest if lowest < 0.0 else scores
        keys = np.full(len(scores), -np.inf)
        np.log(positive, out=keys, where=positive > 0.0)
        return keys


@final
@dataclass(frozen=True)
class SoftRankNoise(_Noise):
    """Draw slices with probabilities proportional to rank ** -beta, 1 being the highest score.

    Only the order of the scores counts. Slices of equal score are ranked by chance.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
        beta: Coldness, above 0: the larger it is the closer to top-k.
        match: "stochastic-batches" or None; see :class:`SoftmaxNoise`.
    """

    def _keys(self, scores: Scores, rng: np.random.Generator) -> Scores:
        by_chance = rng.permutation(len(scores))
        ranked = by_chance[np.argsort(-scores[by_chance], kind="stable")]
        keys = np.empty(len(scores))
        keys[ranked] = -np.log(np.arange(1, len(scores) + 1))
        return keys
