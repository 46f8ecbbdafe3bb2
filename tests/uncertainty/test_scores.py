"""Each uncertainty against a plain computation of the same thing."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor, nn

from nextslice.errors import ScoreError, SettingsError
from nextslice.models.augmentation import AugmentationSettings, apply
from nextslice.models.inference import SegmentationModel
from nextslice.models.loss_prediction import LossPrediction
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.uncertainty import Entropy, LearningLoss, MCDropout, TestTimeAugmentation
from nextslice.uncertainty.base import checked_uncertainties
from nextslice.uncertainty.dropout import ThinnedNetwork


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((7, 16, 20)).astype(np.float32)


class _Threshold(nn.Module):
    """Class 1 where the image is bright: the prediction turns with the image."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(images), 20 * (images - 0.5)], dim=1)


class _Position(nn.Module):
    """Class 1 on the left, whatever the image: the prediction does not turn."""

    def forward(self, images: Tensor) -> Tensor:
        left = torch.linspace(5, -5, images.shape[-1]).expand_as(images)
        return torch.cat([torch.zeros_like(images), left], dim=1)


def _model(network: nn.Module) -> SegmentationModel:
    return SegmentationModel(network, classes=2, device="cpu", precision="float32")


def test_entropy_is_the_mean_over_the_pixels(images: np.ndarray) -> None:
    scores = Entropy().score(_model(_Threshold()), images, seed=0)
    bright = 1 / (1 + np.exp(-20 * (images.astype(np.float64) - 0.5)))
    expected = entropy(np.stack([bright, 1 - bright]), axis=0).mean(axis=(1, 2))
    assert np.allclose(scores, expected, rtol=1e-4)


def test_mc_dropout_compares_passes_of_torch_s_own_dropout() -> None:
    """A single dropout layer: a thinned pass multiplies by 0 or 1 / (1 - p), in that share."""
    layer = nn.Dropout(0.3).eval()
    thinned = ThinnedNetwork(layer, seed=0)
    ones = torch.ones(5, 100, 40, 10)
    with thinned.active():
        output = layer(ones)
    kept = output > 0
    assert torch.allclose(output[kept], torch.tensor(1 / 0.7))
    assert float(kept[0].float().mean()) == pytest.approx(0.7, abs=0.01)
    assert (output == output[:1]).all()  # all slices see the same thinned network
    assert torch.equal(layer(ones), ones)  # and dropout is off again


def test_channel_dropout_drops_whole_channels() -> None:
    layer = nn.Dropout2d(0.5).eval()
    with ThinnedNetwork(layer, seed=1).active():
        output = layer(torch.ones(2, 64, 8, 8))
    per_channel = output.amax(dim=(2, 3)) == output.amin(dim=(2, 3))
    assert per_channel.all()
    assert 0 < int((output[0, :, 0, 0] == 0).sum()) < 64


def test_mc_dropout_without_dropout_is_refused(images: np.ndarray) -> None:
    model = _model(UNet(classes=2, channels=(4, 8), dropout=0.0))
    with pytest.raises(SettingsError, match="network with dropout"):
        MCDropout().score(model, images, seed=0)


