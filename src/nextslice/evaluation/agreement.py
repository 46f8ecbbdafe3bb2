"""How far a model and an expert agree on one slice."""

from __future__ import annotations

import math

from nextslice.evaluation.metrics import dice
from nextslice.types import NativeMask

__all__ = ["agreement"]


def agreement(proposal: NativeMask, mask: NativeMask, *, classes: int) -> float:
    """Dice of a proposed mask with the final one, averaged over the classes in either.

    Args:
        proposal: Class numbers (height, width).
        mask: The same slice as the expert left it.
        classes: How many foreground classes there are.

    Returns:
        From 0 to 1; 1 where both say that there is nothing in the slice.
    """
    found = [
        dice(ours, theirs)
        for ours, theirs in ((proposal == k, mask == k) for k in range(1, classes + 1))
        if ours.any() or theirs.any()
    ]
    return math.fsum(found) / len(found) if found else 1.0
