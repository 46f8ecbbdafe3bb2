"""Rotation and noise as three functions: draw the parameters, apply them, invert them.

Training draws one augmentation per image and applies it; test-time augmentation draws one for
all images, applies it, and turns the predictions back. Everything is batched on the device.

Source: section 4.3.1 of the paper: rotation by d ~ U(-10, 10) degrees and noise e ~ N(0, 0.01),
where 0.01 is a variance, so the standard deviation is 0.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from nextslice.errors import SettingsError
from nextslice.models.types import FieldOfView, Images, Masks, PerSlice

__all__ = [
    "Augmentation",
    "AugmentationSettings",
    "Interpolation",
    "apply",
    "apply_to_masks",
    "draw",
    "invert",
]

Interpolation = Literal["bilinear", "nearest"]


@dataclass(frozen=True)
class AugmentationSettings:
    """How images are varied; the defaults are the paper's.

    Attributes:
        rotation_degrees: Angles are uniform in [-rotation_degrees, rotation_degrees].
        noise_std: Standard deviation of the Gaussian noise, in units of intensity.
        noise_probability: Share of images that get noise.
        whole_degrees: Draw whole degrees only.
        interpolation: How images are rotated: "bilinear" or "nearest". Masks are always
            rotated with "nearest".

    Raises:
        SettingsError: A value is out of range.
    """

    rotation_degrees: float = 10.0
    noise_std: float = 0.1
    noise_probability: float = 1.0
    whole_degrees: bool = False
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        if not 0 <= self.rotation_degrees <= 180:
            raise SettingsError(
                f"rotation_degrees must be in [0, 180]; got {self.rotation_degrees!r}."
            )
        if not 0 <= self.noise_std < math.inf:
            raise SettingsError(
                f"noise_std must be a finite number >= 0; got {self.noise_std!r}."
            )
        if not 0 <= self.noise_probability <= 1:
            raise SettingsError(
                f"noise_probability must be in [0, 1]; got {self.noise_probability!r}."
            )
        if self.interpolation not in get_args(Interpolation):
            raise SettingsError(
                f"interpolation must be one of {get_args(Interpolation)}; "
                f"got {self.interpolation!r}."
            )


@dataclass(frozen=True, eq=False)
class Augmentation:
    """The drawn parameters of `n` images, or of all images alike where ``n == 1``.

    Attributes:
        angles: Rotation in degrees, counter-clockwise as seen with row 0 at the top, ``(n,)``.
        noise: What is added after the rotation, ``(n, 1, height, width)``.
        interpolation: How images are rotated.
    """

    angles: PerSlice
    noise: Images
    interpolation: Interpolation


def draw(
    settings: AugmentationSettings,
    count: int,
    size: tuple[int, int],
    *,
    generator: torch.Generator,
) -> Augmentation:
    """Draw the parameters for `count` images of `size` (height, width).

    The tensors lie on the generator's device, and depend on nothing but its state.
    """
    device = generator.device
    limit = settings.rotation_degrees
    uniform = torch.rand(count, generator=generator, device=device)
    if settings.whole_degrees:
        # Each whole degree from -floor(limit) to floor(limit) is equally likely.
        whole = math.floor(limit)
        angles = (uniform * (2 * whole + 1)).floor().clamp(max=2 * whole) - whole
    else:
        angles = (2 * uniform - 1) * limit
    noisy = torch.rand((count, 1, 1, 1), generator=generator, device=device)
    noise = torch.randn((count, 1, *size), generator=generator, device=device)
    noise *= settings.noise_std * (noisy < settings.noise_probability)
    return Augmentation(angles, noise, settings.interpolation)


def apply(images: Images, augmentation: Augmentation) -> Images:
    """Rotate about the centre, then add the noise; what has no source becomes 0 plus noise."""
    return _rotate(images, augmentation.angles, augmentation.interpolation) + augmentation.noise


def apply_to_masks(masks: Masks, augmentation: Augmentation) -> Masks:
    """Rotate class numbers with nearest neighbour; what has no source becomes background."""
    # Class numbers stay far below 2**24, where float32 is exact.
    maps = masks[:, None].to(torch.float32)
    return _rotate(maps, augmentation.angles, "nearest")[:, 0].to(masks.dtype)


def invert(
    maps: Float[Tensor, "batch channels height width"], augmentation: Augmentation
) -> tuple[Float[Tensor, "batch channels height width"], FieldOfView]:
    """Turn predictions on augmented images back onto the original images.

    Returns:
        The maps on the original pixels, and the field of view: False for each pixel that the
        rotation had moved out of the image, for which there is no prediction. There the maps
        repeat the nearest border.
    """
    angles = -augmentation.angles
    turned = _rotate(maps, angles, augmentation.interpolation, padding="border")
    height, width = maps.shape[-2:]
    grid = _grid(angles, (height, width), maps.dtype)
    # A pixel is a square around its centre; the margin only forgives rounding on its edge.
    inside = (grid.abs() <= 1 + 1e-5).all(dim=-1)
    return turned, inside.expand(len(maps), height, width)


def _rotate(
    maps: Tensor, angles: Tensor, interpolation: Interpolation, padding: str = "zeros"
) -> Tensor:
    grid = _grid(angles, (maps.shape[-2], maps.shape[-1]), maps.dtype)
    turned = functional.grid_sample(
        maps,
        grid.expand(len(maps), -1, -1, -1),
        mode=interpolation,
        padding_mode=padding,
        align_corners=False,
    )
    # Sampling on the pixels' own places still rounds; an image not turned stays as it is.
    return torch.where(angles.view(-1, 1, 1, 1) == 0, maps, turned)


def _grid(angles: Tensor, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """For each pixel of the turned image where it comes from, in grid_sample's units (x, y)."""
    height, width = size
    radians = torch.deg2rad(angles.to(dtype))
    cosine, sine = torch.cos(radians), torch.sin(radians)
    zero = torch.zeros_like(cosine)
    # Those units run from -1 to 1 on both axes; without the ratios a turn would shear an image
    # that is not square.
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine * (height / width), zero], dim=-1),
            torch.stack([sine * (width / height), cosine, zero], dim=-1),
        ],
        dim=-2,
    )
    return functional.affine_grid(matrix, [len(angles), 1, height, width], align_corners=False)
