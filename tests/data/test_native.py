"""Between the grid of a file, which people draw on, and the grid of a pool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nextslice as ns
from nextslice.data.formats.readers import read_volume
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.data.native import NativeSlices
from nextslice.data.preparation import Preparation

_SETTINGS = st.fixed_dictionaries(
    {
        "axis": st.sampled_from([0, 1, 2]),
        "spacing": st.sampled_from([None, 0.7, 1.6]),
        "size": st.sampled_from([(9, 7), (5, 12), (16, 16)]),
        "fit": st.sampled_from(["crop", "resize"]),
    }
)


@given(settings=_SETTINGS, seed=st.integers(0, 99))
def test_a_slice_by_itself_is_prepared_as_it_is_within_its_volume(
    settings: dict[str, Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    geometry = Geometry((6, 9, 11), (1.0, 1.3, 0.8))
    label = rng.integers(0, 3, geometry.shape, dtype=np.uint8)
    preparation = Preparation(**settings)
    native = NativeSlices(preparation, geometry)
    slices = preparation.prepare_mask(label, geometry)
    restored = preparation.restore(slices, geometry)
    assert native.count == len(slices)
    for index, prepared in enumerate(slices):
        cut = native.cut(label, index)
        assert cut.shape == native.shape
        assert np.array_equal(native.to_pool(np.ascontiguousarray(cut)), prepared)
        assert np.array_equal(native.from_pool(prepared), native.cut(restored, index))


@given(seed=st.integers(0, 99), margin=st.integers(0, 4))
def test_without_resampling_a_mask_inside_the_window_comes_back_exactly(
    seed: int, margin: int
) -> None:
    geometry = Geometry((12, 10, 3), (0.6, 0.9, 3.0))
    native = NativeSlices(Preparation(size=(10 + margin, 12 + margin)), geometry)
    mask = np.random.default_rng(seed).integers(0, 5, native.shape, dtype=np.uint8)
    assert native.shape == (10, 12)
    assert native.spacing == (0.9, 0.6)
    assert np.array_equal(native.from_pool(native.to_pool(mask)), mask)


@pytest.mark.parametrize(
    ("axis", "direction", "origin", "expected"),
    [
        # Towards superior whichever way the file runs; LPS in, RAS out.
        (2, (1, 0, 0, 0, 1, 0, 0, 0, 1), (0, 0, -40), -40 + 2 * 3),
        (2, (1, 0, 0, 0, 1, 0, 0, 0, -1), (0, 0, 40), 40 - 2 * 3),
        # An axis that runs to the left counts backwards, for a viewer counts to the right.
        (0, (1, 0, 0, 0, 1, 0, 0, 0, 1), (10, 0, 0), -10 - 2 * 3),
        (1, (1, 0, 0, 0, -1, 0, 0, 0, 1), (0, 5, 0), -5 + 2 * 3),
        # Oblique: along the slice's own normal.
        (2, (1, 0, 0, 0, 0.8, -0.6, 0, 0.6, 0.8), (0, 0, 0), 2 * 3),
    ],
)
def test_the_position_is_the_one_that_viewers_print(
    axis: int, direction: tuple[float, ...], origin: tuple[float, ...], expected: float
) -> None:
    x, y, z = origin
    geometry = Geometry((4, 4, 4), (3.0, 3.0, 3.0), (x, y, z), direction)
    native = NativeSlices(Preparation(axis=axis, size=(4, 4)), geometry)
    assert native.position_mm(2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("axis", "direction", "expected"),
    [
        (2, (1, 0, 0, 0, 1, 0, 0, 0, 1), ("P", "L")),
        (2, (-1, 0, 0, 0, -1, 0, 0, 0, 1), ("A", "R")),  # as NIfTI's own axes run
        (1, (1, 0, 0, 0, 1, 0, 0, 0, 1), ("S", "L")),
        (0, (1, 0, 0, 0, 0.8, -0.6, 0, 0.6, 0.8), ("S", "P")),
        (0, (1, 0, 0, 0, -0.6, -0.8, 0, 0.8, -0.6), ("A", "S")),
    ],
)
def test_the_sides_of_a_slice_are_named_as_radiologists_name_them(
    axis: int, direction: tuple[float, ...], expected: tuple[str, str]
) -> None:
    geometry = Geometry((4, 4, 4), direction=direction)
    assert NativeSlices(Preparation(axis=axis, size=(4, 4)), geometry).towards == expected


@pytest.mark.real_data
@pytest.mark.parametrize(
    "settings",
    [
        {"size": (128, 128), "spacing": 1.0},
        {"size": (96, 96), "fit": "crop"},
        {"size": (64, 64), "fit": "resize"},
    ],
)
def test_labels_drawn_on_oblique_native_slices_are_the_masks_of_the_pool(
    prostate: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    few = _two_oblique_cases(prostate, tmp_path)
    pool = ns.SlicePool.from_folder(few, **settings)
    files = {case.case: case for case in recognise(few).cases}
    for case in pool.cases:
        native = NativeSlices(pool.preparation, pool.geometry(case))
        assert (np.abs(native.geometry.direction) > 1e-3).sum() > 3  # oblique indeed
        label = files[case].label
        assert label is not None
        drawn = read_volume(label).voxels.astype(np.uint8)
        for index, mask in enumerate(pool.masks[pool.rows_of(case)]):
            slice_ = np.ascontiguousarray(native.cut(drawn, index))
            assert np.array_equal(native.to_pool(slice_), mask)


def _two_oblique_cases(source: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "two"
    for case in (c for c in recognise(source).cases if c.case in ("Case00", "Case04")):
        assert case.label is not None
        for kind, path in (("images", case.image), ("labels", case.label)):
            place = folder / kind / f"{case.case}.nii.gz"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    return folder
