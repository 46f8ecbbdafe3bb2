"""A trained network on a device: images in; logits, masks, features, gradients out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from nextslice.errors import SettingsError
from nextslice.models.devices import Precision, autocast, resolve_device, resolve_precision
from nextslice.models.folding import folded
from nextslice.models.loss_prediction import LossPredictionModule
from nextslice.models.types import Images, Logits, PerSlice, Probabilities
from nextslice.models.unet import EncoderDecoder, HasEncoder, HasHead, HasStem
from nextslice.types import Features, Gradients, SliceImages, SliceMasks

__all__ = ["SegmentationModel", "SliceSource"]

# Pixels in one batch. On a CPU larger batches only leave its caches; on a GPU this keeps the
# default U-Net's maps under 4 GB.
_PIXELS = {"cpu": 2**17, "cuda": 2**21}
_MOST_SLICES = 1024


@runtime_checkable
class SliceSource(Protocol):
    """Slices that may lie on disk: an array, a memory map or a lazy view of a pool."""

    def __len__(self) -> int:
        """How many slices there are."""

    def __getitem__(self, rows: slice, /) -> SliceImages:
        """The images of a range of slices, float32."""


@final
class SegmentationModel:
    """A trained network, in evaluation mode, on its device.

    Args:
        network: Takes ``(batch, 1, height, width)``, returns ``(batch, classes, height,
            width)``. It is moved to the device and set to evaluation mode.
        classes: Number of classes, background included.
        device: Where it works: "auto" or a device.
        precision: "auto", "float32", "bfloat16", or one resolved before.
        loss_prediction: The trained loss-prediction module, if there is one.
        history: Mean training loss of each epoch.

    Attributes:
        network: The network as it was trained.
        predictor: What predictions are made with: a copy of the network as it is now, with
            batch normalisation folded away. What turns on dropout in it has to turn it off
            again.
        classes: Number of classes, background included.
        device: Where it works.
        precision: How it works, and why.
        loss_prediction: The loss-prediction module or None.
        history: Mean training loss of each epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        classes: int,
        device: str | torch.device = "auto",
        precision: str | Precision = "auto",
        loss_prediction: LossPredictionModule | None = None,
        history: Sequence[float] = (),
    ) -> None:
        self.device = resolve_device(device)
        self.precision = (
            resolve_precision(precision, self.device)
            if isinstance(precision, str)
            else precision
        )
        # mypy: nn.Module.to has no overload that names memory_format alone.
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.predictor = folded(self.network)
        self.loss_prediction = (
            None if loss_prediction is None else loss_prediction.to(self.device).eval()
        )
        self.classes = classes
        self.history = tuple(history)

    def batches(
        self, images: SliceImages | SliceSource, *, size: int | None = None
    ) -> Iterator[tuple[slice, Images]]:
        """Cut slices into batches on the device, in order.

        Args:
            images: The slices; only one batch of them is in memory at a time.
            size: Slices in a batch; None chooses by their number of pixels.

        Yields:
            The rows of the batch, and its images.

        Raises:
            SettingsError: `images` does not hold slices of two dimensions each, or `size` is
                not positive.
        """
        if size is not None and size < 1:
            raise SettingsError(f"A batch needs size >= 1; got {size!r}.")
        count = len(images)
        if count == 0:
            return
        if size is None:
            height, width = _as_slices(images[0:1]).shape[1:]
            pixels = _PIXELS.get(self.device.type, _PIXELS["cpu"])
            size = min(max(pixels // (height * width), 1), _MOST_SLICES)
        for start in range(0, count, size):
            rows = slice(start, min(start + size, count))
            yield rows, self.to_device(images[rows])

    def to_device(self, images: SliceImages) -> Images:
        """Slices as one batch on the device."""
        batch = torch.from_numpy(_as_slices(images))[:, None]
        return batch.to(self.device, memory_format=torch.channels_last)

    def logits(self, images: Images) -> Logits:
        """What the network returns, as float32."""
        return self._run(self.predictor, images)

    def probabilities(self, images: Images) -> Probabilities:
        """Softmax of the logits over the classes, float32."""
        with torch.inference_mode():
            return torch.softmax(self.logits(images), dim=1)

    def stem(self, images: Images) -> Tensor:
        """What can be computed once for many passes with dropout; see `finish`."""
        if not isinstance(self.predictor, HasStem):
            return images
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.predictor.stem(images)

    def finish(self, stem: Tensor) -> Probabilities:
        """Class probabilities from what `stem` returned: `probabilities`, cut in two."""
        predictor = self.predictor
        rest = predictor.finish if isinstance(predictor, HasStem) else predictor
        with torch.inference_mode():
            return torch.softmax(self._run(rest, stem), dim=1)

    def _run(self, network: Callable[[Tensor], Tensor], maps: Tensor) -> Logits:
        """As float32, one class after another: what follows runs over the classes' planes."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            logits = network(maps)
        return logits.to(torch.float32, memory_format=torch.contiguous_format)

    def predicted_loss(self, images: Images) -> PerSlice:
        """What the loss-prediction module says: higher means a larger loss is expected.

        Raises:
            SettingsError: The model was trained without loss prediction.
        """
        if self.loss_prediction is None:
            raise SettingsError(
                "This model has no loss-prediction module.",
                remedy="Train it with trainer.fit(..., loss_prediction=LossPrediction()).",
            )
        assert isinstance(self.predictor, EncoderDecoder)  # noqa: S101 - training made sure
        with torch.inference_mode(), autocast(self.device, self.precision):
            features = self.predictor.encode(images)
        with torch.inference_mode():
            predicted: Tensor = self.loss_prediction([level.float() for level in features])
        return predicted

    def predict(self, images: SliceImages | SliceSource) -> SliceMasks:
        """The most likely class of each pixel; the lower number where two are equal.

        Args:
            images: ``(n, height, width)``.

        Returns:
            Class numbers ``(n, height, width)``, uint8.
        """
        parts = [
            self.logits(batch).argmax(dim=1).to(torch.uint8).cpu().numpy()
            for _, batch in self.batches(images)
        ]
        if not parts:
            return np.zeros((0, *_as_slices(images[0:0]).shape[1:]), dtype=np.uint8)
        return np.concatenate(parts)

    def features(self, images: SliceImages | SliceSource) -> Features:
        """Bottleneck features of the encoder, averaged over the pixels: what Core-set needs.

        Returns:
            ``(n, channels of the bottleneck)``, float32.

        Raises:
            SettingsError: The network has no `encode`.
        """
        if not isinstance(self.predictor, HasEncoder):
            raise SettingsError(
                f"{type(self.network).__name__} does not show its inner features.",
                remedy="Give it a method encode(images) -> list of feature maps, bottleneck "
                "last, as nextslice.models.unet.UNet has.",
            )
        parts = []
        for _, batch in self.batches(images):
            with torch.inference_mode(), autocast(self.device, self.precision):
                bottleneck = self.predictor.encode(batch)[-1]
            parts.append(bottleneck.float().mean(dim=(-2, -1)).cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)

    def gradient_embeddings(self, images: SliceImages | SliceSource) -> Gradients:
        """How each slice would pull at the last layer's weights: what BADGE needs.

        The gradient of the cross-entropy, with the most likely classes as labels, with respect
        to the weights of the segmentation head: for each class and each channel of the head's
        input h, the mean over the pixels of (p - [class is most likely]) * h (Ash et al., ICLR
        2020, equation 1, where a slice's pixels are averaged).

        Returns:
            ``(n, classes * channels of the head)``, float32, one class after another.

        Raises:
            SettingsError: The network does not show its head.
        """
        head = self._head()
        heard: list[Tensor] = []
        hook = head.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
        parts = []
        try:
            for _, batch in self.batches(images):
                pull = self.probabilities(batch).flatten(2)
                with torch.inference_mode():
                    pull.scatter_add_(
                        1, pull.argmax(dim=1, keepdim=True), -torch.ones_like(pull[:, :1])
                    )
                    maps = heard.pop().float().flatten(2)
                    mean = pull @ maps.transpose(1, 2) / maps.shape[-1]
                parts.append(mean.flatten(1).cpu().numpy())
        finally:
            hook.remove()
        return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)

    def _head(self) -> nn.Conv2d:
        """The layer whose output is the logits."""
        head = self.predictor.head if isinstance(self.predictor, HasHead) else None
        if not (
            isinstance(head, nn.Conv2d)
            and head.kernel_size == (1, 1)
            and head.groups == 1
            and head.out_channels == self.classes
        ):
            raise SettingsError(
                f"{type(self.network).__name__} does not show its head, the layer that BADGE "
                "takes gradients of.",
                remedy="Let its last layer be an attribute `head`: a 1x1 convolution with one "
                "output per class, as nextslice.models.unet.UNet has.",
            )
        return head


def _as_slices(images: SliceImages) -> SliceImages:
    # A copy, because torch refuses to share memory that is mapped read-only.
    array = np.array(images, dtype=np.float32)
    if array.ndim != 3:
        raise SettingsError(
            f"Slices must come as an array (slices, height, width); got shape {array.shape}."
        )
    return array
