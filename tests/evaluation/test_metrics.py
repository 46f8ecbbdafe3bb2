"""The metrics are MONAI's where MONAI has a number, and always a number where it has none."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_dice, compute_hausdorff_distance
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from nextslice.errors import DataError, SettingsError
from nextslice.evaluation.metrics import (
    MEAN,
    ClassMetrics,
    dice,
    dice_2d,
    dice_3d,
    hd95,
    summarise,
    volume_metrics,
)
from nextslice.types import VolumeMask

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]
Spacing = tuple[float, float, float]

SPACINGS = [(1.0, 1.0, 1.0), (0.6, 0.6, 4.0), (2.5, 0.7, 1.3)]


def blob(rng: np.random.Generator, shape: tuple[int, ...], share: float = 0.3) -> Mask:
    """A random smooth shape that may have parts, holes and voxels at the border."""
    field = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.5, 3))
    return field > np.quantile(field, 1 - share)


def monai_hd95(prediction: Mask, truth: Mask, spacing: Sequence[float]) -> float:
    distance: float = compute_hausdorff_distance(
        torch.from_numpy(prediction)[None, None].float(),
        torch.from_numpy(truth)[None, None].float(),
        include_background=True,
        percentile=95,
        spacing=list(spacing),
    ).item()
    return distance


def monai_dice(prediction: Mask, truth: Mask) -> float:
    similarity: float = compute_dice(
        torch.from_numpy(prediction)[None, None].float(),
        torch.from_numpy(truth)[None, None].float(),
    ).item()
    return similarity


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
def test_equals_monai_on_random_blobs(seed: int, spacing: Spacing) -> None:
    rng = np.random.default_rng([seed, 7])
    shape = tuple(rng.integers(8, 34, 3))
    prediction, truth = blob(rng, shape), blob(rng, shape, share=rng.uniform(0.02, 0.6))
    assert dice(prediction, truth) == pytest.approx(monai_dice(prediction, truth), abs=1e-5)
    assert hd95(prediction, truth, spacing) == pytest.approx(
        monai_hd95(prediction, truth, spacing), abs=1e-5
    )


masks = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(2, 6)).flatmap(
    lambda shape: st.tuples(
        *(
            st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape)).map(
                lambda values: np.array(values).reshape(shape)
            )
            for _ in range(2)
        )
    )
)


@given(masks, st.tuples(*[st.floats(0.3, 6.0)] * 3))
@settings(max_examples=80)
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
def test_equals_monai_on_any_pair_of_masks(pair: Pair, spacing: Spacing) -> None:
    prediction, truth = pair
    if prediction.any() and truth.any():
        assert hd95(*pair, spacing) == pytest.approx(monai_hd95(*pair, spacing), abs=1e-5)
        assert dice(*pair) == pytest.approx(monai_dice(*pair), abs=1e-5)
    elif prediction.any() or truth.any():
        assert dice(*pair) == 0
        assert hd95(*pair, spacing) == pytest.approx(
            math.hypot(*np.multiply(truth.shape, spacing))
        )
    else:
        assert (dice(*pair), hd95(*pair, spacing)) == (1, 0)


@given(masks, st.tuples(*[st.floats(0.3, 6.0)] * 3))
@settings(max_examples=40)
def test_agrees_with_all_distances_written_out(pair: Pair, spacing: Spacing) -> None:
    prediction, truth = pair
    cross = ndimage.generate_binary_structure(3, 1)
    points = [np.argwhere(m & ~ndimage.binary_erosion(m, cross)) * spacing for m in pair]
    if all(len(p) for p in points):
        distances = cdist(points[0], points[1])
        expected = max(np.percentile(distances.min(axis=axis), 95) for axis in (0, 1))
        assert hd95(prediction, truth, spacing) == pytest.approx(expected, abs=1e-4)


@given(masks, st.tuples(*[st.floats(0.3, 6.0)] * 3))
@settings(max_examples=60)
def test_laws_of_both_metrics(pair: Pair, spacing: Spacing) -> None:
    """Symmetric; perfect on itself; HD95 scales with spacing and stays below the diagonal."""
    prediction, truth = pair
    assert 0 <= dice(prediction, truth) == dice(truth, prediction) <= 1
    distance = hd95(prediction, truth, spacing)
    assert distance == hd95(truth, prediction, spacing)
    assert 0 <= distance <= math.hypot(*np.multiply(truth.shape, spacing))
    assert hd95(prediction, truth, [2 * step for step in spacing]) == pytest.approx(
        2 * distance
    )
    assert (dice(truth, truth), hd95(truth, truth, spacing)) == (1, 0)
    if prediction.any() and truth.any():
        assert distance < hd95(np.zeros_like(truth), truth, spacing)


@given(masks, st.integers(0, 2), st.booleans())
def test_dice_2d_is_the_mean_of_the_dice_of_its_slices(
    pair: Pair, axis: int, count_empty: bool
) -> None:
    prediction, truth = pair
    slices = [
        dice(p, t)
        for p, t in zip(
            np.moveaxis(prediction, axis, 0), np.moveaxis(truth, axis, 0), strict=True
        )
        if count_empty or p.any() or t.any()
    ]
    expected = np.mean(slices) if slices else math.nan
    assert dice_2d(prediction, truth, axis=axis, count_empty=count_empty) == pytest.approx(
        expected, nan_ok=True
    )


def test_dice_2d_of_no_slices_is_nan_and_one_if_empty_slices_count() -> None:
    nothing = np.zeros((3, 4, 5), dtype=bool)
    assert math.isnan(dice_2d(nothing, nothing, axis=2))
    assert dice_2d(nothing, nothing, axis=2, count_empty=True) == 1


def test_touching_the_border_does_not_hide_a_surface() -> None:
    """A slab over half the volume: the world outside counts as background."""
    truth = np.zeros((10, 10, 10), dtype=bool)
    truth[:5] = True
    prediction = np.zeros_like(truth)
    prediction[:3] = True
    assert hd95(prediction, truth, (2.0, 1.0, 1.0)) == 4.0


class TestVolume:
    classes = ("cortex", "medulla")

    def pair(self) -> tuple[VolumeMask, VolumeMask]:
        rng, shape = np.random.default_rng(0), (20, 22, 12)
        prediction, truth = (
            blob(rng, shape).astype(np.uint8) + (blob(rng, shape, 0.5) & blob(rng, shape, 0.5))
            for _ in range(2)
        )
        return prediction.astype(np.uint8), truth.astype(np.uint8)

    @pytest.mark.parametrize("axis", [0, 1, 2])
    @pytest.mark.parametrize("count_empty", [False, True])
    def test_equals_the_single_metrics_of_each_class(
        self, axis: int, count_empty: bool
    ) -> None:
        prediction, truth = self.pair()
        truth[..., 6:] = 0
        prediction[..., 7:] = 0
        spacing = (0.8, 1.2, 3.0)
        result = volume_metrics(
            prediction,
            truth,
            classes=self.classes,
            spacing=spacing,
            axis=axis,
            count_empty=count_empty,
        )
        assert list(result) == [*self.classes, MEAN]
        for number, name in enumerate(self.classes, start=1):
            p, t = prediction == number, truth == number
            assert result[name].dice_3d == dice_3d(p, t)
            assert result[name].hd95_3d_mm == hd95(p, t, spacing)
            assert result[name].dice_2d == pytest.approx(
                dice_2d(p, t, axis=axis, count_empty=count_empty)
            )
        for field in ("dice_3d", "dice_2d", "hd95_3d_mm"):
            rows = [getattr(result[name], field) for name in self.classes]
            assert getattr(result[MEAN], field) == pytest.approx(np.mean(rows))

    def test_a_missed_class_is_never_nan_and_never_better(self) -> None:
        _, truth = self.pair()
        spacing = (1.0, 1.0, 2.0)
        missed = np.where(truth == 2, 0, truth).astype(np.uint8)
        wrong = np.where(truth == 2, 0, truth).astype(np.uint8)
        wrong[0, 0, 0] = 2
        for_missed, for_wrong = (
            volume_metrics(p, truth, classes=self.classes, spacing=spacing, axis=2)["medulla"]
            for p in (missed, wrong)
        )
        assert for_missed.dice_3d == for_missed.dice_2d == 0
        assert for_missed.hd95_3d_mm == pytest.approx(math.hypot(20, 22, 24))
        assert for_missed.hd95_3d_mm > for_wrong.hd95_3d_mm

    def test_a_class_that_is_nowhere_agrees_in_3d_and_has_no_2d_slices(self) -> None:
        nothing = np.zeros((5, 6, 7), dtype=np.uint8)
        one = nothing.copy()
        one[2, 2, 2] = 1
        result = volume_metrics(one, one, classes=self.classes, spacing=(1, 1, 1), axis=2)
        absent = result["medulla"]
        assert (absent.dice_3d, absent.hd95_3d_mm, absent.slices_2d) == (1, 0, 0)
        assert math.isnan(absent.dice_2d)
        assert result[MEAN].dice_2d == 1, "a class without slices takes no part in the 2D mean"

    def test_the_inputs_are_left_alone(self) -> None:
        prediction, truth = self.pair()
        before = prediction.copy(), truth.copy()
        volume_metrics(prediction, truth, classes=self.classes, spacing=(1, 1, 1), axis=2)
        assert np.array_equal(prediction, before[0])
        assert np.array_equal(truth, before[1])

    def test_unnamed_classes_and_bad_settings_are_refused(self) -> None:
        prediction, truth = self.pair()
        with pytest.raises(DataError, match="Class numbers up to 1"):
            volume_metrics(prediction, truth, classes=("gland",), spacing=(1, 1, 1), axis=2)
        for classes in ((), ("a", "a"), ("a", MEAN)):
            with pytest.raises(SettingsError, match="class names"):
                volume_metrics(prediction, truth, classes=classes, spacing=(1, 1, 1), axis=2)
        for spacing in ((1, 1), (1, 0, 1), (1, math.inf, 1)):
            with pytest.raises(SettingsError, match="spacing"):
                volume_metrics(prediction, truth, classes=self.classes, spacing=spacing, axis=2)


class TestSummary:
    def test_3d_is_a_mean_over_volumes_and_2d_a_mean_over_slices(self) -> None:
        volumes = [
            {"a": ClassMetrics(0.5, 0.4, 2.0, 1), MEAN: ClassMetrics(0.5, 0.4, 2.0, 1)},
            {"a": ClassMetrics(0.9, 0.8, 6.0, 3), MEAN: ClassMetrics(0.9, 0.8, 6.0, 3)},
        ]
        row = summarise(volumes)["a"]
        assert row.dice_3d == pytest.approx(0.7)
        assert row.hd95_3d_mm == pytest.approx(4.0)
        assert row.dice_2d == pytest.approx((0.4 + 3 * 0.8) / 4)
        assert row.slices_2d == 4

    def test_the_mean_row_averages_the_class_rows(self) -> None:
        volumes = [
            {"a": ClassMetrics(0.6, 0.4, 2.0, 4), "b": ClassMetrics(1.0, math.nan, 0.0, 0)},
            {"a": ClassMetrics(0.8, 0.6, 4.0, 4), "b": ClassMetrics(0.0, 0.0, 50.0, 2)},
        ]
        summary = summarise(volumes)
        assert summary["b"].dice_2d == 0
        assert summary[MEAN].dice_3d == pytest.approx((0.7 + 0.5) / 2)
        assert summary[MEAN].dice_2d == pytest.approx((0.5 + 0.0) / 2)
        assert summary[MEAN].hd95_3d_mm == pytest.approx((3.0 + 25.0) / 2)

    def test_no_volumes_or_other_classes_are_refused(self) -> None:
        with pytest.raises(SettingsError, match="at least one"):
            summarise([])
        one = ClassMetrics(1, 1, 0, 1)
        with pytest.raises(SettingsError, match="same classes"):
            summarise([{"a": one}, {"b": one}])


def test_pairs_that_cannot_be_compared_are_refused() -> None:
    mask = np.zeros((3, 3, 3), dtype=bool)
    with pytest.raises(DataError, match="same shape"):
        dice(mask, mask[:2])
    with pytest.raises(DataError, match="Boolean"):
        dice(mask.astype(np.uint8), mask)
    with pytest.raises(DataError, match="3 dimensions"):
        dice_3d(mask[0], mask[0])


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
def test_equals_monai_on_real_labels(hippocampus: Path) -> None:
    """Against labels that were shifted and eroded, on the grid and spacing of the file."""
    rng = np.random.default_rng(0)
    for path in sorted((hippocampus / "labelsTr").glob("hippocampus_*.nii.gz"))[:6]:
        image = SimpleITK.ReadImage(str(path))
        truth = SimpleITK.GetArrayFromImage(image).astype(np.uint8)
        prediction = np.roll(truth, rng.integers(-2, 3, 3), (0, 1, 2))
        prediction *= ndimage.binary_erosion(prediction > 0, border_value=1)
        result = volume_metrics(
            prediction, truth, classes=("anterior", "posterior"), spacing=(1, 1, 1), axis=0
        )
        for number, name in enumerate(("anterior", "posterior"), start=1):
            p, t = prediction == number, truth == number
            assert result[name].dice_3d == pytest.approx(monai_dice(p, t), abs=1e-5)
            assert result[name].hd95_3d_mm == pytest.approx(
                monai_hd95(p, t, (1, 1, 1)), abs=1e-5
            )


def test_metrics_need_no_torch() -> None:
    code = "import nextslice.evaluation.metrics, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
