"""How unsure a model is of each pixel, for people to look at."""

from __future__ import annotations

import math

import numpy as np

from nextslice.models.inference import SegmentationModel, SliceSource
from nextslice.types import SliceImages
from nextslice.uncertainty.divergence import entropy_map

__all__ = ["uncertainty_maps"]


def uncertainty_maps(
    model: SegmentationModel, images: SliceImages | SliceSource
) -> SliceImages:
    """The entropy of each pixel's class probabilities as a share of the largest possible.

    The same for every strategy, so that maps can be compared; what a strategy scores by is
    often, but not always, high in the same places.

    Args:
        model: The trained model.
        images: Slices (n, height, width).

    Returns:
        (n, height, width), float32: 0 where the model is sure of one class, 1 where it holds
        all for equally likely.
    """
    parts = [
        entropy_map(model.probabilities(batch)).float().cpu().numpy()
        for _, batch in model.batches(images)
    ]
    if not parts:
        return np.zeros((0, *np.shape(images[0:0])[1:]), np.float32)
    return np.clip(np.concatenate(parts) / math.log(model.classes), 0.0, 1.0)
