"""What every uncertainty promises, as tests on a small trained network."""

from __future__ import annotations

import functools

import numpy as np
import torch

from nextslice.models.inference import SegmentationModel
from nextslice.models.loss_prediction import LossPrediction
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.testing.rebuilding import from_repr
from nextslice.types import SliceImages, SliceMasks
from nextslice.uncertainty.base import Uncertainty, loss_prediction_of

__all__ = ["UncertaintyContract"]


class UncertaintyContract:
    """Inherit this in a test class and bring one fixture named ``uncertainty``."""

    def test_is_an_uncertainty(self, uncertainty: Uncertainty) -> None:
        assert isinstance(uncertainty, Uncertainty), (
            f"{type(uncertainty).__name__} needs a method "
            "score(model, images, *, seed, on_progress)."
        )

    def test_is_a_frozen_dataclass_that_its_repr_rebuilds(
        self, uncertainty: Uncertainty
    ) -> None:
        kind = type(uncertainty)
        parameters = getattr(kind, "__dataclass_params__", None)
        assert parameters is not None, f"{kind.__name__} is not a dataclass."
        assert parameters.frozen, f"{kind.__name__} must be frozen: @dataclass(frozen=True)."
        rebuilt = from_repr(uncertainty)
        assert rebuilt == uncertainty, f"repr gives {rebuilt!r}, not {uncertainty!r}."

    def test_gives_one_finite_number_per_slice(self, uncertainty: Uncertainty) -> None:
        model, images = _trained(uncertainty)
        scores = uncertainty.score(model, images, seed=0)
        assert isinstance(scores, np.ndarray), f"scores are a {type(scores).__name__}."
        assert scores.shape == (len(images),), f"{scores.shape}, expected ({len(images)},)."
        assert np.isfinite(scores).all(), "a score is NaN or infinite."

    def test_tells_slices_apart(self, uncertainty: Uncertainty) -> None:
        model, images = _trained(uncertainty)
        scores = uncertainty.score(model, images, seed=0)
        assert len(np.unique(scores)) > 1, "all slices got the same score."

    def test_the_seed_is_the_only_source_of_chance(self, uncertainty: Uncertainty) -> None:
        model, images = _trained(uncertainty)
        first = uncertainty.score(model, images, seed=3)
        with torch.random.fork_rng():
            torch.manual_seed(99)
            before = torch.get_rng_state()
            again = uncertainty.score(model, images, seed=3)
            after = torch.get_rng_state()
        assert np.array_equal(first, again), "the same seed gave other scores."
        assert torch.equal(before, after), "torch's global generator was drawn from."

    def test_a_slice_s_score_does_not_depend_on_its_neighbours(
        self, uncertainty: Uncertainty
    ) -> None:
        model, images = _trained(uncertainty)
        together = uncertainty.score(model, images, seed=1)
        alone = uncertainty.score(model, images[5:6], seed=1)
        assert np.allclose(together[5], alone[0], rtol=1e-3, atol=1e-6), (
            f"slice 5 scores {together[5]} among others and {alone[0]} alone."
        )

    def test_scores_nothing_where_there_is_nothing(self, uncertainty: Uncertainty) -> None:
        model, images = _trained(uncertainty)
        assert uncertainty.score(model, images[:0], seed=0).shape == (0,)

    def test_leaves_the_model_as_it_was(self, uncertainty: Uncertainty) -> None:
        model, images = _trained(uncertainty)
        before = model.predict(images)
        weights = {name: value.clone() for name, value in model.network.state_dict().items()}
        uncertainty.score(model, images, seed=0)
        after = model.network.state_dict()
        assert all(torch.equal(weights[name], after[name]) for name in weights), (
            "the network's weights or running statistics were changed."
        )
        assert np.array_equal(before, model.predict(images)), "predictions changed."


def _trained(uncertainty: Uncertainty) -> tuple[SegmentationModel, SliceImages]:
    return _train_once(loss_prediction_of(uncertainty)), _discs(24)[0]


@functools.cache
def _train_once(loss_prediction: LossPrediction | None) -> SegmentationModel:
    images, masks = _discs(24)
    trainer = Trainer(
        UNet(classes=2, channels=(4, 8), dropout=0.5),
        steps=40,
        batch_size=4,
        device="cpu",
        precision="float32",
    )
    return trainer.fit(images[:8], masks[:8], seed=0, loss_prediction=loss_prediction)


def _discs(slices: int) -> tuple[SliceImages, SliceMasks]:
    """Noisy discs of growing size: something to learn in a second."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :24] - 11.5
    radii = np.linspace(2, 10, slices)[:, None, None]
    masks = (x**2 + y**2 < radii**2).astype(np.uint8)
    images = 0.3 + 0.4 * masks + rng.normal(scale=0.1, size=masks.shape)
    return images.astype(np.float32), masks
