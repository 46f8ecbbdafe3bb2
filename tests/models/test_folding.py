"""Folding normalisations and activations away changes nothing but rounding."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nextslice.models.folding import folded
from nextslice.models.unet import UNet


def _with_statistics(network: nn.Module) -> nn.Module:
    """As if trained: running statistics and affine parameters that do something."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low in ((module.running_mean, -1.0), (module.running_var, 0.5)):
                if value is not None:
                    value.copy_(low + 2 * torch.rand(value.shape, generator=generator))
            nn.init.uniform_(module.weight, 0.5, 2, generator=generator)
            nn.init.uniform_(module.bias, -1, 1, generator=generator)
    return network.eval()


@torch.inference_mode()
def test_the_folded_u_net_returns_the_same_and_has_no_normalisation_left() -> None:
    network = _with_statistics(UNet(3, (8, 16, 32)))
    images = torch.rand(2, 1, 26, 22, generator=torch.Generator().manual_seed(1))
    before = network(images)
    copied = folded(network)
    assert torch.allclose(copied(images), before, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in copied.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert torch.equal(network(images), before)


@torch.inference_mode()
@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3])
def test_a_folded_activation_is_the_activation(slope: float) -> None:
    network = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1, stride=2), nn.LeakyReLU(slope), nn.Conv2d(5, 1, 1)
    )
    images = torch.randn(3, 2, 9, 7, generator=torch.Generator().manual_seed(0))
    copied = folded(network)
    torch.testing.assert_close(copied(images), network(images))
    assert not any(isinstance(module, nn.LeakyReLU) for module in copied.modules())
    with torch.autocast("cpu", torch.bfloat16):
        rounded, expected = copied(images), network(images)
    assert rounded.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(rounded, expected, rtol=0.05, atol=0.05)


class _Skipping(nn.Sequential):
    """A sequence by name that is none."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = images + self[1](self[2](self[0](images)))
        return result


def _shared_activation() -> nn.Module:
    """The usual idiom: one activation object, used twice."""
    activation = nn.LeakyReLU(0.2)
    first, second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
    return nn.Sequential(
        first, activation, nn.BatchNorm2d(4), second, activation, nn.BatchNorm2d(4)
    )


@torch.inference_mode()
@pytest.mark.parametrize(
    "network",
    [
        _shared_activation(),
        _Skipping(nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1), nn.LeakyReLU(0.2)),
        nn.Sequential(*[nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)] * 2),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_modules_in_two_places_or_in_another_order_give_the_same(
    network: nn.Module, dtype: torch.dtype
) -> None:
    network = _with_statistics(network).to(dtype)
    images = torch.randn(2, 1, 8, 8, dtype=dtype)
    torch.testing.assert_close(folded(network)(images), network(images), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_folded_activation_takes_an_image_without_its_batch() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.LeakyReLU(0.1)).eval()
    image = torch.randn(1, 8, 8)
    torch.testing.assert_close(folded(network)(image), network(image))


class _AnotherOrder(nn.Module):
    """The order of definition is not the order of use, so nothing may be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 3, padding=1)
        self.normalisation = nn.BatchNorm2d(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.convolution(self.normalisation(images))
        return result


@torch.inference_mode()
@pytest.mark.parametrize(
    "network",
    [
        _AnotherOrder(),
        nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, track_running_stats=False)),
        nn.Sequential(nn.Conv2d(1, 2, 1), nn.LeakyReLU(), nn.BatchNorm2d(2)),
    ],
)
def test_what_is_not_certain_is_left_alone(network: nn.Module) -> None:
    network = _with_statistics(network)
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    copied = folded(network)
    torch.testing.assert_close(copied(images), network(images))
    assert any(isinstance(module, nn.BatchNorm2d) for module in copied.modules())
