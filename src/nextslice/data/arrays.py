"""Slices in memory -> the same form as prepared slices on disk."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nextslice.data.geometry import Geometry
from nextslice.data.labels import LabelMap
from nextslice.data.preparation import Preparation
from nextslice.data.prepared import CaseRecord, Prepared
from nextslice.errors import SettingsError

__all__ = ["from_arrays"]


def from_arrays(
    images: np.ndarray[Any, np.dtype[Any]],
    masks: np.ndarray[Any, np.dtype[Any]] | None,
    case_of: Sequence[str | int] | np.ndarray[Any, np.dtype[Any]],
    classes: Sequence[str] | None,
    spacing: float | tuple[float, float, float],
) -> Prepared:
    """See :meth:`nextslice.data.pool.SlicePool.from_arrays`.

    A case becomes the volume that its slices are when stacked along the third axis.
    """
    if images.ndim != 3 or 0 in images.shape:
        raise SettingsError(
            f"images should have the shape (slices, height, width), but have {images.shape}."
        )
    images = np.ascontiguousarray(images, np.float32)
    if not np.isfinite(images).all():
        raise SettingsError("images should be finite numbers, but some are NaN or infinite.")
    labelled = masks is not None
    if masks is None:
        masks = np.zeros(images.shape, np.uint8)
    if masks.shape != images.shape:
        raise SettingsError(
            f"masks should have the shape {images.shape} of the images, but have {masks.shape}."
        )
    labels = _labels(masks, classes)
    masks = np.ascontiguousarray(masks, np.uint8)
    names = [str(case) for case in case_of]
    if len(names) != len(images):
        raise SettingsError(
            f"case_of should name the case of each slice, {len(images)} names, but has "
            f"{len(names)}."
        )
    steps = spacing if isinstance(spacing, tuple) else (spacing,) * 3
    if len(steps) != 3 or not all(0 < s < math.inf for s in steps):
        raise SettingsError(
            f"spacing should be positive millimetres (x, y, z), not {spacing!r}."
        )
    _, height, width = images.shape
    records: list[CaseRecord] = []
    begins = [k for k in range(len(names)) if k == 0 or names[k] != names[k - 1]]
    if len({names[k] for k in begins}) < len(begins):
        raise SettingsError(
            "A case's slices should stand together, but a case is in two places.",
            remedy="Sort the slices by case: order = np.argsort(case_of, kind='stable').",
        )
    for start, stop in zip(begins, [*begins[1:], len(names)], strict=True):
        sx, sy, sz = (float(s) for s in steps)
        geometry = Geometry((width, height, stop - start), (sx, sy, sz))
        at = start * height * width if labelled else None
        records.append(CaseRecord(names[start], geometry, start, stop - start, at))
    # Native labels are in the order (x, y, z) of each case, one case after the other.
    native = [masks[r.start : r.start + r.slices].transpose(2, 1, 0).ravel() for r in records]
    preparation = Preparation(axis=2, size=(height, width))
    content = hashlib.sha256(repr((names, steps, labels, labelled)).encode())
    content.update(images.data)
    content.update(masks.data)
    return Prepared(
        images=images,
        masks=masks,
        native_labels=np.concatenate(native),
        cases=tuple(records),
        layout="arrays",
        preparation=preparation,
        labels=labels,
        refused=(),
        fingerprint=content.hexdigest(),
    )


def _labels(masks: np.ndarray[Any, np.dtype[Any]], classes: Sequence[str] | None) -> LabelMap:
    low, high = masks.min(), masks.max()
    whole = masks.dtype.kind in "biu" or np.array_equal(masks, np.rint(masks))
    most = 255 if classes is None else len(classes)
    if not whole or low < 0 or high > most:
        raise SettingsError(
            f"masks should hold whole class numbers from 0 to {most}, but hold {low} to {high}"
            f"{'' if whole else ' with fractions'}.",
            remedy="Name every foreground class in classes, in order of their numbers.",
        )
    if classes is None:
        classes = [f"label {k}" for k in range(1, max(int(high), 1) + 1)]
    return LabelMap(tuple((name, (k,)) for k, name in enumerate(classes, start=1)))
