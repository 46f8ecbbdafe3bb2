"""Why a slice is asked for, in words."""

from __future__ import annotations

import numpy as np

from nextslice.live import LiveProject
from nextslice.project import QueriedSlice, Query

__all__ = ["Reasons"]


class Reasons:
    """The reasons of one query.

    Args:
        live: The project.
        query: One of its queries.
    """

    def __init__(self, live: LiveProject, query: Query) -> None:
        self._first = query.cycle == 0
        self._selection = live.config.selection.name
        self._scores = _sorted_scores(live, query.cycle)

    def why(self, queried: QueriedSlice) -> str:
        """Why a slice of the query is asked for."""
        if self._first:
            return "drawn at random, for the first model to learn from"
        if queried.score is None:
            return f"selected by {self._selection}"
        if self._scores is None:
            return f"selected by {self._selection} for its uncertainty"
        below = int(np.searchsorted(self._scores, queried.score))
        share = 100 * below // len(self._scores)
        return (
            f"selected by {self._selection}; the model is less sure of it than of {share} % "
            "of all slices"
        )


def _sorted_scores(live: LiveProject, cycle: int) -> np.ndarray | None:
    """The scores of all slices that a query was selected by; None if they are not kept."""
    kept = live.project.scores(cycle)
    return None if kept is None else np.sort(kept.score)
