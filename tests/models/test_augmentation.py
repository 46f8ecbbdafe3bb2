"""Laws of drawing, applying and inverting an augmentation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nextslice.errors import SettingsError
from nextslice.models.augmentation import (
    Augmentation,
    AugmentationSettings,
    apply,
    apply_to_masks,
    draw,
    invert,
)

SIZES = st.tuples(st.integers(12, 40), st.integers(12, 40))


def turn(angles: list[float], size: tuple[int, int]) -> Augmentation:
    return Augmentation(
        torch.tensor(angles), torch.zeros(len(angles), 1, *size), interpolation="bilinear"
    )


def smooth(size: tuple[int, int], count: int = 1) -> Tensor:
    """Slow waves: linear interpolation is nearly exact on them."""
    rows, columns = torch.meshgrid(*(torch.arange(n) for n in size), indexing="ij")
    waves = [1 + 0.5 * torch.sin(rows / 9 + k) * torch.cos(columns / 11) for k in range(count)]
    return torch.stack(waves)[:, None]


def has_source(size: tuple[int, int], degrees: float, margin: float) -> Tensor:
    """By trigonometry in pixels: is the turned place inside an image larger by `margin`?"""
    height, width = size
    angle = math.radians(degrees)
    y, x = np.indices(size) - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    turned_x = math.cos(angle) * x + math.sin(angle) * y
    turned_y = -math.sin(angle) * x + math.cos(angle) * y
    inside = (abs(turned_x) <= width / 2 + margin) & (abs(turned_y) <= height / 2 + margin)
    return torch.from_numpy(inside)


@given(size=SIZES, angle=st.floats(-45, 45))
def test_inverse_after_apply_is_the_identity_inside_the_field_of_view(
    size: tuple[int, int], angle: float
) -> None:
    images = smooth(size)
    there = turn([angle], size)
    back, seen = invert(apply(images, there), there)
    # On the way there, the two pixels at the image's edge are mixed with the black around it.
    inner = torch.zeros(size, dtype=torch.bool)
    inner[2:-2, 2:-2] = True
    kept = seen[0] & inner
    assert kept.any()
    assert (back - images)[0, 0][kept].abs().max() < 0.03


@given(size=SIZES, angle=st.floats(-180, 180))
def test_the_field_of_view_is_where_a_pixel_has_a_source(
    size: tuple[int, int], angle: float
) -> None:
    _, seen = invert(torch.zeros(1, 2, *size), turn([angle], size))
    # Within a thousandth of a pixel from the edge, float32 may decide either way.
    assert seen[0][has_source(size, angle, -1e-3)].all()
    assert not seen[0][~has_source(size, angle, 1e-3)].any()


@given(size=SIZES)
def test_angle_zero_is_exactly_the_identity(size: tuple[int, int]) -> None:
    images = torch.rand(3, 1, *size, generator=torch.Generator().manual_seed(0))
    still = turn([0.0], size)
    back, seen = invert(apply(images, still), still)
    assert torch.equal(apply(images, still), images)
    assert torch.equal(back, images)
    assert seen.shape == (3, *size)
    assert seen.all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_equal_rot90_on_square_images(turns: int) -> None:
    images = torch.rand(2, 1, 17, 17, generator=torch.Generator().manual_seed(0))
    masks = torch.randint(0, 4, (2, 17, 17), generator=torch.Generator().manual_seed(0))
    quarter = turn([90.0 * turns], (17, 17))
    torch.testing.assert_close(
        apply(images, quarter), torch.rot90(images, turns, (2, 3)), atol=1e-4, rtol=0
    )
    assert torch.equal(apply_to_masks(masks, quarter), torch.rot90(masks, turns, (1, 2)))


def test_a_rotation_keeps_angles_and_lengths_on_images_that_are_not_square() -> None:
    """A point 10 pixels right of the centre goes to 10 pixels at 30 degrees above it."""
    size = (41, 81)
    images = torch.zeros(1, 1, *size)
    rows, columns = torch.meshgrid(*(torch.arange(n) for n in size), indexing="ij")
    images[0, 0] = torch.exp(-((rows - 20.0) ** 2 + (columns - 50.0) ** 2) / 4)
    turned = apply(images, turn([30.0], size))[0, 0]
    centre = [float((turned * axis).sum() / turned.sum()) for axis in (rows, columns)]
    expected = [20 - 10 * math.sin(math.pi / 6), 40 + 10 * math.cos(math.pi / 6)]
    np.testing.assert_allclose(centre, expected, atol=0.05)


def test_images_and_masks_are_turned_together() -> None:
    size = (32, 48)
    masks = torch.zeros(1, *size, dtype=torch.int64)
    masks[:, 10:20, 25:40] = 3
    there = turn([25.0], size)
    from_images = apply((masks[:, None] == 3).float(), there)[:, 0] > 0.5
    assert ((apply_to_masks(masks, there) == 3) != from_images).sum() <= 6


def test_one_augmentation_serves_a_whole_batch() -> None:
    size = (20, 26)
    images = smooth(size, count=3)
    settings = AugmentationSettings()
    one = draw(settings, 1, size, generator=torch.Generator().manual_seed(4))
    three = Augmentation(one.angles.repeat(3), one.noise.repeat(3, 1, 1, 1), one.interpolation)
    assert torch.equal(apply(images, one), apply(images, three))
    for alone, each in zip(invert(images, one), invert(images, three), strict=True):
        assert torch.equal(alone, each)


def test_what_is_drawn_depends_on_the_generator_alone() -> None:
    settings, size = AugmentationSettings(noise_probability=0.5), (5, 6)
    torch.manual_seed(1)
    first = draw(settings, 7, size, generator=torch.Generator().manual_seed(3))
    torch.manual_seed(2)
    again = draw(settings, 7, size, generator=torch.Generator().manual_seed(3))
    other = draw(settings, 7, size, generator=torch.Generator().manual_seed(4))
    assert torch.equal(first.angles, again.angles)
    assert torch.equal(first.noise, again.noise)
    assert not torch.equal(first.angles, other.angles)


def test_the_defaults_are_the_papers() -> None:
    """Angles from U(-10, 10); noise of variance 0.01 on each image."""
    drawn = draw(
        AugmentationSettings(), 400, (8, 8), generator=torch.Generator().manual_seed(0)
    )
    assert drawn.angles.abs().max() <= 10
    assert abs(float(drawn.angles.std()) - 20 / math.sqrt(12)) < 0.5
    assert abs(float(drawn.noise.var()) - 0.01) < 0.001


def test_noise_comes_to_a_share_of_the_images_and_whole_degrees_are_whole() -> None:
    settings = AugmentationSettings(noise_probability=0.5, whole_degrees=True)
    drawn = draw(settings, 400, (4, 4), generator=torch.Generator().manual_seed(0))
    assert 160 < int((drawn.noise != 0).any(dim=(1, 2, 3)).sum()) < 240
    assert sorted(set(drawn.angles.tolist())) == [float(a) for a in range(-10, 11)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotation_degrees": -1.0},
        {"noise_std": math.nan},
        {"noise_probability": 1.5},
        {"interpolation": "cubic"},
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        AugmentationSettings(**wrong)