def test_mc_dropout_leaves_batch_normalisation_as_learnt(images: np.ndarray) -> None:
    network = UNet(classes=2, channels=(4, 8), dropout=0.5)
    model = _model(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    MCDropout().score(model, images, seed=0)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_dropout_and_tta_stay_between_0_and_ln_k(images: np.ndarray) -> None:
    model = _model(UNet(classes=2, channels=(4, 8), dropout=0.5))
    for uncertainty in (MCDropout(samples=4), TestTimeAugmentation(samples=4)):
        scores = uncertainty.score(model, images, seed=0)
        assert (scores > 0).all()
        assert (scores < math.log(4)).all()


def test_tta_of_a_prediction_that_turns_with_the_image_is_low() -> None:
    """An equivariant network agrees with itself; one that looks at positions does not."""
    y, x = np.mgrid[:41, :41] - 20.0
    disc = (x**2 + y**2 < 100).astype(np.float32)[None]
    tta = TestTimeAugmentation(
        augmentation=AugmentationSettings(rotation_degrees=90, noise_std=0.0)
    )
    turning = tta.score(_model(_Threshold()), disc, seed=0)
    fixed = tta.score(_model(_Position()), disc, seed=0)
    assert turning[0] < 0.02
    assert fixed[0] > 10 * turning[0]


def test_tta_ignores_pixels_outside_the_field_of_view() -> None:
    """A constant prediction agrees with itself everywhere it was seen."""
    tta = TestTimeAugmentation(augmentation=AugmentationSettings(rotation_degrees=45))

    class Constant(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.cat([images * 0, images * 0 + 1.5], dim=1)

    scores = tta.score(_model(Constant()), np.ones((2, 30, 40), np.float32), seed=0)
    assert np.allclose(scores, 0, atol=1e-6)


def test_the_released_code_s_tta_begins_with_the_untouched_input(images: np.ndarray) -> None:
    tta = TestTimeAugmentation(samples=5, include_clean=True)
    drawn = tta._draw((16, 20), 0, torch.device("cpu"))
    assert len(drawn) == 5
    assert drawn[0] is None
    batch = torch.from_numpy(images)[:, None]
    assert all(not torch.equal(apply(batch, a), batch) for a in drawn[1:] if a is not None)


@pytest.mark.parametrize("uncertainty", [MCDropout, TestTimeAugmentation])
def test_memory_does_not_grow_with_the_number_of_predictions(
    uncertainty: type[MCDropout | TestTimeAugmentation],
) -> None:
    """Largest count of live tensor bytes while scoring: the same for K = 2 and K = 16."""
    images = np.random.default_rng(1).random((4, 96, 96)).astype(np.float32)
    model = _model(nn.Sequential(nn.Dropout(0.5), nn.Conv2d(1, 16, 1)))
    maps = 4 * 16 * 96 * 96 * 4  # bytes of one prediction of the batch

    def peak(samples: int) -> float:
        return _peak_tensor_bytes(
            lambda: uncertainty(samples=samples).score(model, images, seed=0)
        )

    one_input = 4 * 96 * 96  # bytes of a mask of the dropout layer, or of one noise image
    assert peak(16) - peak(2) <= 14 * one_input + 0.5 * maps


def _peak_tensor_bytes(work: object) -> float:
    """Peak of allocations on the CPU, from torch's profiler."""
    assert callable(work)
    tracemalloc.start()
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        work()
    tracemalloc.stop()
    live = peak = 0
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    assert peak > 0
    return peak


def test_learning_loss_without_its_head_says_how_to_train_it(images: np.ndarray) -> None:
    with pytest.raises(SettingsError, match="loss_prediction"):
        LearningLoss().score(_model(UNet(2, (4, 8))), images, seed=0)


def test_learning_loss_finds_the_slices_that_the_network_gets_wrong() -> None:
    """Half of the slices have masks of pure chance: their loss stays high and is foreseen."""
    rng = np.random.default_rng(0)
    hard = np.arange(40) % 2 == 0
    images = rng.normal(0.2, 0.05, size=(40, 16, 16))
    images[hard] += 0.5  # so that the network can tell hard from easy
    masks = np.zeros((40, 16, 16), np.uint8)
    masks[hard] = rng.integers(0, 2, size=(20, 16, 16))
    model = Trainer(
        UNet(2, (8, 16), dropout=0.0),
        steps=150,
        batch_size=8,
        warmup_factor=5_000.0,
        device="cpu",
        precision="float32",
    ).fit(images.astype(np.float32), masks, seed=0, loss_prediction=LossPrediction())
    scores = LearningLoss().score(model, images.astype(np.float32), seed=0)
    assert scores[hard].min() > scores[~hard].max()


def test_a_score_that_is_not_finite_is_named_by_its_slice() -> None:
    scores = np.array([0.1, np.nan, np.inf])
    with pytest.raises(ScoreError, match="nan for case-7 slice 1 and 1 more"):
        checked_uncertainties(scores, 3, lambda row: f"case-7 slice {row}", "Entropy")
    with pytest.raises(ScoreError, match="one score for each of 4 slices"):
        checked_uncertainties(scores, 4, str, "Entropy")
