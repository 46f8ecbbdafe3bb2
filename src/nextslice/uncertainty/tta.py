"""Test-time augmentation: do predictions survive small transformations of the input?

Gaillochet et al. 2022; section 4.3.2 of the paper: K = 8 inputs, each rotated by
U(-10, 10) degrees with Gaussian noise N(0, 0.01), predictions rotated back, divergence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch

from nextslice.errors import SettingsError
from nextslice.models.augmentation import (
    Augmentation,
    AugmentationSettings,
    apply,
    draw,
    invert,
)
from nextslice.models.inference import SegmentationModel, SliceSource
from nextslice.models.types import FieldOfView, Images, PerSlice, Probabilities
from nextslice.progress import OnProgress, ignore_progress
from nextslice.seeds import derive_seed
from nextslice.types import Scores
from nextslice.uncertainty.base import score_batches
from nextslice.uncertainty.divergence import Formula, JensenShannon

__all__ = ["TestTimeAugmentation"]


@dataclass(frozen=True)
class TestTimeAugmentation:
    """Divergence over K transformed inputs: 0 to ln K, in nats.

    Every slice sees the same K transformations, so that scores compare slices and not the
    luck of their draw, and do not depend on how slices are batched.

    Attributes:
        samples: K, transformed inputs per slice.
        augmentation: Where the transformations are drawn from.
        include_clean: The first of the K is the input as it is (the released code).
        rotate_back: What is rotated back: "probabilities", or "logits" (the released code).
        outside: A pixel outside a transformation's field of view takes no part in it
            ("excluded"), or is zero where any transformation misses it ("zero", the released
            code).
        divergence: See :class:`~nextslice.uncertainty.divergence.JensenShannon`.
    """

    __test__ = False  # the name starts like a test's; pytest must not collect it

    samples: int = 8
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    include_clean: bool = False
    rotate_back: Literal["probabilities", "logits"] = "probabilities"
    outside: Literal["excluded", "zero"] = "excluded"
    divergence: Formula = "jsd"

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise SettingsError(
                f"Expected samples of 2 or more transformed inputs, got {self.samples}.",
                cause="one prediction has nothing to disagree with.",
            )

    def score(
        self,
        model: SegmentationModel,
        images: SliceSource,
        *,
        seed: int,
        on_progress: OnProgress = ignore_progress,
    ) -> Scores:
        """See :meth:`nextslice.uncertainty.base.Uncertainty.score`."""
        height, width = images[0:1].shape[1:]
        transformations = self._draw((height, width), seed, model.device)
        return score_batches(
            model,
            images,
            lambda batch: self._disagreement(model, batch, transformations),
            on_progress,
        )

    def _draw(
        self, size: tuple[int, int], seed: int, device: torch.device
    ) -> list[Augmentation | None]:
        """The K transformations, one after another from one generator; None is no change."""
        generator = torch.Generator(device).manual_seed(derive_seed(seed, "tta"))
        clean: list[Augmentation | None] = [None] if self.include_clean else []
        return clean + [
            draw(self.augmentation, 1, size, generator=generator)
            for _ in range(self.samples - len(clean))
        ]

    def _disagreement(
        self,
        model: SegmentationModel,
        batch: Images,
        transformations: list[Augmentation | None],
    ) -> PerSlice:
        divergence = JensenShannon(self.divergence)
        in_all = torch.ones_like(batch[:1, 0], dtype=torch.bool)
        for transformation in transformations:
            probabilities, seen = self._predict(model, batch, transformation)
            in_all = in_all & seen
            divergence.add(probabilities, seen if self.outside == "excluded" else None)
        if self.outside == "excluded":
            return divergence.per_slice()
        return (divergence.per_pixel()[0] * in_all).mean(dim=(1, 2))

    def _predict(
        self, model: SegmentationModel, batch: Images, transformation: Augmentation | None
    ) -> tuple[Probabilities, FieldOfView]:
        """One prediction in the frame of the untouched slice, and where it was seen."""
        if transformation is None:
            return model.probabilities(batch), torch.ones_like(batch[:1, 0], dtype=torch.bool)
        transformed = apply(batch, transformation)
        if self.rotate_back == "probabilities":
            return invert(model.probabilities(transformed), transformation)
        logits, seen = invert(model.logits(transformed), transformation)
        return logits.softmax(dim=1), seen
