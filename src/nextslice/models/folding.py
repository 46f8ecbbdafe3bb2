"""A copy of a trained network that does the same with fewer passes over its maps.

With its statistics fixed, a batch normalisation is one factor and one summand per channel,
which the convolution before it can take into its own weights. And on a CPU an activation that
follows a convolution can be applied to each value as it is written, rather than in a pass of
its own.
"""

from __future__ import annotations

import copy
from collections import Counter
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["folded"]


def folded(network: nn.Module) -> nn.Module:
    """A copy of a trained network, in evaluation mode, that returns the same but for rounding.

    Only where the order is certain: a convolution directly followed by a batch normalisation
    or by a leaky ReLU in an ``nn.Sequential``, none of them used in a second place. All else
    is copied as it is; `network` itself is not changed. The copy is for inference alone.
    """
    copied = copy.deepcopy(network).eval()
    uses = Counter(id(m) for _, m in copied.named_modules(remove_duplicate=False))
    for module in list(copied.modules()):
        if type(module) is nn.Sequential:  # a subclass may use its parts in any order
            _fold_normalisations(module, uses)
            _fold_activations(module, uses)
    return copied


def _in_order(module: nn.Sequential) -> list[tuple[str, nn.Module]]:
    """All steps; ``named_children`` would leave out one that comes a second time."""
    return [(place, step) for place, step in module._modules.items() if step is not None]


def _fold_normalisations(module: nn.Sequential, uses: Counter[int]) -> None:
    for (place, first), (after, second) in pairwise(_in_order(module)):
        if (
            isinstance(first, nn.Conv2d)
            and isinstance(second, nn.BatchNorm2d)
            and second.track_running_stats
            and uses[id(first)] == uses[id(second)] == 1
        ):
            setattr(module, place, fuse_conv_bn_eval(first, second))
            setattr(module, after, nn.Identity())


def _fold_activations(module: nn.Sequential, uses: Counter[int]) -> None:
    steps = [(n, m) for n, m in _in_order(module) if not isinstance(m, nn.Identity)]
    for (place, first), (after, second) in pairwise(steps):
        if (
            isinstance(first, nn.Conv2d)
            and isinstance(second, nn.LeakyReLU)
            and uses[id(first)] <= 1  # a folded normalisation made a new one
            and _Activated.can_do(first)
        ):
            setattr(module, place, _Activated(first, second.negative_slope))
            setattr(module, after, nn.Identity())


class _Activated(nn.Module):
    """A convolution on the CPU whose leaky ReLU is applied as its values are written.

    The operator is the one that ``torch.compile`` puts there, which would do the same after a
    compilation that takes longer than most queries.
    """

    def __init__(self, convolution: nn.Conv2d, slope: float) -> None:
        super().__init__()
        self.convolution = convolution
        self.slope = slope
        self._cast: dict[torch.dtype, tuple[Tensor, Tensor]] = {}

    @staticmethod
    def can_do(convolution: nn.Conv2d) -> bool:
        """Whether this convolution and this machine fit the operator."""
        return (
            torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
            # Not a public name of PyTorch; where it is missing the two steps do the same.
            and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
            and convolution.weight.device.type == "cpu"
            and convolution.weight.dtype == torch.float32
            and convolution.bias is not None
            and convolution.padding_mode == "zeros"
            and not isinstance(convolution.padding, str)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """The activated maps, in the precision of autocast where it is on."""
        dtype = maps.dtype
        if torch.is_autocast_enabled("cpu"):  # which does not know this operator
            dtype = torch.get_autocast_dtype("cpu")
        if maps.ndim != 4 or not _knows(dtype):
            return nn.functional.leaky_relu(self.convolution(maps), self.slope)
        weight, bias = self._parameters_as(dtype)
        settings = self.convolution
        activated: Tensor = torch.ops.mkldnn._convolution_pointwise(
            maps.to(dtype),
            weight,
            bias,
            settings.padding,
            settings.stride,
            settings.dilation,
            settings.groups,
            "leaky_relu",
            [self.slope],
            "",
        )
        return activated

    def _parameters_as(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if dtype not in self._cast:
            assert self.convolution.bias is not None  # noqa: S101 - can_do asked
            self._cast[dtype] = (
                self.convolution.weight.detach().to(dtype),
                self.convolution.bias.detach().to(dtype),
            )
        return self._cast[dtype]


def _knows(dtype: torch.dtype) -> bool:
    """Whether the operator works in this precision on this processor."""
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32
