"""Resampling: pixels stay where they are in the patient, and nothing drifts or aliases."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nextslice.data.formats.readers import Volume
from nextslice.data.geometry import Geometry
from nextslice.data.preparation import Preparation

Array = np.ndarray[Any, np.dtype[Any]]


def masks(shape: tuple[int, int, int]) -> st.SearchStrategy[Array]:
    return hnp.arrays(np.uint8, shape, elements=st.integers(0, 3))


def volume(voxels: Array, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    x, y, z = voxels.shape
    return Volume(voxels, Geometry((x, y, z), spacing))


def dice(a: Array, b: Array) -> float:
    return float(2 * np.sum((a > 0) & (b > 0)) / (np.sum(a > 0) + np.sum(b > 0)))


@pytest.mark.parametrize("spacing", [0.4, 1.0, 1.3, 2.5])
@pytest.mark.parametrize("fit", ["crop", "resize"])
def test_pixel_centres_stay_where_they_are_in_millimetres(
    spacing: float, fit: Literal["crop", "resize"]
) -> None:
    """A ramp in space is the same ramp after resampling, in the same place."""
    native, count = 0.8, 41
    x = (np.arange(count) - (count - 1) / 2) * native  # millimetres from the centre
    ramp = np.broadcast_to(x[:, None, None], (count, 37, 2))
    low, high = np.percentile(ramp, (1, 99))
    size = (30, 24) if fit == "resize" else None
    preparation = Preparation(axis=2, spacing=spacing, size=size, fit=fit)
    row = preparation.prepare_image(volume(ramp, (native, native, 3.0)))[0, 5]
    extent = round(count * native / spacing) * spacing  # in whole pixels of the new spacing
    step = extent / len(row)
    places = (np.arange(len(row)) - (len(row) - 1) / 2) * step
    inside = np.abs(places) < 10  # away from the edge, where the smoothing sees an end
    np.testing.assert_allclose(row[inside], (places[inside] - low) / (high - low), atol=2e-6)


@pytest.mark.parametrize(
    ("spacing", "size", "fit"),
    [(1.0, None, "crop"), (0.3, (60, 70), "crop"), (1.0, (7, 11), "resize")],
)
def test_a_mirrored_scan_gives_mirrored_slices(
    spacing: float, size: tuple[int, int] | None, fit: Literal["crop", "resize"]
) -> None:
    """Half a pixel's shift would show: it is the same way round in both."""
    voxels = np.random.default_rng(2).normal(size=(14, 18, 2))
    preparation = Preparation(axis=2, spacing=spacing, size=size, fit=fit)
    images = preparation.prepare_image(volume(voxels, (0.6, 0.6, 3.0)))
    mirrored = preparation.prepare_image(volume(voxels[::-1, ::-1], (0.6, 0.6, 3.0)))
    np.testing.assert_allclose(mirrored[:, ::-1, ::-1], images, atol=1e-5)


@given(
    st.data(),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.floats(0.3, 4.0),
    st.integers(1, 9),
)
def test_a_mirrored_mask_gives_mirrored_slices_and_comes_back_mirrored(
    data: st.DataObject, native: tuple[int, int], spacing: float, half: int
) -> None:
    """Ties between two neighbours must not let masks drift to one side."""
    mask, geometry = data.draw(masks((*native, 1))), Geometry((*native, 1))
    # Even sides: an odd one has a middle that may lie between two pixels, a true tie.
    size = (2 * half, 2 * half)
    preparation = Preparation(axis=2, spacing=spacing, size=size, fit="resize")
    slices = preparation.prepare_mask(mask, geometry)
    mirrored = preparation.prepare_mask(np.ascontiguousarray(mask[::-1, ::-1]), geometry)
    np.testing.assert_array_equal(mirrored[:, ::-1, ::-1], slices)
    if native[0] % 2 == native[1] % 2 == 0:
        back = preparation.restore(slices, geometry)
        back_mirrored = preparation.restore(mirrored, geometry)
        np.testing.assert_array_equal(back_mirrored[::-1, ::-1], back)


def test_linear_resampling_agrees_with_simpleitk() -> None:
    grey = np.random.default_rng(3).uniform(size=(12, 10, 1))
    spacing = 0.35
    ours = Preparation(axis=2, spacing=spacing).prepare_image(volume(grey))[0]
    low, high = np.percentile(grey, (1, 99))
    image = sitk.GetImageFromArray(np.clip((grey[..., 0].T - low) / (high - low), 0, 1))
    height, width = ours.shape
    origin = [
        (12 - 1) / 2 - (width - 1) / 2 * spacing,
        (10 - 1) / 2 - (height - 1) / 2 * spacing,
    ]
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(
            image,
            [width, height],
            sitk.Transform(2, sitk.sitkIdentity),
            sitk.sitkLinear,
            origin,
            [spacing, spacing],
            [1.0, 0.0, 0.0, 1.0],
            0.0,
        )
    )
    inner = (slice(2, -2), slice(2, -2))  # SimpleITK puts 0 beyond the outermost centres
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=1e-5)


def test_shrinking_does_not_alias() -> None:
    """Stripes finer than a new pixel become grey, not new stripes."""
    stripes = np.zeros((120, 120, 1))
    stripes[::2] = 1
    images = Preparation(axis=2, spacing=3.1).prepare_image(volume(stripes))
    assert np.ptp(images[0][:, 2:-2]) < 0.1
    assert abs(images.mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    "preparation",
    [
        Preparation(axis=2, spacing=1.0),
        Preparation(axis=2, spacing=1.0, size=(50, 50), fit="resize"),
        Preparation(axis=2, spacing=0.31),
    ],
)
def test_discs_do_not_drift_on_the_way_there_and_back(preparation: Preparation) -> None:
    """Nearest neighbour jitters each of them; over many the mean drift is nothing."""
    rng = np.random.default_rng(5)
    x, y = np.meshgrid(np.arange(80) - 39.5, np.arange(80) - 39.5, indexing="ij")
    geometry = Geometry((80, 80, 1), (0.7, 0.7, 3.0))
    drifts = []
    for a, b in rng.uniform(-15, 15, (60, 2)):
        mask = ((x - a) ** 2 + (y - b) ** 2 < 18**2).astype(np.uint8)[:, :, None]
        back = preparation.restore(preparation.prepare_mask(mask, geometry), geometry)
        drifts.append((np.argwhere(back).mean(0) - np.argwhere(mask).mean(0))[:2])
        assert dice(back, mask) > 0.96
    np.testing.assert_allclose(np.mean(drifts, axis=0), 0, atol=0.04)
