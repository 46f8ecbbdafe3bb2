"""The annotator of simulations: it knows the labels of the data set."""

from __future__ import annotations

import numpy as np

from nextslice.data.pool import SliceId, SlicePool
from nextslice.errors import DataError
from nextslice.project.query import Query

__all__ = ["Oracle"]


class Oracle:
    """Answers every query from the pool's own labels.

    Args:
        pool: The pool that is queried; all of its cases have labels.

    Raises:
        DataError: A case has no label.
    """

    name = "oracle"

    def __init__(self, pool: SlicePool) -> None:
        if not pool.has_labels:
            raise DataError(
                "Expected labels for every case of the pool, some have none.",
                cause="the data set is meant for annotation, not for a simulation.",
                remedy="Simulate on a data set whose every case has a label.",
            )
        self._pool = pool

    def label(self, query: Query) -> dict[SliceId, np.ndarray]:
        """The masks of all slices of a query, each of shape (height, width), uint8."""
        rows = np.array([queried.row for queried in query.slices], dtype=np.intp)
        masks = self._pool.masks[rows]
        return {queried.id: mask for queried, mask in zip(query.slices, masks, strict=True)}
