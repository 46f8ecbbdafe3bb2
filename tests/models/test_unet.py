"""The U-Net takes any size, width and depth, and is the paper's at its defaults."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nextslice.errors import SettingsError
from nextslice.models.unet import EncoderDecoder, HasEncoder, UNet, checked_channels


@given(
    height=st.integers(8, 41),
    width=st.integers(8, 41),
    channels=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    classes=st.integers(2, 4),
)
def test_logits_have_the_size_of_the_images(
    height: int, width: int, channels: list[int], classes: int
) -> None:
    network = UNet(classes, tuple(channels)).eval()
    with torch.no_grad():
        assert network(torch.rand(2, 1, height, width)).shape == (2, classes, height, width)


def test_the_smallest_size_is_one_pixel_at_the_bottleneck() -> None:
    network = UNet(2, (2, 2, 2, 2)).eval()
    assert network.encode(torch.rand(1, 1, 8, 8))[-1].shape == (1, 2, 1, 1)
    with pytest.raises(SettingsError, match=r"at least 8x8 pixels; got 7x9"):
        network(torch.rand(1, 1, 7, 9))


def test_encode_gives_each_level_and_forward_is_decode_of_encode() -> None:
    network = UNet(3, (4, 6, 8)).eval()
    images = torch.rand(2, 1, 21, 18)
    features = network.encode(images)
    assert [tuple(level.shape) for level in features] == [
        (2, 4, 21, 18),
        (2, 6, 10, 9),
        (2, 8, 5, 4),
    ]
    assert torch.equal(network.decode(features), network(images))
    assert isinstance(network, HasEncoder)
    assert isinstance(network, EncoderDecoder)


def test_a_50x50_slice_costs_the_order_of_the_papers_2_2_gflop() -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        UNet(3).eval()(torch.rand(1, 1, 50, 50))
    assert 2.0e9 < counter.get_total_flops() < 3.0e9


def test_dropout_is_active_in_encoder_and_decoder() -> None:
    """With 4 levels: after each of 3 poolings and between 3 decoder levels."""
    network = UNet(2, (2, 2, 2, 2), dropout=0.5)
    calls: list[nn.Module] = []
    network.dropout.register_forward_hook(lambda module, *_: calls.append(module))
    network(torch.rand(2, 1, 16, 16))
    assert len(calls) == 3 + 2
    images = torch.rand(2, 1, 16, 16)
    assert not torch.equal(network(images), network(images))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": 1}, "classes >= 2"),
        ({"classes": 2, "channels": ()}, "at least one level"),
        ({"classes": 2, "channels": (4, 0)}, "at least one channel"),
        ({"classes": 2, "channels": (1,) * 17}, "16 levels at most; got 17"),
        (
            {"classes": 2, "channels": (100_000, 200_000, 400_000)},
            "500,000,000 weights at most",
        ),
        ({"classes": 10**9, "channels": (4, 8)}, "500,000,000 weights at most"),
        ({"classes": 2, "in_channels": 10**9}, "500,000,000 weights at most"),
        ({"classes": 2, "dropout": 1.0}, "dropout must be in"),
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        UNet(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [(3,), (4, 8), (5, 3, 7), (64, 128, 256, 512)])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_weights_that_are_bounded_are_those_that_a_network_has(
    channels: tuple[int, ...], classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = UNet(classes, channels, in_channels=2)
    weights = sum(p.numel() for p in network.parameters() if p.dim() == 4)
    monkeypatch.setattr("nextslice.models.unet._MOST_WEIGHTS", weights)
    assert checked_channels(channels, 2, classes) == channels
    monkeypatch.setattr("nextslice.models.unet._MOST_WEIGHTS", weights - 1)
    with pytest.raises(SettingsError, match=f"would have {weights:,}"):
        checked_channels(channels, 2, classes)
