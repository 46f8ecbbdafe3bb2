"""The paper's U-Net: four levels, dropout in encoder and decoder, any width and depth.

Source: section 4.3.1 of the paper (Gaillochet, Desrosiers and Lombaert) and the network in
its released code, after Ronneberger, Fischer and Brox, MICCAI 2015.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nextslice.errors import SettingsError
from nextslice.models.types import Images, Logits

__all__ = ["EncoderDecoder", "HasEncoder", "HasHead", "HasStem", "UNet", "checked_channels"]

_MOST_WEIGHTS: Final = 500_000_000  # 2 GB; in training, four times that
_MOST_LEVELS: Final = 16  # which images of 32,768 pixels a side pass


@runtime_checkable
class HasEncoder(Protocol):
    """A network whose inner features can be read: what Core-set needs."""

    def encode(self, images: Images) -> list[Tensor]:
        """Feature maps of each encoder level, the bottleneck last."""


@runtime_checkable
class EncoderDecoder(HasEncoder, Protocol):
    """A network in two halves, ``forward(x) = decode(encode(x))``: what learning loss needs."""

    def decode(self, features: list[Tensor]) -> Logits:
        """Logits from what `encode` returned."""


@runtime_checkable
class HasStem(Protocol):
    """A network that can be cut before its first dropout: ``forward(x) = finish(stem(x))``.

    MC dropout then computes the stem once for all its passes.
    """

    def stem(self, images: Images) -> Tensor:
        """What does not depend on any dropout."""

    def finish(self, stem: Tensor) -> Logits:
        """Logits from what `stem` returned."""


@runtime_checkable
class HasHead(Protocol):
    """A network whose last layer can be read: what BADGE needs."""

    head: nn.Module
    """A 1x1 convolution whose output is the logits."""


class UNet(nn.Module):
    """A U-Net for 2D slices of any size of at least ``2 ** (levels - 1)`` pixels a side.

    Each level is twice (3x3 convolution, batch norm, leaky ReLU). Dropout follows each pooling
    in the encoder and each level but the last in the decoder. Upsampling is a 2x2 transposed
    convolution; where an odd size was halved, its last row or column is repeated so that the
    map fits its skip connection. The default width does 2.7 GFLOP (1.35 G multiply-adds) on a
    50x50 slice.

    Args:
        classes: Number of classes, background included; at least 2.
        channels: Width of each level from the top to the bottleneck.
        dropout: Probability that an activation is dropped, in [0, 1).
        in_channels: Channels of the input.

    Raises:
        SettingsError: A value is out of range.
    """

    def __init__(
        self,
        classes: int,
        channels: tuple[int, ...] = (64, 128, 256, 512),
        dropout: float = 0.5,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        if classes < 2:
            raise SettingsError(
                f"A U-Net needs classes >= 2, background included; got {classes}.",
                remedy="Count the background: one foreground structure means classes=2.",
            )
        checked_channels(channels, in_channels, classes)
        if not 0 <= dropout < 1:
            raise SettingsError(f"dropout must be in [0, 1); got {dropout!r}.")
        self.classes = classes
        self.channels = tuple(channels)
        self.in_channels = in_channels
        widths = pairwise((in_channels, *channels))
        self.encoder = nn.ModuleList(_level(inputs, outputs) for inputs, outputs in widths)
        upwards = list(pairwise(reversed(channels)))
        self.upsampling = nn.ModuleList(
            nn.ConvTranspose2d(below, above, kernel_size=2, stride=2)
            for below, above in upwards
        )
        self.decoder = nn.ModuleList(_level(2 * above, above) for _, above in upwards)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(channels[0], classes, kernel_size=1)

    def stem(self, images: Float[Tensor, "batch channels height width"]) -> Tensor:
        """The first level's maps: dropout begins after them.

        Raises:
            SettingsError: See :meth:`demand_size`.
        """
        self.demand_size(*images.shape[-2:])
        first: Tensor = self.encoder[0](images)
        return first

    def demand_size(self, height: int, width: int) -> None:
        """Make sure that images of this size can be segmented.

        Raises:
            SettingsError: They are smaller than ``2 ** (levels - 1)`` on a side.
        """
        smallest = 2 ** (len(self.channels) - 1)
        if min(height, width) < smallest:
            raise SettingsError(
                f"A U-Net of {len(self.channels)} levels needs images of at least "
                f"{smallest}x{smallest} pixels; got {height}x{width}.",
                remedy="Prepare larger slices (axis, size, spacing), or give the network fewer "
                "levels (network.channels).",
            )

    def encode(self, images: Float[Tensor, "batch channels height width"]) -> list[Tensor]:
        """Feature maps ``(batch, channels[i], height / 2**i, width / 2**i)``, bottleneck last.

        Raises:
            SettingsError: The images are smaller than ``2 ** (levels - 1)`` on a side.
        """
        return self._deeper(self.stem(images))

    def _deeper(self, first: Tensor) -> list[Tensor]:
        """All levels from the first one's maps."""
        features = [first]
        for level in list(self.encoder)[1:]:
            features.append(level(self.dropout(self.pool(features[-1]))))
        return features

    def decode(self, features: list[Tensor]) -> Logits:
        """Logits from the feature maps of `encode`."""
        maps = features[-1]
        steps = zip(self.upsampling, self.decoder, reversed(features[:-1]), strict=True)
        for number, (upsample, level, skip) in enumerate(steps):
            if number > 0:
                maps = self.dropout(maps)
            maps = upsample(maps)
            # Not F.pad(mode="replicate"): its gradient is not deterministic on CUDA.
            if maps.shape[-2] < skip.shape[-2]:
                maps = torch.cat([maps, maps[..., -1:, :]], dim=-2)
            if maps.shape[-1] < skip.shape[-1]:
                maps = torch.cat([maps, maps[..., -1:]], dim=-1)
            maps = level(torch.cat([maps, skip], dim=1))
        return cast("Tensor", self.head(maps))

    def finish(self, stem: Tensor) -> Logits:
        """Logits from the first level's maps."""
        return self.decode(self._deeper(stem))

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Logits:
        """Logits ``(batch, classes, height, width)``."""
        return self.decode(self.encode(images))


def checked_channels(
    channels: tuple[int, ...], in_channels: int = 1, classes: int = 2
) -> tuple[int, ...]:
    """The widths of a U-Net's levels, if one can be made of them; nothing is made here.

    Raises:
        SettingsError: There are too few or too many, or they have more weights than a
            training can be expected to bear.
    """
    if not channels or min(channels) < 1 or in_channels < 1:
        raise SettingsError(
            "A U-Net needs at least one level and at least one channel in each; got "
            f"channels={channels!r:.80}, in_channels={in_channels!r}."
        )
    if len(channels) > _MOST_LEVELS:
        raise SettingsError(f"A U-Net has {_MOST_LEVELS} levels at most; got {len(channels)}.")
    down = sum(9 * (i + o) * o for i, o in pairwise((in_channels, *channels)))
    up = sum(4 * below * above + 27 * above**2 for above, below in pairwise(channels))
    weights = down + up + classes * channels[0]
    if weights > _MOST_WEIGHTS:
        raise SettingsError(
            f"A U-Net has {_MOST_WEIGHTS:,} weights at most; channels={channels!r:.80} would "
            f"have {weights:,}.",
            remedy="Give it fewer channels; the paper's are (64, 128, 256, 512).",
        )
    return channels


def _level(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(inplace=True),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(inplace=True),
    )
