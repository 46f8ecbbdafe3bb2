"""At most so many slices of one volume in a query.

Zhang et al., MIDL 2025: fewer slices of each volume over more volumes is almost always better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from nextslice.errors import SelectionError
from nextslice.selection.base import Context, Selection
from nextslice.selection.context import checked_per_slice
from nextslice.selection.rules import Rule
from nextslice.types import Flags, Picked, Rows

__all__ = ["VolumeCap"]


@final
@dataclass(frozen=True)
class VolumeCap(Rule):
    """Any selection, with at most `per_volume` slices of one volume in a query.

    Earlier queries do not count. Where the budget is larger than the volumes have slices under
    the cap, the rest is picked without it: a query has min(budget, slices) slices in any case.

    Attributes:
        selection: The selection that is asked; its budget is this one's too.
        per_volume: Slices of one volume in a query, 1 or more.
    """

    selection: Selection
    per_volume: int = 1

    def __post_init__(self) -> None:
        if self.per_volume < 1:
            raise SelectionError(
                f"Expected per_volume to be 1 slice or more, got {self.per_volume!r}."
            )

    def allows(self, rows: Rows, picked: Picked, context: Context | None, total: int) -> Flags:
        """Whether each slice's volume has room; see :meth:`Rule.allows`."""
        cases = checked_per_slice(context, "cases", total, "A cap of slices per volume")
        found, times = np.unique(cases[picked], return_counts=True)
        return np.isin(cases[rows], found[times >= self.per_volume], invert=True)
