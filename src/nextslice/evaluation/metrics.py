"""How far a segmentation is from the truth: Dice and the 95th-percentile Hausdorff distance.

Section 4.2 of the paper (equations 5 and 6). Surfaces and percentiles are those of MONAI
(``compute_hausdorff_distance``, ``percentile=95``), so that numbers can be compared with other
work. What the equations leave open is settled here once:

=====================  ======================  =======================  ====================
prediction and truth   3D Dice                 2D Dice of a slice       HD95
=====================  ======================  =======================  ====================
both empty             1                       left out (or 1)          0
one of them empty      0                       0                        the volume's diagonal
=====================  ======================  =======================  ====================

So a structure that was missed altogether always costs, and never drops out of a mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nextslice.errors import DataError, SettingsError
from nextslice.evaluation.hausdorff import (
    Mask,
    check_pair,
    check_shapes,
    check_spacing,
    diagonal,
    hd95,
    hd95_in_box,
    union,
)
from nextslice.types import VolumeMask

__all__ = [
    "MEAN",
    "ClassMetrics",
    "dice",
    "dice_2d",
    "dice_3d",
    "hd95",
    "summarise",
    "volume_metrics",
]

MEAN = "mean"
"""The name of the row that averages over the foreground classes."""


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """The three numbers of one class, in one volume or over many.

    Attributes:
        dice_3d: Dice of the whole volume, in [0, 1]; over many volumes their mean.
        dice_2d: Mean Dice of the slices counted in `slices_2d`, in [0, 1]; NaN where there
            is no such slice.
        hd95_3d_mm: 95th-percentile Hausdorff distance in millimetres; over many volumes
            their mean. Never NaN.
        slices_2d: How many slices `dice_2d` is the mean of.
    """

    dice_3d: float
    dice_2d: float
    hd95_3d_mm: float
    slices_2d: int


def dice(prediction: Mask, truth: Mask) -> float:
    """Dice similarity of two masks of any dimension (equation 5), in [0, 1].

    Two empty masks agree (1); where only one is empty nothing does (0).

    Raises:
        DataError: The shapes differ, or a mask is not boolean.
    """
    check_pair(prediction, truth)
    both = int(np.count_nonzero(prediction & truth))
    return _dice_of_counts(both, int(prediction.sum()) + int(truth.sum()))


def dice_3d(prediction: Mask, truth: Mask) -> float:
    """Dice of two whole volumes; as :func:`dice`, for arrays of three dimensions only.

    Raises:
        DataError: The shapes differ, are not 3D, or a mask is not boolean.
    """
    check_pair(prediction, truth, dimensions=3)
    return dice(prediction, truth)


def dice_2d(prediction: Mask, truth: Mask, *, axis: int, count_empty: bool = False) -> float:
    """Mean Dice over the slices of a volume, in [0, 1].

    Args:
        prediction: Boolean mask of shape (x, y, z).
        truth: Boolean mask of the same shape.
        axis: The axis along which the volume is sliced.
        count_empty: Count a slice that is empty in both masks as 1, as the paper's released
            code does. By default such slices are left out: nothing was there to find.

    Returns:
        The mean; NaN if no slice counts, which needs both masks to be empty everywhere.

    Raises:
        DataError: The shapes differ, are not 3D, or a mask is not boolean.
    """
    check_pair(prediction, truth, dimensions=3)
    total, slices = _slice_dice(prediction, truth, axis)
    if count_empty:
        empty = prediction.shape[axis] - slices
        total, slices = total + empty, slices + empty
    return total / slices if slices else math.nan


def volume_metrics(
    prediction: VolumeMask,
    truth: VolumeMask,
    *,
    classes: tuple[str, ...],
    spacing: Sequence[float],
    axis: int,
    count_empty: bool = False,
) -> dict[str, ClassMetrics]:
    """All metrics of one volume, per foreground class and averaged over the classes.

    Args:
        prediction: Class numbers of shape (x, y, z); 0 is background.
        truth: Class numbers of the same shape.
        classes: Names of the foreground classes: the first is class number 1.
        spacing: Millimetres between voxels along each axis.
        axis: The axis along which the volume is sliced, for the 2D Dice.
        count_empty: Count slices that are empty in both masks as Dice 1 (see :func:`dice_2d`).

    Returns:
        One entry per class in the order of `classes`, then `"mean"`: the plain mean over the
        classes (for the 2D Dice over those classes that have slices to count).

    Raises:
        DataError: The shapes differ, or a voxel's class has no name.
        SettingsError: `classes` or `spacing` cannot be used.
    """
    _check_labels(prediction, truth, classes)
    steps = check_spacing(spacing, truth.ndim)
    longest = diagonal(truth.shape, steps)
    predicted_boxes = ndimage.find_objects(prediction, max_label=len(classes))
    true_boxes = ndimage.find_objects(truth, max_label=len(classes))
    result: dict[str, ClassMetrics] = {}
    for number, name in enumerate(classes, start=1):
        box = union(predicted_boxes[number - 1], true_boxes[number - 1])
        if box is None:
            total, slices, overlap, distance = 0.0, 0, 1.0, 0.0
        else:
            # Outside the joint box both masks are empty, so nothing there changes a number.
            ours, theirs = prediction[box] == number, truth[box] == number
            overlap = dice(ours, theirs)
            total, slices = _slice_dice(ours, theirs, axis)
            distance = hd95_in_box(ours, theirs, steps, longest)
        if count_empty:
            empty = truth.shape[axis] - slices
            total, slices = total + empty, slices + empty
        result[name] = ClassMetrics(
            dice_3d=overlap,
            dice_2d=total / slices if slices else math.nan,
            hd95_3d_mm=distance,
            slices_2d=slices,
        )
    result[MEAN] = _mean_of_classes(list(result.values()))
    return result


def summarise(volumes: Sequence[Mapping[str, ClassMetrics]]) -> dict[str, ClassMetrics]:
    """Average the results of many volumes, class by class.

    3D Dice and HD95 are means over volumes. The 2D Dice is the mean over the slices of all
    volumes ("2D test images" in the paper), so a volume with more slices weighs more. The row
    `"mean"` averages over the class rows.

    Args:
        volumes: What :func:`volume_metrics` returned for each volume; the same classes in all.

    Raises:
        SettingsError: There is no volume, or the volumes differ in their classes.
    """
    if not volumes:
        raise SettingsError(
            "Metrics of at least one volume are needed to average over; there is none.",
            remedy="Keep at least one case for testing.",
        )
    names = [name for name in volumes[0] if name != MEAN]
    result: dict[str, ClassMetrics] = {}
    for metrics in volumes:
        if [name for name in metrics if name != MEAN] != names:
            raise SettingsError(
                f"All volumes must have the same classes ({', '.join(names)}); one has "
                f"{', '.join(metrics)}."
            )
    for name in names:
        rows = [metrics[name] for metrics in volumes]
        slices = sum(row.slices_2d for row in rows)
        total = math.fsum(row.dice_2d * row.slices_2d for row in rows if row.slices_2d)
        result[name] = ClassMetrics(
            dice_3d=_mean([row.dice_3d for row in rows]),
            dice_2d=total / slices if slices else math.nan,
            hd95_3d_mm=_mean([row.hd95_3d_mm for row in rows]),
            slices_2d=slices,
        )
    result[MEAN] = _mean_of_classes(list(result.values()))
    return result


def _mean_of_classes(rows: Sequence[ClassMetrics]) -> ClassMetrics:
    with_slices = [row.dice_2d for row in rows if row.slices_2d]
    return ClassMetrics(
        dice_3d=_mean([row.dice_3d for row in rows]),
        dice_2d=_mean(with_slices) if with_slices else math.nan,
        hd95_3d_mm=_mean([row.hd95_3d_mm for row in rows]),
        slices_2d=sum(row.slices_2d for row in rows),
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _dice_of_counts(both: int, together: int) -> float:
    return 2.0 * both / together if together else 1.0


def _slice_dice(prediction: Mask, truth: Mask, axis: int) -> tuple[float, int]:
    """Sum of the Dice of all slices that are not empty in both masks, and their number."""
    others = tuple(other for other in range(truth.ndim) if other != axis % truth.ndim)
    both = np.count_nonzero(prediction & truth, axis=others)
    together = np.count_nonzero(prediction, axis=others) + np.count_nonzero(truth, axis=others)
    counted = together > 0
    return float((2.0 * both[counted] / together[counted]).sum()), int(counted.sum())


def _check_labels(prediction: VolumeMask, truth: VolumeMask, classes: tuple[str, ...]) -> None:
    check_shapes(prediction.shape, truth.shape)
    if not classes or len(set(classes)) != len(classes) or MEAN in classes:
        raise SettingsError(
            "One or more different class names were expected, none of them "
            f"{MEAN!r}; they are {classes!r}."
        )
    highest = max(int(prediction.max(initial=0)), int(truth.max(initial=0)))
    if highest > len(classes):
        raise DataError(
            f"Class numbers up to {len(classes)} were expected ({', '.join(classes)}); "
            f"{highest} came.",
            remedy="Name every foreground class in `classes`.",
        )
