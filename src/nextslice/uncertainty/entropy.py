"""Entropy of one prediction (Shannon 1948; section 4.3.2 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass

from nextslice.models.inference import SegmentationModel, SliceSource
from nextslice.progress import OnProgress, ignore_progress
from nextslice.types import Scores
from nextslice.uncertainty.base import score_batches
from nextslice.uncertainty.divergence import entropy_map

__all__ = ["Entropy"]


@dataclass(frozen=True)
class Entropy:
    """-sum_c p_c ln p_c of each pixel, averaged over the slice: 0 to ln(classes), in nats."""

    def score(
        self,
        model: SegmentationModel,
        images: SliceSource,
        *,
        seed: int,
        on_progress: OnProgress = ignore_progress,
    ) -> Scores:
        """See :meth:`nextslice.uncertainty.base.Uncertainty.score`. Chance has no say."""
        return score_batches(
            model,
            images,
            lambda batch: entropy_map(model.probabilities(batch)).mean(dim=(1, 2)),
            on_progress,
        )
