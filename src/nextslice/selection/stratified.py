"""Random, stratified by volume: as few slices as possible from each volume.

Plain random sampling is the weak form of it: neighbouring slices look alike, and several of one
volume tell less than as many from several volumes (Zhang et al., MIDL 2025).
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
from nextslice.selection.context import checked_per_slice, labelled_cases
from nextslice.types import Rows, Scores

__all__ = ["Stratified"]


@dataclass(frozen=True)
class Stratified:
    """Again and again, a random slice of the volume that has the fewest.

    The volumes with the fewest slices labelled or picked so far come first, those with equally
    many in random order; within a volume each slice is as likely as any other. The scores'
    values have no say.

    Attributes:
        budget: Slices per query, unless the call says otherwise.
    """

    budget: int | None = None

    requires: ClassVar[frozenset[Requirement]] = frozenset()

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
            SelectionError: The context holds no cases, or they do not fit the scores.
        """
        slices = len(checked_scores(scores))
        count = checked_budget(self.budget, budget, slices)
        rng = checked_generator(rng)
        cases = checked_per_slice(context, "cases", slices, "Stratified sampling")
        names, volume = np.unique(cases, return_inverse=True)
        labelled = labelled_cases(context)
        counted = np.searchsorted(names, labelled[np.isin(labelled, names)])
        before = np.bincount(counted, minlength=len(names))

        # A volume's slices in random order are picked one after the other. Each comes at the
        # level of what its volume has by then, so that the lowest levels are the query.
        shuffled = rng.permutation(slices)
        by_volume = shuffled[np.argsort(volume[shuffled], kind="stable")]
        sizes = np.bincount(volume, minlength=len(names))
        turn = np.arange(slices) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        level = before[volume[by_volume]] + turn
        picked: Rows = by_volume[np.lexsort((rng.random(slices), level))[:count]]
        return picked
