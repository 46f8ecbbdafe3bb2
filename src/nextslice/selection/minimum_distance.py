"""No two annotated slices close to each other in one volume: neighbours look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.base import Context, Selection
from nextslice.selection.context import checked_per_slice, labelled_places
from nextslice.selection.rules import Rule
from nextslice.types import Flags, Picked, Rows

__all__ = ["MinimumDistance"]


@final
@dataclass(frozen=True)
class MinimumDistance(Rule):
    """Any selection, with slices of one volume at least `slices` slices apart.

    From each other and from all that are labelled or queried already; 1 means no rule at all,
    2 that no two are neighbours. Where too few slices lie that far apart, the rest is picked
    without the rule: a query has min(budget, slices) slices in any case. A slice that was
    queried and not answered can be queried again.

    Attributes:
        selection: The selection that is asked; its budget is this one's too.
        slices: Least difference of two slices' positions in their volume, 1 or more.
    """

    selection: Selection
    slices: int = 3

    def __post_init__(self) -> None:
        if self.slices < 1:
            raise SelectionError(f"Expected slices to be 1 or more, got {self.slices!r}.")

    def allows(self, rows: Rows, picked: Picked, context: Context | None, total: int) -> Flags:
        """Whether each slice is far enough from all others; see :meth:`Rule.allows`."""
        cases = checked_per_slice(context, "cases", total, "A minimum distance")
        positions = checked_per_slice(context, "positions", total, "A minimum distance")
        labelled, at = labelled_places(context)
        # All volumes one after the other on one line, farther apart than the rule reaches.
        names, volume = np.unique(np.concatenate([cases, labelled]), return_inverse=True)
        place = np.concatenate([positions, at])
        along = place + volume * (np.ptp(place) + self.slices) if len(names) else place
        taken = np.sort(np.concatenate([along[picked], along[total:]]))
        asked = along[rows]
        before = _any_between(taken, asked - self.slices + 1, asked)
        after = _any_between(taken, asked + 1, asked + self.slices)
        allowed: Flags = ~(before | after)
        return allowed


def _any_between(taken: Picked, low: Rows, high: Rows) -> Flags:
    """Whether anything in `taken`, which is sorted, lies in [low, high)."""
    return np.searchsorted(taken, low) < np.searchsorted(taken, high)
