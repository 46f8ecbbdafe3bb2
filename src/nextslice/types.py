"""Names for the shapes of arrays that pass between rooms.

Every name is a `jaxtyping <https://docs.kidger.site/jaxtyping/>`_ annotation, so that the
shape stands in the signature and is checked while the tests run. Tensors have their names in
:mod:`nextslice.models.types`, because this file must not need torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer, UInt8
else:
    try:
        from jaxtyping import Bool, Float, Integer, UInt8
    except ModuleNotFoundError:  # selection alone is installed with numpy and nothing else

        class _Unchecked:
            def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
                return item[0]

        Bool = Float = Integer = UInt8 = _Unchecked

__all__ = [
    "BatchScores",
    "BatchTotals",
    "Batches",
    "Features",
    "Flags",
    "Gradients",
    "LabelledFeatures",
    "LabelledPlaces",
    "LabelledRows",
    "NativeImage",
    "NativeMask",
    "Picked",
    "PickedGradients",
    "Places",
    "Rows",
    "Scores",
    "SliceImages",
    "SliceMask",
    "SliceMasks",
    "TakenRows",
    "VolumeMask",
    "Voxels",
]

Scores = Float[np.ndarray, "slices"]
"""One uncertainty per slice; higher is more uncertain."""

Features = Float[np.ndarray, "slices features"]
"""One feature vector per slice."""

LabelledFeatures = Float[np.ndarray, "labelled features"]
"""The same for the slices that are labelled already."""

Places = Integer[np.ndarray, "slices"]
"""Per slice, the number of its case, or its index in its volume."""

LabelledPlaces = Integer[np.ndarray, "taken"]
"""The same for the slices that are labelled, or queried and not yet answered."""

Gradients = Float[np.ndarray, "slices weights"]
"""One gradient per slice, with respect to the weights of a network's last layer."""

PickedGradients = Float[np.ndarray, "picked weights"]
"""The same for slices that are picked already."""

Rows = Integer[np.ndarray, "rows"]
"""Positions of slices in a pool or in an array of scores, counted from 0."""

Picked = Integer[np.ndarray, "picked"]
"""Rows that are picked already, beside others that may be."""

LabelledRows = Integer[np.ndarray, "labelled"]
"""Rows of the slices that are labelled, beside others that are not."""

TakenRows = Integer[np.ndarray, "taken"]
"""Rows of the slices that are labelled, or queried and not yet answered."""

Batches = Integer[np.ndarray, "budget pool"]
"""Candidate batches of rows, one a column: `budget` slices each, `pool` of them."""

BatchScores = Float[np.ndarray, "budget pool"]
"""The scores of the members of candidate batches."""

BatchTotals = Float[np.ndarray, "pool"]
"""One number per candidate batch."""

Flags = Bool[np.ndarray, "slices"]
"""One yes or no per slice."""

SliceImages = Float[np.ndarray, "slices height width"]
"""Prepared images: intensities in [0, 1]."""

SliceMasks = UInt8[np.ndarray, "slices height width"]
"""Class numbers per pixel: 0 is background, k is the k-th foreground class."""

SliceMask = UInt8[np.ndarray, "height width"]
"""The class numbers of one slice on a pool's grid."""

NativeImage = Float[np.ndarray, "rows columns"]
"""One value per pixel of a slice on the grid of its file."""

NativeMask = UInt8[np.ndarray, "rows columns"]
"""The class numbers of one slice on the grid of its file."""

Voxels = Float[np.ndarray, "x y z"]
"""A volume's intensities in the order of the file's axes."""

VolumeMask = UInt8[np.ndarray, "x y z"]
"""Class numbers per voxel in the order of the file's axes."""
