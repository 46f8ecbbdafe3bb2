"""Segmentation losses, one number per image.

Sources: section 4.3.1 of the paper (cross-entropy) and its released code (half cross-entropy,
half soft Dice over the foreground; sigmoid outputs where there is one foreground class).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn import functional

from nextslice.models.types import Logits, Masks, PerSlice

__all__ = ["BinaryOutput", "Loss", "segmentation_loss"]

Loss = Literal["cross-entropy", "cross-entropy+dice"]
BinaryOutput = Literal["softmax", "sigmoid"]


def segmentation_loss(
    logits: Logits,
    masks: Masks,
    loss: Loss = "cross-entropy",
    binary_output: BinaryOutput = "softmax",
) -> PerSlice:
    """The loss of each image: mean cross-entropy over its pixels (nats), or half that plus
    half of one minus its soft Dice averaged over the foreground classes.

    Args:
        logits: What the network returned.
        masks: The true class numbers, int64.
        loss: "cross-entropy" or "cross-entropy+dice".
        binary_output: With "sigmoid" and exactly two classes, each of the two channels is a
            sigmoid with binary cross-entropy. More classes are always a softmax.
    """  # noqa: D205
    logits = logits.float()
    sigmoid = binary_output == "sigmoid" and logits.shape[1] == 2
    one_hot = None
    if sigmoid or loss == "cross-entropy+dice":
        one_hot = functional.one_hot(masks, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    if sigmoid and one_hot is not None:
        pixels = functional.binary_cross_entropy_with_logits(
            logits, one_hot, reduction="none"
        ).mean(1)
    else:
        # Unreduced, because the reduction inside is not deterministic on CUDA.
        pixels = functional.cross_entropy(logits, masks, reduction="none")
    cross_entropy = pixels.mean(dim=(-2, -1))
    if loss == "cross-entropy" or one_hot is None:
        return cross_entropy
    probabilities = torch.sigmoid(logits) if sigmoid else torch.softmax(logits, dim=1)
    shared = (probabilities * one_hot)[:, 1:].sum(dim=(-2, -1))
    total = (probabilities + one_hot)[:, 1:].sum(dim=(-2, -1))
    # The 1 makes an empty prediction of an absent class a Dice of 1 and not 0/0.
    dice = ((2 * shared + 1) / (total + 1)).mean(dim=1)
    return 0.5 * cross_entropy + 0.5 * (1 - dice)
