"""Whether two ways of scoring give the same results: the same ranking, the same top batch."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from benchmarks.results import Result, Target, quantity

__all__ = ["TOP", "compare_rankings"]

TOP = 10
_CORRELATION = 0.999


def compare_rankings(
    row: int,
    work: str,
    scores: np.ndarray,
    reference: np.ndarray,
    *,
    peer_name: str,
    judged: bool = True,
    note: str = "",
) -> list[Result]:
    """Two lines: the rank correlation, and how many slices of the top batch are the same.

    Args:
        row: The number of the work.
        work: What was scored, and how.
        scores: One per slice.
        reference: Scores of the same slices by another way.
        peer_name: That way.
        judged: Whether there is a target, or the lines are for the reader alone.
        note: Goes with the first line.
    """
    top = min(TOP, len(scores))
    both = set(np.argsort(scores)[-top:]) & set(np.argsort(reference)[-top:])
    furthest = float(np.abs(scores - reference).max())
    return [
        quantity(
            row,
            f"{work}: rank correlation of {len(scores):,} scores",
            float(spearmanr(scores, reference).statistic),
            Target(_CORRELATION, "at least") if judged else None,
            ours="–",
            peer_name=peer_name,
            digits=6,
            note=f"{note} Largest difference of a score: {furthest:.1e}.".strip(),
            reason="The two ways round in another order.",
        ),
        quantity(
            row,
            f"{work}: slices of the top {top} in common",
            len(both),
            Target(top, "at least") if judged else None,
            ours="–",
            peer_name=peer_name,
            reason="The two ways round in another order, and scores lie close together.",
        ),
    ]
