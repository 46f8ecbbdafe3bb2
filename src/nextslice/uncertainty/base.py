"""What every uncertainty promises, and the loop and the check that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from nextslice.errors import ScoreError
from nextslice.models.inference import SegmentationModel, SliceSource
from nextslice.models.loss_prediction import LossPrediction
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.types import Scores

__all__ = ["Uncertainty", "checked_uncertainties", "loss_prediction_of", "score_batches"]


@runtime_checkable
class Uncertainty(Protocol):
    """A trained model and slices -> one score per slice.

    An uncertainty is a frozen dataclass with this one method. A slice's score depends on the
    model, the slice and the seed alone, not on the slices that happen to share its batch.
    :class:`nextslice.testing.UncertaintyContract` proves that it keeps its promises.

    One that needs a loss-prediction head trained beside the network says so by an attribute
    ``loss_prediction`` that holds a :class:`~nextslice.models.loss_prediction.LossPrediction`.
    """

    def score(
        self,
        model: SegmentationModel,
        images: SliceSource,
        *,
        seed: int,
        on_progress: OnProgress = ignore_progress,
    ) -> Scores:
        """Score every slice of `images`.

        Args:
            model: The trained network.
            images: Prepared slices, shape (slices, height, width), read a batch at a time.
            seed: The only source of chance.
            on_progress: Told how many slices are done.

        Returns:
            Shape (slices,), double precision.
        """
        ...


def loss_prediction_of(uncertainty: Uncertainty | None) -> LossPrediction | None:
    """The head that must be trained beside the network for this uncertainty, if any."""
    return getattr(uncertainty, "loss_prediction", None)


def score_batches(
    model: SegmentationModel,
    images: SliceSource,
    score: Callable[[Tensor], Tensor],
    on_progress: OnProgress,
) -> Scores:
    """Apply `score` (a batch of images -> one number each) to every slice."""
    scores = np.empty(len(images), dtype=np.float64)
    for rows, batch in model.batches(images):
        scores[rows] = score(batch).double().cpu().numpy()
        on_progress(Progress("score", rows.stop, len(images)))
    return scores


def checked_uncertainties(
    scores: Scores, slices: int, name_of: Callable[[int], str], source: str
) -> Scores:
    """`scores` if they are one finite number per slice.

    Args:
        scores: What an uncertainty returned.
        slices: How many slices it was given.
        name_of: Row -> the slice's name, for the error.
        source: The uncertainty's name, for the error.

    Raises:
        ScoreError: The count is wrong, or a score is NaN or infinite; names the slice.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (slices,):
        raise ScoreError(
            f"Expected {source} to give one score for each of {slices} slices, "
            f"got an array of shape {scores.shape}."
        )
    broken = np.flatnonzero(~np.isfinite(scores))
    if len(broken):
        row = int(broken[0])
        others = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise ScoreError(
            f"Expected finite scores from {source}, got {scores[row]} for "
            f"{name_of(row)}{others}.",
            cause="training diverged, so that the network returns NaN.",
            remedy="Look at the training loss; a lower learning rate usually helps. "
            "Nothing was queried.",
        )
    return scores
