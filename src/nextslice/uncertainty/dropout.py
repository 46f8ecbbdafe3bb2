"""MC dropout: do thinned networks agree?

Gal and Ghahramani 2016; section 4.3.2 of the paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nextslice.errors import SettingsError
from nextslice.models.inference import SegmentationModel, SliceSource
from nextslice.models.types import Images, PerSlice
from nextslice.progress import OnProgress, ignore_progress
from nextslice.seeds import derive_seed
from nextslice.types import Scores
from nextslice.uncertainty.base import score_batches
from nextslice.uncertainty.divergence import Formula, JensenShannon

__all__ = ["MCDropout"]

_ELEMENTWISE = (nn.Dropout,)
_CHANNELWISE = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


@dataclass(frozen=True)
class MCDropout:
    """Divergence over K passes with dropout switched on: 0 to ln K, in nats.

    A thinned network is drawn once and shown every slice, d_1 ... d_K in the paper's notation
    f(theta, d_k): scores then compare slices and not the luck of their draw, and do not depend
    on how slices are batched. Batch normalisation stays as it was learnt.

    Attributes:
        samples: K, passes per slice.
        divergence: See :class:`~nextslice.uncertainty.divergence.JensenShannon`.
    """

    samples: int = 8
    divergence: Formula = "jsd"

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise SettingsError(
                f"Expected samples of 2 or more passes, got {self.samples}.",
                cause="one prediction has nothing to disagree with.",
            )

    def score(
        self,
        model: SegmentationModel,
        images: SliceSource,
        *,
        seed: int,
        on_progress: OnProgress = ignore_progress,
    ) -> Scores:
        """See :meth:`nextslice.uncertainty.base.Uncertainty.score`.

        Raises:
            SettingsError: The network has no dropout that is switched on.
        """
        thinned = [
            ThinnedNetwork(model.predictor, derive_seed(seed, "mc-dropout", k))
            for k in range(self.samples)
        ]

        def disagreement(batch: Images) -> PerSlice:
            divergence = JensenShannon(self.divergence)
            stem = model.stem(batch)
            for network in thinned:
                with network.active():
                    divergence.add(model.finish(stem))
            return divergence.per_slice()

        return score_batches(model, images, disagreement, on_progress)


class ThinnedNetwork:
    """One draw of every dropout mask of a network, the same for all that passes through.

    Works on any network built from torch's dropout layers: their outputs are replaced while
    :meth:`active` lasts, the network itself is not changed.

    Raises:
        SettingsError: The network has no dropout layer with a probability above 0.
    """

    def __init__(self, network: nn.Module, seed: int) -> None:
        self._layers = [
            module
            for module in network.modules()
            if isinstance(module, _ELEMENTWISE + _CHANNELWISE) and module.p > 0
        ]
        if not self._layers:
            raise SettingsError(
                f"Expected a network with dropout, got {type(network).__name__} without any.",
                cause="dropout is 0, or the layers are not torch.nn.Dropout*.",
                remedy="Build it with dropout, UNet(classes, dropout=0.5), or choose another "
                "uncertainty.",
            )
        self._seed = seed
        self._masks: list[Tensor] = []

    @contextmanager
    def active(self) -> Iterator[None]:
        """While this lasts, the network is thinned."""
        calls = 0

        def thin(layer: nn.Dropout, _: object, output: Tensor) -> Tensor:
            nonlocal calls
            if calls == len(self._masks):
                self._masks.append(self._draw(layer, output, calls))
            mask = self._masks[calls]
            calls += 1
            return output * mask

        handles = [layer.register_forward_hook(thin) for layer in self._layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _draw(self, layer: nn.Dropout, output: Tensor, call: int) -> Tensor:
        """What dropout multiplies with: 0 for the dropped, 1 / (1 - p) for the kept."""
        shape = (1, *output.shape[1:])
        if isinstance(layer, _CHANNELWISE):
            shape = (*shape[:2], *(1 for _ in shape[2:]))
        # In single precision and on the processor, so that the draw is the same everywhere.
        generator = torch.Generator().manual_seed(derive_seed(self._seed, call))
        kept = torch.rand(shape, generator=generator) >= layer.p
        scale = 1.0 / (1.0 - layer.p) if layer.p < 1 else 0.0
        mask = (kept * scale).to(output.device, output.dtype)
        # In the order in which the maps lie in memory: mixed orders multiply slowly.
        in_order = output.is_contiguous(memory_format=torch.channels_last)
        return mask.to(memory_format=torch.channels_last) if in_order else mask
