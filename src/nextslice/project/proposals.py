"""What a model proposes for the slices of a query, kept so that nobody computes it twice."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextslice.files import write_atomically
from nextslice.types import SliceMask, SliceMasks

__all__ = ["Proposals", "read_proposals", "write_proposals"]


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


def read_proposals(path: Path) -> Proposals | None:
    """What :func:`write_proposals` wrote; None if the file is missing or damaged.

    They can be computed again, so a damaged file is no loss.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            proposals = Proposals(
                tuple(file["row"].tolist()),
                file["mask"],
                file["uncertainty"],
                str(file["weights_sha256"]),
            )
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError):
        return None
    except (zipfile.BadZipFile, zlib.error):
        return None
    whole = proposals.masks.shape == proposals.uncertainties.shape
    return proposals if whole and len(proposals.masks) == len(proposals.rows) else None
