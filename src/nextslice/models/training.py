"""Training from scratch for a fixed number of steps; the last step's weights are the model.

Source: section 4.3.1 of the paper.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from typing import Any, cast, final

import torch
from torch import Tensor

from nextslice.errors import SettingsError, TrainingError
from nextslice.models import augmentation as augment
from nextslice.models.checks import check_slices, classes_of, loss_module_for
from nextslice.models.devices import (
    autocast,
    deterministic,
    isolated_generators,
    limited_threads,
    resolve_device,
    resolve_precision,
    seed_generators,
)
from nextslice.models.inference import SegmentationModel
from nextslice.models.initialisation import Network, fresh_network
from nextslice.models.loss_prediction import (
    LossPrediction,
    LossPredictionModule,
    ranking_loss,
)
from nextslice.models.losses import segmentation_loss
from nextslice.models.memory import memory_told
from nextslice.models.schedule import TrainingSettings, changed_settings, learning_rate_at
from nextslice.models.types import Images, Masks
from nextslice.models.unet import EncoderDecoder
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.seeds import derive_seed
from nextslice.types import SliceImages, SliceMasks

__all__ = ["Trainer", "TrainingSettings", "learning_rate_at"]

_SECONDS_BETWEEN_REPORTS = 0.1


@final
class Trainer:
    """Trains a fresh copy of a network on labelled slices, again for each cycle.

    Args:
        network: A network used as a template, never changed itself, or a function that builds
            one. It takes ``(batch, 1, height, width)`` and returns ``(batch, classes, height,
            width)``.
        settings: The protocol; the paper's by default.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto", "float32" or "bfloat16".
        threads: CPU threads while training; None leaves PyTorch's setting. Another number
            adds in another order, so it gives slightly different weights.
        **changes: Single settings by name, such as ``steps=1_500``.

    Raises:
        SettingsError: A setting is unknown or out of range, or the device is not there.
    """

    def __init__(
        self,
        network: Network,
        *,
        settings: TrainingSettings | None = None,
        device: str | torch.device = "auto",
        precision: str = "auto",
        threads: int | None = None,
        **changes: Any,
    ) -> None:
        if threads is not None and threads < 1:
            raise SettingsError(f"threads must be at least 1 or None; got {threads!r}.")
        self.network = network
        self.settings = changed_settings(settings or TrainingSettings(), changes)
        self.device = resolve_device(device)
        self.precision = resolve_precision(precision, self.device)
        self.threads = threads

    def __repr__(self) -> str:
        """The network layer by layer, a digest of its weights by seed 0, and the settings.

        Trainers with equal texts train equal models.
        """
        return f"Trainer({self._network_text}, {self.settings})"

    def describe(self) -> dict[str, object]:
        """What is trained, as plain settings; equal ones train equal models."""
        digest = hashlib.sha256(self._network_text.encode()).hexdigest()[:16]
        network = {"name": self._network_text.partition("(")[0], "digest": digest}
        return {"network": network, "settings": asdict(self.settings)}

    @cached_property
    def _network_text(self) -> str:
        network = fresh_network(self.network, seed=0)
        digest = hashlib.sha256()
        for name, value in network.state_dict().items():
            digest.update(name.encode() + value.numpy().tobytes())
        return f"{' '.join(repr(network).split())} {digest.hexdigest()[:16]}"

    def fit(
        self,
        images: SliceImages,
        masks: SliceMasks,
        *,
        seed: int,
        classes: Sequence[str] | None = None,
        loss_prediction: LossPrediction | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> SegmentationModel:
        """Train on labelled slices.

        The result depends on the arguments alone: the same ones give the same bits on the same
        machine with the same number of threads, and torch's global generator is left as it
        was. The same seed starts from the same weights whatever the slices.

        Args:
            images: The labelled slices, ``(n, height, width)``, n >= 1.
            masks: Their class numbers.
            seed: Seeds the weights, the batches, the augmentation and the dropout.
            classes: Names of the foreground classes; a network with another number of them
                is refused before the training. By default it may have more than the masks.
            loss_prediction: Trains a loss-prediction module beside the network.
            on_progress: Hears of the steps, at most about ten times a second.

        Returns:
            The model after the last step.

        Raises:
            TrainingError: Slices and masks do not fit each other or the network, or the loss
                is no longer a finite number, or the memory does not suffice.
            SettingsError: Learning loss with an odd batch size.
        """
        check_slices(images, masks)
        if loss_prediction is not None and self.settings.batch_size % 2:
            raise SettingsError(
                "Learning loss compares pairs, so it needs an even batch_size; "
                f"got {self.settings.batch_size}."
            )
        with ExitStack() as stack:
            stack.enter_context(memory_told())
            stack.enter_context(isolated_generators(self.device))
            stack.enter_context(deterministic(self.device))
            stack.enter_context(limited_threads(self.threads))
            run = _Run(
                self,
                images,
                masks,
                seed=seed,
                classes=classes,
                loss_prediction=loss_prediction,
                on_progress=on_progress,
            )
            history = run.train()
        return SegmentationModel(
            run.network,
            classes=run.classes,
            device=self.device,
            precision=self.precision,
            loss_prediction=run.module,
            history=history,
        )


class _Run:
    """One training: everything is made anew here and nothing outlives it but the weights."""

    def __init__(
        self,
        trainer: Trainer,
        images: SliceImages,
        masks: SliceMasks,
        *,
        seed: int,
        classes: Sequence[str] | None,
        loss_prediction: LossPrediction | None,
        on_progress: OnProgress,
    ) -> None:
        self.settings = trainer.settings
        self.device = trainer.device
        self.precision = trainer.precision
        self.loss_prediction = loss_prediction
        self.on_progress = on_progress
        self.seed = seed
        network = fresh_network(trainer.network, derive_seed(seed, "initialisation")).eval()
        self.module: LossPredictionModule | None = None
        tried = torch.tensor(images[:1], dtype=torch.float32)[:, None]
        self.classes = classes_of(network, tried, int(masks.max()), classes)
        if loss_prediction is not None:
            module = loss_module_for(network, tried, loss_prediction)
            built = fresh_network(module, derive_seed(seed, "loss prediction"))
            self.module = cast("LossPredictionModule", built).to(self.device).train()
        network = network.to(self.device)
        self.network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        # The labelled set is small: it is moved once and stays.
        self.images = torch.tensor(images, device=self.device, dtype=torch.float32)[:, None]
        self.masks = torch.tensor(masks, device=self.device, dtype=torch.int64)
        self.optimisers = self._optimisers()
        self._last_report = -float("inf")

    def train(self) -> list[float]:
        """All steps; returns the mean loss of each epoch."""
        history: list[float] = []
        done = 0
        self._report(0, None)
        while done < self.settings.steps:
            total = torch.zeros((), device=self.device)
            first = done
            for images, masks in self._epoch(len(history), first):
                loss = self._step(done, images, masks)
                total += loss
                done += 1
                self._report(done, loss)
            mean = float(total) / (done - first)
            if not torch.isfinite(total):
                raise self._not_finite(first, done)
            history.append(mean)
        return history

    def _epoch(self, epoch: int, first: int) -> Iterator[tuple[Images, Masks]]:
        """The augmented batches of one epoch, drawn with repetition."""
        settings = self.settings
        seed_generators(self.device, derive_seed(self.seed, "dropout", epoch))
        choosing = torch.Generator().manual_seed(derive_seed(self.seed, "batches", epoch))
        varying = torch.Generator(self.device)
        varying.manual_seed(derive_seed(self.seed, "augmentation", epoch))
        steps = min(settings.steps_per_epoch, settings.steps - first)
        shape = (steps, settings.batch_size)
        chosen = torch.randint(len(self.images), shape, generator=choosing).to(self.device)
        size = (self.images.shape[-2], self.images.shape[-1])
        for rows in chosen:
            drawn = augment.draw(
                settings.augmentation, settings.batch_size, size, generator=varying
            )
            images = augment.apply(self.images[rows], drawn)
            masks = augment.apply_to_masks(self.masks[rows], drawn)
            yield images.contiguous(memory_format=torch.channels_last), masks

    def _step(self, step: int, images: Images, masks: Masks) -> Tensor:
        """One update; returns the loss without waiting for the device."""
        rate = learning_rate_at(step, self.settings)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        features: list[Tensor] = []
        with autocast(self.device, self.precision):
            if self.module is not None:
                halves = cast("EncoderDecoder", self.network)
                features = halves.encode(images)
                logits = halves.decode(features)
            else:
                logits = self.network(images)
        losses = segmentation_loss(
            logits, masks, self.settings.loss, self.settings.binary_output
        )
        loss = losses.mean()
        if self.module is not None and self.loss_prediction is not None:
            if step >= self.loss_prediction.detach_after * self.settings.steps:
                features = [level.detach() for level in features]
            predicted = self.module([level.float() for level in features])
            ranking = ranking_loss(predicted, losses, self.loss_prediction.margin)
            loss = loss + self.loss_prediction.weight * ranking
        # mypy: Tensor.backward has no annotations.
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in self.optimisers:
            optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        return loss.detach()

    def _optimisers(self) -> list[torch.optim.Optimizer]:
        groups: list[dict[str, Any]] = [{"params": list(self.network.parameters())}]
        if self.module is not None:
            groups.append({"params": list(self.module.parameters())})
        made: list[torch.optim.Optimizer] = [self._adam(groups)]
        if self.loss_prediction is not None and self.loss_prediction.two_optimisers:
            made.append(self._adam(groups[1:]))
        return made

    def _adam(self, groups: list[dict[str, Any]]) -> torch.optim.Adam:
        return torch.optim.Adam(
            # Adam writes into the groups that it is given.
            [dict(group) for group in groups],
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
            fused=self.device.type in {"cpu", "cuda"},
        )

    def _report(self, done: int, loss: Tensor | None) -> None:
        now = time.monotonic()
        soon = now - self._last_report < _SECONDS_BETWEEN_REPORTS
        if soon and done < self.settings.steps:
            return
        self._last_report = now
        value = None if loss is None else float(loss)
        note = "" if value is None else f"loss {value:.3f}"
        self.on_progress(Progress("train", done, self.settings.steps, note, value))

    def _not_finite(self, first: int, done: int) -> TrainingError:
        rate = max(learning_rate_at(step, self.settings) for step in range(first, done))
        return TrainingError(
            "The loss must stay a finite number; it became NaN or infinite between steps "
            f"{first + 1} and {done} of {self.settings.steps}, at a learning rate of up to "
            f"{rate:.3g}.",
            cause="a learning rate that is too high for this network.",
            remedy="Lower learning_rate or warmup_factor; if that does not help, try "
            'precision="float32".',
        )
