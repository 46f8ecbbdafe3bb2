"""What was asked of the annotator, what an answer says, and what has become of a slice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nextslice.data.pool import SliceId

__all__ = ["AnswerKind", "QueriedSlice", "Query", "SliceState"]


class SliceState(StrEnum):
    """What has become of a slice of the pool."""

    UNLABELLED = "unlabelled"
    QUERIED = "queried"
    LABELLED = "labelled"
    SKIPPED = "skipped"


class AnswerKind(StrEnum):
    """What an answer says about its slice."""

    MASK = "mask"
    SKIP = "skip"
    WITHDRAWN = "withdrawn"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class QueriedSlice:
    """One slice of a query.

    Attributes:
        row: Its position in the pool.
        id: Its case and its index in the volume.
        score: Its uncertainty, or None where nothing was scored.
    """

    row: int
    id: SliceId
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """The batch of slices asked for in one cycle.

    Attributes:
        cycle: 0 for the initial set.
        slices: In the order in which to annotate them.
        batch_score: Mean score of the batch, or None where nothing was scored.
        strength: (batch score - mean of the unlabelled slices) / their standard deviation.
    """

    cycle: int
    slices: tuple[QueriedSlice, ...]
    batch_score: float | None = None
    strength: float | None = None

    def __len__(self) -> int:
        return len(self.slices)

    @property
    def volumes(self) -> int:
        """How many distinct volumes the annotator must open."""
        return len({queried.id.case for queried in self.slices})
