"""What every selection promises, and the checks that all of them share.

A selection turns one score per unlabelled slice into the rows to query. All of them agree on
the edges:

- the budget is larger than the number of slices: every slice is picked;
- no slices, or a budget of 0: nothing is picked;
- a negative budget, no budget at all, scores that are not one finite number per slice:
  :class:`~nextslice.errors.SelectionError`;
- ties go to the slice that comes first in the pool, unless chance decides by design.
"""

from __future__ import annotations

import operator
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.context import Context
from nextslice.types import Rows, Scores

__all__ = [
    "Context",
    "Requirement",
    "Selection",
    "checked_budget",
    "checked_generator",
    "checked_scores",
    "is_label_informed",
    "most_uncertain_first",
    "picks_together",
    "strength",
]

Requirement = Literal["scores", "features", "gradients", "foreground"]
"""What costs something to find out, or is known in simulations only."""


@runtime_checkable
class Selection(Protocol):
    """Scores of the unlabelled slices -> the rows to query.

    A selection is a frozen dataclass with this one method.
    :class:`nextslice.testing.SelectionContract` proves that it keeps its promises.

    One that looks at labels nobody has drawn yet says so by a class attribute
    ``label_informed = True``; without it, it does not (see :func:`is_label_informed`). One
    whose picks are chosen as a whole and not one after the other says so by
    ``picks_together = True`` (see :func:`picks_together`).
    """

    @property
    def requires(self) -> frozenset[Requirement]:
        """What must be computed before asking; a class attribute does as well.

        Nothing is scored for a selection that ignores scores.
        """

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        """Pick `budget` rows of `scores`.

        Args:
            scores: Shape (slices,), finite, higher is more uncertain.
            rng: The only source of chance.
            budget: Slices to pick, the paper's B; without it the selection's own.
            context: What selections may look at besides the scores.

        Returns:
            Shape (min(budget, slices),): distinct rows, the first to annotate first.

        Raises:
            SelectionError: The scores, the budget or the context cannot be worked with.
        """
        ...


def checked_scores(scores: Scores) -> Scores:
    """`scores` as a float array of shape (slices,), all finite.

    Raises:
        SelectionError: It has another shape, is not numeric or holds NaN or infinity.
    """
    try:
        array = np.asarray(scores)
        if array.dtype.kind not in "fiub":
            raise TypeError(array.dtype)
        array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    except (TypeError, ValueError) as error:
        raise SelectionError(
            f"Expected one number per slice as scores, got {type(scores).__name__} ({error}).",
            remedy="Pass a one-dimensional array of floats.",
        ) from error
    if array.ndim != 1:
        raise SelectionError(
            f"Expected scores of shape (slices,), got shape {array.shape}.",
            cause="scores per pixel or per class were not reduced to one number per slice.",
            remedy="Average each slice's map first, for example scores.mean(axis=(1, 2)).",
        )
    # The extremes carry any NaN or infinity with them, and cost no array of their own.
    if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        finite = np.isfinite(array)
        row = int(np.flatnonzero(~finite)[0])
        raise SelectionError(
            f"Expected finite scores, got {array[row]} at row {row} "
            f"({int((~finite).sum())} of {array.size} are not finite).",
            cause="the model diverged, or a logarithm of 0 was taken.",
            remedy="Look at that slice's prediction; leave no slice without a score.",
        )
    return array


def checked_budget(own: int | None, asked: int | None, available: int) -> int:
    """How many slices to pick: the budget asked for, else the selection's own.

    Args:
        own: The budget the selection was made with.
        asked: The budget given at the call, which wins.
        available: Slices there are; never more than these are picked.

    Raises:
        SelectionError: There is no budget, or it is not a whole number from 0 up.
    """
    budget = own if asked is None else asked
    if budget is None:
        raise SelectionError(
            "Expected a budget (slices per query), got none.",
            remedy="Give it to the selection, StochasticBatches(budget=10), or to the call, "
            "select(..., budget=10).",
        )
    try:
        budget = operator.index(budget)
    except TypeError as error:
        raise SelectionError(
            f"Expected a whole number of slices as budget, got {budget!r}."
        ) from error
    if budget < 0:
        raise SelectionError(f"Expected a budget of 0 or more slices, got {budget}.")
    return min(budget, available)


def checked_generator(rng: np.random.Generator) -> np.random.Generator:
    """`rng` itself.

    Raises:
        SelectionError: It is a seed or an old-style RandomState instead of a Generator.
    """
    if not isinstance(rng, np.random.Generator):
        raise SelectionError(
            f"Expected a numpy Generator as rng, got {type(rng).__name__}.",
            cause="a seed was passed where the generator belongs.",
            remedy="Pass rng=np.random.default_rng(seed).",
        )
    return rng


def is_label_informed(selection: Selection) -> bool:
    """Whether a selection peeks at the labels of slices that nobody has annotated yet.

    Such a selection is a yardstick for simulations: it cannot be used with an expert.
    """
    return bool(getattr(selection, "label_informed", False))


def picks_together(selection: Selection) -> bool:
    """Whether a selection chooses its picks as a whole, and not one after the other.

    Of such a query any part is like any other, whatever its order. Where a rule needs a few
    slices more it takes them at random from a whole query: the first of them alone, or a query
    of just so many, would be far greedier (or, where slices stand in a row, closer together).
    """
    return bool(getattr(selection, "picks_together", False))


def most_uncertain_first(rows: Rows, scores: Scores) -> Rows:
    """`rows` by falling score; ties in the order of the pool."""
    return rows[np.lexsort((rows, -scores[rows]))]


def strength(scores: Scores, picked: Rows) -> float:
    """How far a batch reaches into the uncertain end, in standard deviations of the pool.

    (mean score of the batch - mean score of the pool) / standard deviation of the pool:
    random batches sit near 0, top-k far above. 0 where all scores are equal; NaN for an
    empty batch.
    """
    if len(picked) == 0:
        return float("nan")
    spread = float(np.std(scores, dtype=np.float64))
    if spread == 0.0:
        return 0.0
    reach = np.mean(scores[picked], dtype=np.float64) - np.mean(scores, dtype=np.float64)
    return float(reach) / spread
