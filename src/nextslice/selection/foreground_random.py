"""Random with a share of slices that contain foreground: the baseline hardest to beat.

*nnActive: a framework for evaluation of active learning in 3D biomedical segmentation*, TMLR
2025: with a third or two thirds of foreground, no active-learning method of theirs reliably
beat it.
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
from nextslice.selection.context import checked_per_slice
from nextslice.types import Rows, Scores

__all__ = ["ForegroundRandom"]


@dataclass(frozen=True)
class ForegroundRandom:
    """A share of the query among slices with foreground, the rest among all.

    Label-informed: it peeks at the labels of slices that nobody has annotated yet. That makes
    it a yardstick for simulations; no expert can work with it. The scores' values have no say.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
        fraction: The share, from 0 to 1; the number of slices is rounded. Where too few slices
            have foreground, all of them are picked.
    """

    budget: int | None = None
    fraction: float = 0.33

    requires: ClassVar[frozenset[Requirement]] = frozenset({"foreground"})
    label_informed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction <= 1.0:
            raise SelectionError(
                f"Expected a fraction from 0 to 1, got {self.fraction!r}.",
                remedy="0.33 and 0.66 are those of nnActive.",
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

        Raises:
            SelectionError: The context does not say which slices contain foreground, or does
                not fit the scores.
        """
        slices = len(checked_scores(scores))
        count = checked_budget(self.budget, budget, slices)
        rng = checked_generator(rng)
        foreground = checked_per_slice(
            context, "foreground", slices, "Foreground-aware random sampling"
        )
        inside = np.flatnonzero(foreground)
        sure = min(round(self.fraction * count), len(inside))
        first = rng.choice(inside, size=sure, replace=False)
        others = np.delete(np.arange(slices), first)
        rest = rng.choice(others, size=count - sure, replace=False)
        return rng.permutation(np.concatenate([first, rest]))
