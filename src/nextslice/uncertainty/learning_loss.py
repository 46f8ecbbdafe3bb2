"""Learning loss: a second head predicts the loss of each slice (Yoo and Kweon, CVPR 2019)."""

from __future__ import annotations

from dataclasses import dataclass, field

from nextslice.models.inference import SegmentationModel, SliceSource
from nextslice.models.loss_prediction import LossPrediction
from nextslice.progress import OnProgress, ignore_progress
from nextslice.types import Scores
from nextslice.uncertainty.base import score_batches

__all__ = ["LearningLoss"]


@dataclass(frozen=True)
class LearningLoss:
    """The predicted loss; it has an order and no unit.

    Attributes:
        loss_prediction: How the head is built and trained beside the network.
    """

    loss_prediction: LossPrediction = field(default_factory=LossPrediction)

    def score(
        self,
        model: SegmentationModel,
        images: SliceSource,
        *,
        seed: int,
        on_progress: OnProgress = ignore_progress,
    ) -> Scores:
        """See :meth:`nextslice.uncertainty.base.Uncertainty.score`. Chance has no say.

        Raises:
            ScoreError: The model was trained without the head.
        """
        return score_batches(model, images, model.predicted_loss, on_progress)
