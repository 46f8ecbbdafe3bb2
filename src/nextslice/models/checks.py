"""What is found out before a training starts, so that it does not fail in the middle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nextslice.errors import NextsliceError, TrainingError
from nextslice.models.loss_prediction import LossPrediction, LossPredictionModule
from nextslice.models.types import Images
from nextslice.models.unet import EncoderDecoder
from nextslice.types import SliceImages, SliceMasks

__all__ = ["check_slices", "classes_of", "loss_module_for"]


def check_slices(images: SliceImages, masks: SliceMasks) -> None:
    """Raise `TrainingError` if images and masks are not of one shape, empty or not finite."""
    if images.ndim != 3 or len(images) == 0 or images.shape != masks.shape:
        raise TrainingError(
            "Training needs images and masks of one shape (slices, height, width), with at "
            f"least one slice; got images {images.shape} and masks {masks.shape}."
        )
    if not np.isfinite(images).all():
        raise TrainingError(
            "The images hold NaN or infinite values.",
            remedy="Run `nextslice check` on the data set.",
        )


def classes_of(
    network: nn.Module, image: Images, highest: int, expected: Sequence[str] | None = None
) -> int:
    """Try a network on one image before the work starts.

    Args:
        network: The network, on the image's device and in evaluation mode: a try in
            training mode would leave its mark on the batch norms.
        image: One image.
        highest: The highest class number in the masks.
        expected: The foreground classes that it has to tell apart, where they are known.

    Returns:
        Its number of classes, background included.

    Raises:
        TrainingError: It fails, returns another shape, or has too few classes or others
            than are expected.
    """
    try:
        with torch.inference_mode():
            output: object = network(image)
    except NextsliceError:
        raise
    except Exception as error:
        raise TrainingError(
            f"{type(network).__name__} failed on an image of shape {tuple(image.shape)}: "
            f"{error}",
            cause="it expects another number of channels, of dimensions, or another size.",
            remedy="Give a network from (batch, 1, height, width) to (batch, classes, height, "
            "width), such as MONAI's with spatial_dims=2, in_channels=1.",
        ) from error
    came = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    height, width = image.shape[-2:]
    fits = isinstance(came, tuple) and len(came) == 4 and came[1] > 1
    if not fits or (came[0], *came[2:]) != (1, height, width):
        raise TrainingError(
            f"{type(network).__name__} must return logits of shape (1, classes, {height}, "
            f"{width}), with at least two classes, for one image of shape "
            f"{tuple(image.shape)}; it returned {came}.",
            cause="the network is not one for segmentation, has deep supervision switched on, "
            "or needs sides divisible by a power of two.",
        )
    classes = int(came[1])
    if expected is not None and classes != len(expected) + 1:
        raise TrainingError(
            f"Expected a network with {len(expected) + 1} classes, background and "
            f"{', '.join(expected)}; it returns {classes}."
        )
    if highest >= classes:
        raise TrainingError(
            f"The network tells {classes} classes apart (0 to {classes - 1}, background "
            f"included); a mask holds class {highest}.",
            remedy=f"Build it with classes={highest + 1}, or merge labels.",
        )
    return classes


def loss_module_for(
    network: nn.Module, image: Images, settings: LossPrediction
) -> LossPredictionModule:
    """A loss-prediction module that fits the network's encoder.

    Args:
        network: The network, in evaluation mode.
        image: One image to try it on.
        settings: The width of the module.

    Raises:
        TrainingError: The network is not in two halves, encode and decode.
    """
    if not isinstance(network, EncoderDecoder):
        raise TrainingError(
            f"Learning loss reads the encoder's features; {type(network).__name__} has no "
            "encode and decode.",
            remedy="Give it encode(images) -> list of feature maps and decode(maps) -> logits, "
            "as nextslice.models.unet.UNet has, or choose another uncertainty.",
        )
    with torch.inference_mode():
        features = network.encode(image)
    return LossPredictionModule(tuple(level.shape[1] for level in features), settings.hidden)
