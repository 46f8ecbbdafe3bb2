"""What a model proposes for the slices of a query, kept so that nobody computes it twice."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextslice.files import write_atomically
from nextslice.project.arrays import (
    MOST_PIXELS,
    ArrayHeader,
    Fits,
    Source,
    array_pieces,
    read_arrays,
)
from nextslice.types import SliceMask, SliceMasks

__all__ = ["Proposals", "are_whole", "model_that_proposes", "read_proposals", "write_proposals"]


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


def model_that_proposes(weights: Mapping[int, str | None], cycle: int) -> str | None:
    """SHA-256 of the model that proposes for a query; None where it may be another.

    A model that is trained again on another machine is another. For an open query its proposals
    are then computed again; what was proposed for an earlier one stays what it was.

    Args:
        weights: Cycle -> SHA-256 of its model's weights, None until it is trained.
        cycle: The query's.
    """
    return weights.get(cycle - 1) if weights.get(cycle) is None else None


def read_proposals(
    path: Path,
    *,
    rows: Sequence[int] | None = None,
    classes: int | None = None,
    shape: tuple[int, int] | None = None,
    weights_sha256: str | None = None,
) -> Proposals | None:
    """What :func:`write_proposals` wrote; None if the file is missing or damaged.

    They can be computed again, so a damaged file is no loss; and one is damaged that is for
    other slices, comes from another model or has a class that there is not.

    Args:
        path: The file.
        rows: The slices of the query, in its order; None if nobody knows.
        classes: How many there are besides the background; the same.
        shape: (height, width) of the pool's slices; the same.
        weights_sha256: The model that they must come from; None where it may be another.
    """
    try:
        kept = read_arrays(path, _wanted(rows, shape))
        proposals = Proposals(
            tuple(kept["row"].tolist()),
            kept["mask"],
            kept["uncertainty"],
            str(kept["weights_sha256"]),
        )
    except ValueError:
        return None
    whole = (
        proposals.masks.shape == proposals.uncertainties.shape
        and len(proposals.masks) == len(proposals.rows)
        and (rows is None or proposals.rows == tuple(rows))
        and weights_sha256 in (None, proposals.weights_sha256)
        and (classes is None or int(proposals.masks.max(initial=0)) <= classes)
    )
    return proposals if whole else None


def are_whole(
    source: Source,
    *,
    rows: Sequence[int],
    classes: int | None = None,
    weights_sha256: str | None = None,
) -> bool:
    """Whether a file of proposals is whole, found out without keeping what it proposes.

    Args:
        source: The file.
        rows: See :func:`read_proposals`.
        classes: The same.
        weights_sha256: The same.
    """
    small: dict[str, list[np.ndarray]] = {"row": [], "weights_sha256": []}
    largest = 0
    try:
        for name, piece in array_pieces(source, _wanted(rows, None)):
            if name in small:
                small[name].append(piece)
            elif name == "mask":
                largest = max(largest, int(piece.max(initial=0)))
        found = {name: np.concatenate(pieces).tolist() for name, pieces in small.items()}
    except ValueError:
        return False
    return (
        found["row"] == list(rows)
        and (classes is None or largest <= classes)
        and (weights_sha256 is None or found["weights_sha256"] == [weights_sha256])
    )


def _wanted(rows: Sequence[int] | None, shape: tuple[int, int] | None) -> Mapping[str, Fits]:
    def for_each(found: ArrayHeader) -> bool:
        return rows is None or found.shape[:1] == (len(rows),)

    def maps(found: ArrayHeader) -> bool:
        size = found.shape[1:]
        fits = size == shape if shape else len(size) == 2 and math.prod(size) <= MOST_PIXELS
        return found.dtype == np.uint8 and fits and for_each(found)

    return {
        "row": lambda found: (
            found.dtype == np.int64 and len(found.shape) == 1 and for_each(found)
        ),
        "mask": maps,
        "uncertainty": maps,
        "weights_sha256": lambda found: found.dtype.str == "<U64" and found.shape == (),
    }
