"""The scores of all slices that a query was selected by, kept to look at later."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from nextslice.data.pool import SliceId
from nextslice.files import write_atomically
from nextslice.project.arrays import Fits, read_arrays
from nextslice.types import Scores

__all__ = ["read_scores", "write_scores"]


def write_scores(path: Path, *, case: np.ndarray, index: np.ndarray, score: Scores) -> None:
    """Write the case, the index in it and the score of each slice, whole or not at all."""
    content = io.BytesIO()
    np.savez(content, case=case, slice=index, score=score)
    write_atomically(path, content.getvalue(), "scores")


def read_scores(path: Path, slices: int) -> dict[SliceId, float] | None:
    """What :func:`write_scores` wrote; None if the file is missing or damaged.

    Args:
        path: The file.
        slices: How many there are in the pool.
    """

    def column(kind: str) -> Fits:
        return lambda found: found.dtype.kind in kind and found.shape == (slices,)

    wanted = {"case": column("U"), "slice": column("iu"), "score": column("f")}
    try:
        kept = read_arrays(path, wanted)
        columns = (kept[name].tolist() for name in wanted)
        return {
            SliceId(case, index): score for case, index, score in zip(*columns, strict=True)
        }
    except ValueError:  # a text may hold what is no letter, too
        return None
