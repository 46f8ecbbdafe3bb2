"""The scores of all slices that a query was selected by, kept to look at later."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextslice.files import write_atomically
from nextslice.project.arrays import Fits, Source, read_arrays
from nextslice.types import Scores

__all__ = ["KeptScores", "read_scores", "write_scores"]


@dataclass(frozen=True, eq=False)
class KeptScores:
    """The scores of all slices, in the pool's order.

    Attributes:
        case: Names of their cases, shape (slices,).
        index: Their indices in the volume; same shape.
        score: How unsure the model was of them; same shape.
    """

    case: np.ndarray
    index: np.ndarray
    score: Scores


def write_scores(path: Path, *, case: np.ndarray, index: np.ndarray, score: Scores) -> None:
    """Write the case, the index in it and the score of each slice, whole or not at all."""
    content = io.BytesIO()
    np.savez(content, case=case, slice=index, score=score)
    write_atomically(path, content.getvalue(), "scores")


def read_scores(source: Source, slices: int) -> KeptScores | None:
    """What :func:`write_scores` wrote; None if the file is missing or damaged.

    Args:
        source: The file.
        slices: How many there are in the pool.
    """

    def column(kind: str) -> Fits:
        return lambda found: found.dtype.kind in kind and found.shape == (slices,)

    wanted = {"case": column("U"), "slice": column("iu"), "score": column("f")}
    try:
        kept = read_arrays(source, wanted)
    except ValueError:
        return None
    return KeptScores(kept["case"], kept["slice"], kept["score"])
