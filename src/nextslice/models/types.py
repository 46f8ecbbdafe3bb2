"""Names for the shapes of tensors; their numpy counterparts are in :mod:`nextslice.types`."""

from __future__ import annotations

from jaxtyping import Bool, Float, Integer
from torch import Tensor

__all__ = ["FieldOfView", "Images", "Logits", "Masks", "PerSlice", "Probabilities"]

Images = Float[Tensor, "batch 1 height width"]
"""Prepared images on the model's device."""

Logits = Float[Tensor, "batch classes height width"]
"""What the network returns."""

Probabilities = Float[Tensor, "batch classes height width"]
"""Class probabilities: they sum to 1 over `classes`."""

Masks = Integer[Tensor, "batch height width"]
"""Class numbers per pixel."""

FieldOfView = Bool[Tensor, "#batch height width"]
"""Where a pixel has a source inside the transformed image; one for all images, or one each."""

PerSlice = Float[Tensor, "batch"]
"""One number per slice of the batch."""
