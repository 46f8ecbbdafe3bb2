"""A copy of a trained network that does the same with fewer passes over its maps.

With its statistics fixed, a batch normalisation is one factor and one summand per channel,
which the convolution before it can take into its own weights. And on a CPU an activation that
follows a convolution can be applied to each value as it is written, rather than in a pass of
its own.
"""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["folded"]


def folded(network: nn.Module) -> nn.Module:
    """A copy of a trained network, in evaluation mode, that returns the same but for rounding.

    Only where the order is certain: a convolution directly followed by a batch normalisation
    or by a leaky ReLU in an ``nn.Sequential``. All else is copied as it is; `network` itself is
    not changed. The copy is for inference alone.
    """
    copied = copy.deepcopy(network).eval()
    for module in list(copied.modules()):
        if isinstance(module, nn.Sequential):
            _fold_normalisations(module)
            _fold_activations(module)
    return copied


def _fold_normalisations(module: nn.Sequential) -> None:
    for (place, first), (after, second) in pairwise(list(module.named_children())):
        if (
            isinstance(first, nn.Conv2d)
            and isinstance(second, nn.BatchNorm2d)
            and second.track_running_stats
        ):
            setattr(module, place, fuse_conv_bn_eval(first, second))
            setattr(module, after, nn.Identity())


def _fold_activations(module: nn.Sequential) -> None:
    steps = [(n, m) for n, m in module.named_children() if not isinstance(m, nn.Identity)]
    for (place, first), (after, second) in pairwise(steps):
        if (
            isinstance(first, nn.Conv2d)
            and isinstance(second, nn.LeakyReLU)
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
            and convolution.bias is not None
            and convolution.padding_mode == "zeros"
            and not isinstance(convolution.padding, str)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """The activated maps, in the precision of autocast where it is on."""
        dtype = maps.dtype
        if torch.is_autocast_enabled("cpu"):  # which does not know this operator
            dtype = torch.get_autocast_dtype("cpu")
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
