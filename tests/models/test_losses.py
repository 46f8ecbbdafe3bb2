"""Segmentation losses against the formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nextslice.models.losses import BinaryOutput, Loss, segmentation_loss

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(3, 3, 5, 4, generator=GENERATOR)
MASKS = torch.randint(0, 3, (3, 5, 4), generator=GENERATOR)


def test_cross_entropy_is_minus_the_mean_log_probability_of_the_truth() -> None:
    logits, masks = LOGITS.numpy(), MASKS.numpy()
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(np.take_along_axis(p, masks[:, None], 1)).mean((1, 2, 3))
    np.testing.assert_allclose(segmentation_loss(LOGITS, MASKS), expected, rtol=1e-5)


def test_half_of_it_and_half_soft_dice_over_the_foreground() -> None:
    p = torch.softmax(LOGITS, 1).numpy()
    dice = [
        np.mean(
            [
                (2 * (p[i, k] * (MASKS[i] == k).numpy()).sum() + 1)
                / (p[i, k].sum() + (MASKS[i] == k).numpy().sum() + 1)
                for k in (1, 2)
            ]
        )
        for i in range(3)
    ]
    expected = 0.5 * segmentation_loss(LOGITS, MASKS).numpy() + 0.5 * (1 - np.array(dice))
    came = segmentation_loss(LOGITS, MASKS, "cross-entropy+dice")
    np.testing.assert_allclose(came, expected, rtol=1e-5)


def test_sigmoid_is_two_binary_problems_and_only_for_two_classes() -> None:
    two, masks = LOGITS[:, :2], MASKS.clamp(max=1)
    p = 1 / (1 + np.exp(-two.numpy()))
    truth = np.stack([masks.numpy() == 0, masks.numpy() == 1], axis=1)
    expected = -np.where(truth, np.log(p), np.log(1 - p)).mean((1, 2, 3))
    came = segmentation_loss(two, masks, binary_output="sigmoid")
    np.testing.assert_allclose(came, expected, rtol=1e-5)
    assert torch.equal(
        segmentation_loss(LOGITS, MASKS, binary_output="sigmoid"),
        segmentation_loss(LOGITS, MASKS),
    )


@pytest.mark.parametrize("loss", ["cross-entropy", "cross-entropy+dice"])
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_a_certain_and_right_prediction_costs_nothing(loss: Loss, output: BinaryOutput) -> None:
    masks = MASKS.clamp(max=1)
    certain = torch.stack([masks == 0, masks == 1], dim=1).float() * 200 - 100
    assert float(segmentation_loss(certain, masks, loss, output).max()) < 1e-6
