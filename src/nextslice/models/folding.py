"""Batch normalisation folded into the convolution before it, for inference.

With the statistics fixed, a normalisation is one factor and one summand per channel, which the
convolution's own weights can take in. The network then passes over its maps less often and
returns the same but for rounding.
"""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["folded"]


def folded(network: nn.Module) -> nn.Module:
    """A copy of a trained network, in evaluation mode, with normalisation folded away.

    Only where the order is certain: a convolution directly followed by a batch normalisation
    in an ``nn.Sequential``. All else is copied as it is; `network` itself is not changed.
    """
    copied = copy.deepcopy(network).eval()
    for module in copied.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for (place, first), (after, second) in pairwise(list(module.named_children())):
            if (
                isinstance(first, nn.Conv2d)
                and isinstance(second, nn.BatchNorm2d)
                and second.track_running_stats
            ):
                setattr(module, place, fuse_conv_bn_eval(first, second))
                setattr(module, after, nn.Identity())
    return copied
