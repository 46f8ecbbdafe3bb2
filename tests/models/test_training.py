"""A fit depends on its arguments alone, learns, and refuses early what cannot work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

from nextslice.errors import SettingsError, TrainingError
from nextslice.models.checks import classes_of, loss_module_for
from nextslice.models.inference import SegmentationModel
from nextslice.models.initialisation import fresh_network
from nextslice.models.loss_prediction import LossPrediction
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.progress import Progress

MakeTrainer = Callable[..., Trainer]
MakeSlices = Callable[..., Any]


def same(first: nn.Module | None, second: nn.Module | None) -> bool:
    assert first is not None
    assert second is not None
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_two_fits_with_the_same_arguments_agree_to_the_last_bit(
    make_trainer: MakeTrainer, make_slices: MakeSlices, precision: str
) -> None:
    def fit(seed: int) -> SegmentationModel:
        trainer = make_trainer(precision=precision, threads=2)
        settings = LossPrediction(hidden=4)
        return trainer.fit(*make_slices(), seed=seed, loss_prediction=settings)

    first = fit(0)
    torch.rand(5)
    again = fit(0)
    assert same(first.network, again.network)
    assert same(first.loss_prediction, again.loss_prediction)
    assert first.history == again.history
    assert not same(first.network, fit(1).network)


def test_a_fit_leaves_the_callers_generator_threads_and_template_alone(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    template = UNet(3, (4, 4))
    before = {name: value.clone() for name, value in template.state_dict().items()}
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    make_trainer(template, steps=2, threads=threads + 1).fit(*make_slices(), seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert all(
        torch.equal(value, before[name]) for name, value in template.state_dict().items()
    )


def test_the_same_seed_starts_from_the_same_weights_in_each_cycle() -> None:
    template = UNet(3, (4, 4))
    assert same(fresh_network(template, 7), fresh_network(template, 7))
    assert same(fresh_network(template, 7), fresh_network(lambda: UNet(3, (4, 4)), 7))
    assert not same(fresh_network(template, 7), fresh_network(template, 8))


def test_it_learns_the_discs(make_trainer: MakeTrainer, make_slices: MakeSlices) -> None:
    images, masks = make_slices()
    network = UNet(3, (8, 16), dropout=0.1)
    trainer = make_trainer(network, steps=150, steps_per_epoch=50, learning_rate=1e-4)
    model = trainer.fit(images, masks, seed=0)
    assert len(model.history) == 3
    assert model.history[-1] < 0.5 * model.history[0]
    assert (model.predict(images) == masks).mean() > 0.95


def test_the_last_epoch_may_be_shorter_and_progress_ends_at_the_total(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    heard: list[Progress] = []
    trainer = make_trainer(steps=12, steps_per_epoch=5)
    model = trainer.fit(*make_slices(), seed=0, on_progress=heard.append)
    assert len(model.history) == 3
    assert {report.stage for report in heard} == {"train"}
    assert (heard[0].done, heard[-1].done) == (0, 12)
    assert heard[-1].note.startswith("loss ")


def test_a_network_of_monai_can_stand_in(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    network = BasicUNet(
        spatial_dims=2, in_channels=1, out_channels=3, features=(8, 8, 16, 16, 32, 8)
    )
    images, masks = make_slices(4, (32, 32))
    model = make_trainer(network, steps=5).fit(images, masks, seed=0)
    assert model.classes == 3
    assert model.predict(images).shape == masks.shape
    with pytest.raises(SettingsError, match="Give it a method encode"):
        model.features(images)
    with pytest.raises(TrainingError, match="BasicUNet has no encode and decode"):
        make_trainer(network).fit(images, masks, seed=0, loss_prediction=LossPrediction())


class _Wrong(nn.Module):
    def __init__(self, change: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 1)
        self.change = change

    def forward(self, images: Tensor) -> object:
        return self.change(self.convolution(images))


@pytest.mark.parametrize(
    "change",
    [
        lambda logits: logits[..., ::2],
        lambda logits: logits[:, :1],
        lambda logits: logits.mean(dim=(-2, -1)),
        lambda logits: [logits],
    ],
    ids=["half the width", "one class", "a classifier", "a list"],
)
def test_a_wrong_output_is_refused_before_the_first_step(
    make_trainer: MakeTrainer, make_slices: MakeSlices, change: Callable[[Tensor], object]
) -> None:
    heard: list[Progress] = []
    with pytest.raises(
        TrainingError, match=r"must return logits of shape \(1, classes, 24, 20"
    ):
        make_trainer(_Wrong(change)).fit(*make_slices(), seed=0, on_progress=heard.append)
    assert not heard


def test_a_network_that_fails_is_named_with_its_error(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    with pytest.raises(TrainingError, match="Conv2d failed on an image of shape"):
        make_trainer(nn.Conv2d(3, 3, 1)).fit(*make_slices(), seed=0)


def test_a_module_that_cannot_be_reset_asks_for_a_function(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Conv2d(1, 3, 1)
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, images: Tensor) -> Tensor:
            out: Tensor = self.body(images) * self.scale
            return out

    with pytest.raises(TrainingError, match="Pass a function that builds the network"):
        make_trainer(Scaled()).fit(*make_slices(), seed=0)
    assert make_trainer(Scaled, steps=2).fit(*make_slices(), seed=0).classes == 3
    wrong: Any = lambda: 3  # noqa: E731
    with pytest.raises(TrainingError, match="it returned int"):
        make_trainer(wrong).fit(*make_slices(), seed=0)


def test_slices_that_cannot_be_learnt_from_are_refused(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    images, masks = make_slices()
    trainer = make_trainer()
    # TypeError: the shapes in the signature may be checked while tests run.
    with pytest.raises((TrainingError, TypeError)):
        trainer.fit(images[:2], masks, seed=0)
    with pytest.raises(TrainingError, match="at least one slice"):
        trainer.fit(images[:0], masks[:0], seed=0)
    broken = images.copy()
    broken[3, 0, 0] = np.nan
    with pytest.raises(TrainingError, match="NaN or infinite"):
        trainer.fit(broken, masks, seed=0)
    with pytest.raises(TrainingError, match=r"tells 3 classes apart .* holds class 9"):
        trainer.fit(images, np.where(masks > 0, 9, masks).astype(np.uint8), seed=0)


def test_a_loss_that_is_not_finite_names_steps_and_rate(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    trainer = make_trainer(learning_rate=1e36, warmup=0.0)
    with pytest.raises(TrainingError, match=r"between steps 1 and 5 of 12, at a learning rate"):
        trainer.fit(*make_slices(), seed=0)


@pytest.mark.parametrize("two_optimisers", [False, True])
def test_loss_prediction_is_trained_and_answers_per_slice(
    make_trainer: MakeTrainer, make_slices: MakeSlices, two_optimisers: bool
) -> None:
    images, masks = make_slices()
    settings = LossPrediction(hidden=4, two_optimisers=two_optimisers)
    model = make_trainer().fit(images, masks, seed=0, loss_prediction=settings)
    _, batch = next(model.batches(images))
    assert model.predicted_loss(batch).shape == (len(images),)
    with pytest.raises(SettingsError, match="even batch_size; got 3"):
        make_trainer(batch_size=3).fit(images, masks, seed=0, loss_prediction=settings)


def test_detached_from_the_start_the_ranking_loss_does_not_touch_the_network(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    def fit(settings: LossPrediction | None) -> SegmentationModel:
        return make_trainer(steps=4).fit(*make_slices(), seed=0, loss_prediction=settings)

    plain = fit(None)
    assert same(plain.network, fit(LossPrediction(hidden=4, detach_after=0.0)).network)
    assert not same(plain.network, fit(LossPrediction(hidden=4, detach_after=1.0)).network)


def test_settings_can_be_given_by_name_or_whole() -> None:
    whole = Trainer(UNet(2), steps=7, batch_size=2, device="cpu").settings
    assert Trainer(UNet(2), settings=whole, device="cpu").settings == whole
    assert (whole.steps, whole.batch_size, whole.learning_rate) == (7, 2, 1e-6)
    with pytest.raises(SettingsError, match="has no setting 'step'"):
        Trainer(UNet(2), step=7)
    with pytest.raises(SettingsError, match="threads must be at least 1"):
        Trainer(UNet(2), threads=0)


def test_a_try_before_the_training_leaves_no_mark_on_the_network() -> None:
    network = UNet(3, (4, 8)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    image = torch.rand(1, 1, 12, 12)
    assert classes_of(network, image, highest=2) == 3
    assert loss_module_for(network, image, LossPrediction()).feature_channels == (4, 8)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class _Greedy(nn.Conv2d):
    """Takes more memory than any machine has, once it is trained."""

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            torch.empty(2**46)
        return super().forward(images)


def test_memory_that_does_not_suffice_is_told(
    make_trainer: MakeTrainer, make_slices: MakeSlices
) -> None:
    trainer = make_trainer(_Greedy(1, 3, kernel_size=1))
    with pytest.raises(TrainingError, match="more memory than there is") as raised:
        trainer.fit(*make_slices(), seed=0)
    assert "batch_size" in raised.value.remedy


def test_other_errors_of_torch_stay_what_they_are(
    make_trainer: MakeTrainer, make_slices: MakeSlices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, *_: object) -> None:
        raise RuntimeError("no kernel for this")

    monkeypatch.setattr("nextslice.models.training._Run._step", broken)
    trainer = make_trainer()
    with pytest.raises(RuntimeError, match="no kernel for this"):
        trainer.fit(*make_slices(), seed=0)
