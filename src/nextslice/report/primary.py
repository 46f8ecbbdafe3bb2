"""The one comparison that a study stands on: stochastic batches, all uncertainties together.

Many comparisons need many pairs: of nine corrected together none can be significant with six.
So one is declared before anything is run, and needs no correction: with less without
stochastic batches, averaged for each initial set and seed over all uncertainties (and settings)
that ran both ways. Comparisons of single uncertainties are secondary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from nextslice.report.differences import Difference, PairKey, difference, with_and_without
from nextslice.report.summaries import Group
from nextslice.report.varied import pool_size_of

__all__ = ["PRIMARY_FIRST", "PRIMARY_SECOND", "primary"]

PRIMARY_FIRST: Final = "with stochastic batches"
PRIMARY_SECOND: Final = "without"


def primary(groups: Sequence[Group]) -> tuple[Difference, tuple[str, ...]] | None:
    """With less without stochastic batches, a row for each initial set and seed.

    Each row is the mean of the pairs of that initial set and seed. Where some uncertainty
    lacks a seed, the row goes over those that have it: the sign of a row is still a coin toss
    where stochastic batches change nothing. Where the number of batches varies, the paper's
    cut without replacement takes part alone; where that did not run, nothing is declared for
    the uncertainty. Nor do pairs under a rule take part, such as a cap of slices per volume.

    Args:
        groups: Of one experiment.

    Returns:
        The difference in mean 3D Dice, and the plain names of the uncertainties in it; None
        where nothing ran both ways with a seed in common.
    """
    candidates: dict[tuple[str, str], list[tuple[Group, Group]]] = {}
    for first, second in with_and_without([g for g in groups if not g.runs[0].rules]):
        of = (second.plain_name, second.setting)
        candidates.setdefault(of, []).append((first, second))
    parts, names = [], []
    for pairs in candidates.values():
        declared = [pair for pair in pairs if pool_size_of(pair[0].runs[0]) is None] or pairs
        if len(declared) > 1:
            continue
        part = difference(*declared[0])
        if part.pairs:
            parts.append(part)
            names.append(declared[0][1].plain_name)
    if not parts:
        return None
    rows: dict[PairKey, list[float]] = {}
    for part in parts:
        for key, value in zip(part.keys, part.per_pair, strict=True):
            rows.setdefault(key, []).append(float(value))
    values = np.array([[np.mean(own)] for own in rows.values()])
    found = Difference(
        PRIMARY_FIRST, PRIMARY_SECOND, "dice_3d", values, ("",) * len(rows), tuple(rows)
    )
    return found, tuple(dict.fromkeys(names))
