"""What a model proposes for the slices of a query, kept so that nobody computes it twice."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from nextslice.files import write_atomically
from nextslice.project.arrays import ArrayHeader, Fits, check_arrays, read_arrays
from nextslice.types import SliceMask, SliceMasks

__all__ = ["Proposals", "are_whole", "read_proposals", "write_proposals"]

_MOST_PIXELS: Final = 2**26  # of a slice


@dataclass(frozen=True, eq=False)
class Proposals:
    """Proposals for the slices of one query, on the pool's grid.

    Attributes:
        rows: Positions of the slices in the pool, in the query's order.
        masks: Class numbers, shape (slices, height, width).
        uncertainties: How unsure the model is of each pixel, 0 to 255 for 0 to 1; same shape.
        weights_sha256: The model they come from.
    """

    rows: tuple[int, ...]
    masks: SliceMasks
    uncertainties: SliceMasks
    weights_sha256: str

    def mask(self, row: int) -> SliceMask | None:
        """The proposed mask of a slice; None for a slice of another query."""
        return self.masks[self.rows.index(row)] if row in self.rows else None

    def uncertainty(self, row: int) -> SliceMask | None:
        """The uncertainties of a slice; None for a slice of another query."""
        return self.uncertainties[self.rows.index(row)] if row in self.rows else None


def write_proposals(path: Path, proposals: Proposals) -> None:
    """Write proposals to a file, whole or not at all."""
    content = io.BytesIO()
    np.savez_compressed(
        content,
        row=np.array(proposals.rows, dtype=np.int64),
        mask=proposals.masks,
        uncertainty=proposals.uncertainties,
        weights_sha256=np.array(proposals.weights_sha256),
    )
    write_atomically(path, content.getvalue(), "proposals")


def read_proposals(
    path: Path, *, slices: int | None = None, shape: tuple[int, int] | None = None
) -> Proposals | None:
    """What :func:`write_proposals` wrote; None if the file is missing or damaged.

    They can be computed again, so a damaged file is no loss.

    Args:
        path: The file.
        slices: How many slices the query has; None if nobody knows.
        shape: (height, width) of the pool's slices; the same.
    """
    try:
        kept = read_arrays(path, _wanted(slices, shape))
        proposals = Proposals(
            tuple(kept["row"].tolist()),
            kept["mask"],
            kept["uncertainty"],
            str(kept["weights_sha256"]),
        )
    except ValueError:
        return None
    whole = proposals.masks.shape == proposals.uncertainties.shape
    return proposals if whole and len(proposals.masks) == len(proposals.rows) else None


def are_whole(path: Path, *, slices: int) -> bool:
    """Whether a file of proposals is whole, as far as it goes without keeping any of it."""
    try:
        check_arrays(path, _wanted(slices, None))
    except ValueError:
        return False
    return True


def _wanted(slices: int | None, shape: tuple[int, int] | None) -> Mapping[str, Fits]:
    def for_each(found: ArrayHeader) -> bool:
        return slices is None or found.shape[:1] == (slices,)

    def maps(found: ArrayHeader) -> bool:
        size = found.shape[1:]
        fits = size == shape if shape else len(size) == 2 and math.prod(size) <= _MOST_PIXELS
        return found.dtype == np.uint8 and fits and for_each(found)

    return {
        "row": lambda found: (
            found.dtype == np.int64 and len(found.shape) == 1 and for_each(found)
        ),
        "mask": maps,
        "uncertainty": maps,
        "weights_sha256": lambda found: found.dtype.str == "<U64" and found.shape == (),
    }
