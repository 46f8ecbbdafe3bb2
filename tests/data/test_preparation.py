"""Preparation: the way to slices and back loses nothing but what it must."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nextslice.data.formats.readers import Volume, read_volume
from nextslice.data.geometry import Geometry
from nextslice.data.preparation import Preparation
from nextslice.errors import DataError, SettingsError

Array = np.ndarray[Any, np.dtype[Any]]
SIDES = st.integers(1, 9)
SHAPES = st.tuples(SIDES, SIDES, SIDES)
AXES = st.sampled_from([None, 0, 1, 2])
SPACINGS = st.tuples(*[st.floats(0.3, 4.0)] * 3)


def masks(shape: tuple[int, int, int]) -> st.SearchStrategy[Array]:
    return hnp.arrays(np.uint8, shape, elements=st.integers(0, 3))


def volume(voxels: Array, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    x, y, z = voxels.shape
    return Volume(voxels, Geometry((x, y, z), spacing))


def dice(a: Array, b: Array) -> float:
    return float(2 * np.sum((a > 0) & (b > 0)) / (np.sum(a > 0) + np.sum(b > 0)))


@given(st.data(), SHAPES, AXES, SPACINGS, st.integers(0, 5), st.integers(0, 5))
def test_a_mask_comes_back_exactly_when_nothing_is_resampled_or_cut(
    data: st.DataObject,
    shape: tuple[int, int, int],
    axis: int | None,
    spacing: tuple[float, float, float],
    taller: int,
    wider: int,
) -> None:
    mask, geometry = data.draw(masks(shape)), Geometry(shape, spacing)
    height, width = Preparation(axis=axis).case_size(geometry)
    preparation = Preparation(axis=axis, size=(height + taller, width + wider))
    slices = preparation.prepare_mask(mask, geometry)
    np.testing.assert_array_equal(preparation.restore(slices, geometry), mask)
    assert preparation.cropped_foreground(mask, geometry) == 0


@given(st.data(), SHAPES, AXES, st.integers(1, 12), st.integers(1, 12))
def test_a_crop_loses_what_it_says_and_nothing_else(
    data: st.DataObject, shape: tuple[int, int, int], axis: int | None, height: int, width: int
) -> None:
    mask, geometry = data.draw(masks(shape)), Geometry(shape)
    preparation = Preparation(axis=axis, size=(height, width))
    back = preparation.restore(preparation.prepare_mask(mask, geometry), geometry)
    np.testing.assert_array_equal(back[back > 0], mask[back > 0])
    lost = np.count_nonzero(mask) - np.count_nonzero(back)
    assert preparation.cropped_foreground(mask, geometry) == lost


@given(
    st.data(),
    SHAPES,
    AXES,
    SPACINGS,
    st.none() | st.floats(0.3, 4.0),
    st.none() | st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.sampled_from(["crop", "resize"]),
)
def test_shapes_and_ranges_hold_for_all_settings(
    data: st.DataObject,
    shape: tuple[int, int, int],
    axis: int | None,
    native: tuple[float, float, float],
    spacing: float | None,
    size: tuple[int, int] | None,
    fit: Literal["crop", "resize"],
) -> None:
    preparation = Preparation(axis, spacing, size, fit)
    voxels = data.draw(hnp.arrays(np.float32, shape, elements=st.floats(-1e6, 1e6, width=32)))
    mask, geometry = data.draw(masks(shape)), Geometry(shape, native)
    images = preparation.prepare_image(Volume(voxels, geometry))
    slices = preparation.prepare_mask(mask, geometry)
    expected = size or preparation.case_size(geometry)
    assert images.shape == slices.shape
    assert images.shape == (shape[preparation.slicing_axis(geometry)], *expected)
    assert images.dtype == np.float32
    assert slices.dtype == np.uint8
    assert images.min() >= 0
    assert images.max() <= 1
    back = preparation.restore(slices, geometry)
    assert back.shape == shape
    assert back.dtype == np.uint8
    assert set(np.unique(back)) <= set(np.unique(mask)) | {0}


def test_a_slice_is_seen_as_a_viewer_shows_it() -> None:
    voxels = np.arange(5 * 4 * 3, dtype=np.float64).reshape(5, 4, 3)
    low, high = np.percentile(voxels, (1, 99))
    grey = np.clip((voxels - low) / (high - low), 0, 1)
    for axis, expected in (
        (0, [grey[k, :, :].T for k in range(5)]),  # (z, y)
        (1, [grey[:, k, :].T for k in range(4)]),  # (z, x)
        (2, [grey[:, :, k].T for k in range(3)]),  # (y, x)
    ):
        images = Preparation(axis=axis).prepare_image(volume(voxels))
        np.testing.assert_allclose(images, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [
        ((1.0, 1.0, 1.0), 2),
        ((3.0, 1.0, 1.0), 0),
        ((0.6, 4.0, 0.6), 1),
        ((0.6, 0.6, 4.0), 2),
        ((1.0005, 1.0, 1.0), 2),
        ((2.0, 2.0, 1.0), 1),
    ],
)
def test_the_short_axis_has_the_largest_spacing(
    spacing: tuple[float, float, float], axis: int
) -> None:
    assert Preparation().slicing_axis(Geometry((9, 9, 9), spacing)) == axis
    assert Preparation(axis=0).slicing_axis(Geometry((9, 9, 9), spacing)) == 0


def test_percentiles_of_the_scan_become_zero_and_one_and_the_rest_is_clipped() -> None:
    voxels = np.random.default_rng(0).normal(500, 100, (20, 20, 20))
    images = Preparation().prepare_image(volume(voxels))
    low, high = np.percentile(voxels, (1, 99))
    np.testing.assert_allclose(
        images, np.clip((voxels.T - low) / (high - low), 0, 1), atol=1e-6
    )
    assert np.count_nonzero(images == 0) == np.count_nonzero(voxels <= low)


@given(st.floats(0.01, 1e4), st.floats(-1e6, 1e6))
def test_the_scale_of_the_scanner_does_not_matter(gain: float, offset: float) -> None:
    voxels = np.random.default_rng(1).normal(size=(6, 5, 4))
    np.testing.assert_allclose(
        Preparation().prepare_image(volume(voxels * gain + offset)),
        Preparation().prepare_image(volume(voxels)),
        atol=1e-5,
    )


@pytest.mark.parametrize("value", [0, -3, 1000])
def test_a_constant_scan_is_all_zeros(value: int) -> None:
    images = Preparation(spacing=0.7, size=(9, 9)).prepare_image(
        volume(np.full((4, 5, 6), value, np.int16))
    )
    assert not images.any()


def test_where_the_percentiles_coincide_minimum_and_maximum_take_their_place() -> None:
    voxels = np.zeros((20, 20, 20), np.int16)
    voxels[3, 4, 5], voxels[6, 7, 8] = 100, 50
    images = Preparation().prepare_image(volume(voxels))
    assert images[5, 4, 3] == 1
    assert images[8, 7, 6] == 0.5
    assert np.count_nonzero(images) == 2


def test_padding_is_zero_and_round_the_centre() -> None:
    voxels = np.arange(1, 1 + 4 * 4 * 2).reshape(4, 4, 2)
    images = Preparation(size=(8, 6)).prepare_image(volume(voxels))
    plain = Preparation().prepare_image(volume(voxels))
    np.testing.assert_array_equal(images[:, 2:6, 1:5], plain)
    images[:, 2:6, 1:5] = 0
    assert not images.any()


def test_a_spacing_that_differs_by_rounding_costs_no_interpolation() -> None:
    mask = np.random.default_rng(4).integers(0, 2, (8, 8, 3)).astype(np.uint8)
    geometry = Geometry((8, 8, 3), (1.0000001, 0.9999999, 3.0))
    preparation = Preparation(spacing=1.0)
    back = preparation.restore(preparation.prepare_mask(mask, geometry), geometry)
    np.testing.assert_array_equal(back, mask)


def test_masks_of_another_case_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(4, 8, 8\)"):
        Preparation(size=(8, 8)).restore(np.zeros((5, 8, 8), np.uint8), Geometry((9, 9, 4)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"axis": 3},
        {"spacing": 0.0},
        {"spacing": float("nan")},
        {"spacing": 5e-324},
        {"spacing": 1e30},
        {"size": (0, 5)},
        {"size": (5,)},
        {"size": (5, 10**6)},
        {"size": 50},
        {"size": "50"},
        {"size": (5.5, 5)},
        {"spacing": "1 mm"},
        {"fit": "stretch"},
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    # TypeError: where annotations are checked at run time, they say it first.
    with pytest.raises((SettingsError, TypeError), match=next(iter(wrong))):
        Preparation(**wrong)


def test_settings_survive_json() -> None:
    for preparation in (Preparation(), Preparation(1, 0.8, (5, 6), "resize")):
        again = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict())))
        assert again == preparation


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("fit", "mean_least", "least"), [("crop", 0.98, 0.97), ("resize", 0.975, 0.96)]
)
def test_the_prostate_gland_survives_the_way_there_and_back(
    prostate: Path, fit: Literal["crop", "resize"], mean_least: float, least: float
) -> None:
    """Measured over all 29 cases: crop 0.986 (least 0.978), resize 0.980 (least 0.971)."""
    preparation = Preparation(spacing=1.0, size=(128, 128), fit=fit)
    scores = []
    for path in sorted((prostate / "labelsTr").glob("Case*.nii.gz"))[::3]:
        label = read_volume(path)
        gland = (label.voxels > 0).astype(np.uint8)
        slices = preparation.prepare_mask(gland, label.geometry)
        back = preparation.restore(slices, label.geometry)
        assert back.shape == label.geometry.shape
        assert preparation.cropped_foreground(gland, label.geometry) == 0
        scores.append(dice(back, gland))
        kept = replace(preparation, spacing=None, size=None)
        np.testing.assert_array_equal(
            kept.restore(kept.prepare_mask(gland, label.geometry), label.geometry), gland
        )
    assert np.mean(scores) > mean_least
    assert min(scores) > least
