"""Every uncertainty that ships keeps the contract; a broken one is told what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nextslice.models.augmentation import AugmentationSettings
from nextslice.models.inference import SegmentationModel, SliceSource
from nextslice.progress import OnProgress, ignore_progress
from nextslice.testing import UncertaintyContract
from nextslice.types import Scores
from nextslice.uncertainty import (
    Entropy,
    LearningLoss,
    MCDropout,
    TestTimeAugmentation,
    Uncertainty,
)

SHIPPED = [
    Entropy(),
    MCDropout(),
    MCDropout(samples=3, divergence="released-code"),
    TestTimeAugmentation(),
    TestTimeAugmentation(
        include_clean=True,
        rotate_back="logits",
        outside="zero",
        divergence="released-code",
        augmentation=AugmentationSettings(
            noise_std=0.01, whole_degrees=True, interpolation="nearest"
        ),
    ),
    LearningLoss(),
]


class TestShippedUncertainties(UncertaintyContract):
    @pytest.fixture(params=SHIPPED, ids=lambda value: type(value).__name__)
    def uncertainty(self, request: pytest.FixtureRequest) -> Uncertainty:
        uncertainty: Uncertainty = request.param
        return uncertainty


@dataclass(frozen=True)
class _Nan:
    def score(
        self,
        model: SegmentationModel,
        images: SliceSource,
        *,
        seed: int,
        on_progress: OnProgress = ignore_progress,
    ) -> Scores:
        return np.full(len(images), np.nan)


def test_an_uncertainty_that_gives_nan_is_told_so() -> None:
    with pytest.raises(AssertionError, match="NaN or infinite"):
        UncertaintyContract().test_gives_one_finite_number_per_slice(_Nan())
