"""Learning loss: a small module that predicts how large the loss of an image would be.

Source: Yoo and Kweon, Learning Loss for Active Learning, CVPR 2019, sections 3.2 and 3.3; used
by the paper as one of its uncertainties (section 4.3.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nextslice.errors import SettingsError
from nextslice.models.types import PerSlice

__all__ = ["LossPrediction", "LossPredictionModule", "ranking_loss"]


@dataclass(frozen=True)
class LossPrediction:
    """How the loss-prediction module is trained beside the network.

    Attributes:
        hidden: Width of the module for each encoder level.
        margin: How far apart the predictions of a pair must be. With 0 a constant prediction
            has zero loss already.
        weight: Weight of the ranking loss beside the segmentation loss.
        detach_after: Fraction of the training after which the ranking loss no longer reaches
            the network.
        two_optimisers: Step the module with an optimiser of its own besides the network's, as
            the paper's released code does. Otherwise the module is a group of its own in one
            optimiser.

    Raises:
        SettingsError: A value is out of range.
    """

    hidden: int = 128
    margin: float = 1.0
    weight: float = 1.0
    detach_after: float = 0.6
    two_optimisers: bool = False

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise SettingsError(f"hidden must be at least 1; got {self.hidden!r}.")
        for name in ("margin", "weight"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise SettingsError(f"{name} must be a finite number >= 0; got {value!r}.")
        if not 0 <= self.detach_after <= 1:
            raise SettingsError(f"detach_after must be in [0, 1]; got {self.detach_after!r}.")


class LossPredictionModule(nn.Module):
    """One number per image from the encoder's feature maps, of any size.

    Each level is averaged over its pixels and passed through a linear layer and ReLU; all are
    put side by side and passed through a last linear layer.

    Args:
        feature_channels: Channels of each encoder level.
        hidden: Width for each level.
    """

    def __init__(self, feature_channels: tuple[int, ...], hidden: int = 128) -> None:
        super().__init__()
        self.feature_channels = tuple(feature_channels)
        self.hidden = hidden
        self.levels = nn.ModuleList(nn.Linear(width, hidden) for width in feature_channels)
        self.head = nn.Linear(hidden * len(feature_channels), 1)

    def forward(self, features: list[Tensor]) -> PerSlice:
        """Predicted loss per image, without a unit: only its order means anything."""
        levels = zip(self.levels, features, strict=True)
        parts = [torch.relu(level(maps.mean(dim=(-2, -1)))) for level, maps in levels]
        return cast("Tensor", self.head(torch.cat(parts, dim=1))[:, 0])


def ranking_loss(
    predicted: PerSlice, target: PerSlice, margin: float = 1.0
) -> Float[Tensor, ""]:
    """Punish pairs whose predictions are not ordered as their true losses, with a margin.

    Image i of the first half of the batch is paired with image i of the second. A pair costs
    ``max(0, margin - s * (p_i - p_j))``, where s = 1 if the true loss of i is the larger one
    and -1 otherwise (Yoo and Kweon, equation 4). The loss is the mean over the pairs: 0 if and
    only if each pair is ordered with the margin. No gradient reaches `target`.

    Raises:
        SettingsError: The batch is odd or empty.
    """
    count = len(predicted)
    if count < 2 or count % 2:
        raise SettingsError(
            f"Learning loss compares pairs, so it needs an even batch of at least 2; "
            f"got {count}.",
            remedy="Choose an even batch_size.",
        )
    half = count // 2
    target = target.detach()
    sign = torch.where(target[:half] > target[half:], 1.0, -1.0)
    return torch.relu(margin - sign * (predicted[:half] - predicted[half:])).mean()
