"""The pool: slices with lasting names, split by case, with a way back to their volumes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.data.formats.readers import write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.pool import SliceId, SlicePool
from nextslice.errors import DataError, RefusedCasesError, SettingsError

Array = np.ndarray[Any, np.dtype[Any]]
SHAPES = {"a": (6, 8, 3), "b": (7, 7, 5), "c": (5, 6, 4), "d": (6, 6, 2)}


def voxels(case: str) -> Array:
    return np.random.default_rng(ord(case)).normal(size=SHAPES[case]).astype(np.float32)


def label(case: str) -> Array:
    return np.random.default_rng(ord(case)).integers(0, 3, SHAPES[case]).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four small cases in MSD layout, 14 slices in all."""
    root = tmp_path / "set"
    for case, shape in SHAPES.items():
        geometry = Geometry(shape, (1.0, 1.0, 3.0))
        write_volume(root / "imagesTr" / f"{case}.nii.gz", voxels(case), geometry)
        write_volume(root / "labelsTr" / f"{case}.nii.gz", label(case), geometry)
    pairs = [{"image": f"imagesTr/{c}.nii.gz", "label": f"labelsTr/{c}.nii.gz"} for c in SHAPES]
    names = {"0": "background", "1": "head", "2": "tail"}
    (root / "dataset.json").write_text(json.dumps({"training": pairs, "labels": names}))
    return root


def test_every_slice_is_there_once_with_a_name(folder: Path) -> None:
    pool = SlicePool.from_folder(folder)
    assert pool.cases == ("a", "b", "c", "d")
    assert pool.classes == ("head", "tail")
    assert pool.layout == "MSD"
    assert len(pool) == len(pool.images) == len(pool.masks) == 14
    assert pool.size == (8, 7)  # the smallest that holds every case
    names = [pool.slice_id(row) for row in range(len(pool))]
    assert names == [SliceId(c, k) for c in "abcd" for k in range(SHAPES[c][2])]
    assert [pool.row_of(name) for name in names] == list(range(14))
    assert [pool.cases[k] for k in pool.case_of] == [name.case for name in names]
    assert pool.index_of.tolist() == [name.index for name in names]


def test_masks_of_a_case_restore_to_its_native_label(folder: Path) -> None:
    pool = SlicePool.from_folder(folder)
    for case in pool.cases:
        rows = pool.rows_of(case)
        np.testing.assert_array_equal(pool.native_label(case), label(case))
        np.testing.assert_array_equal(pool.restore(case, pool.masks[rows]), label(case))
        assert pool.geometry(case).shape == SHAPES[case]
    first = pool.images[0]
    assert first.shape == (8, 7)
    assert first.dtype == np.float32


def test_lazy_slices_index_like_the_array_they_stand_for(folder: Path) -> None:
    pool = SlicePool.from_folder(folder)
    view = pool.subset("ac").images
    whole = np.asarray(view)
    assert view.shape == whole.shape == (7, 8, 7)
    chosen = np.array([5, 0, 5, -1])
    for rows in (slice(2, 5), slice(None, None, -2), slice(3, 3), 4, -1, chosen):
        np.testing.assert_array_equal(view[rows], whole[rows])
    np.testing.assert_array_equal(
        view[whole.mean((1, 2)) > 0.3], whole[whole.mean((1, 2)) > 0.3]
    )
    np.testing.assert_array_equal(view.select(chosen)[1:], whole[chosen][1:])
    np.testing.assert_array_equal(view.select(slice(1, 6)).select([0, 3])[:], whole[[1, 4]])
    assert view[[]].shape == (0, 8, 7)
    view[0:2][...] = 7  # what comes out is a copy
    np.testing.assert_array_equal(view[0:2], whole[0:2])
    with pytest.raises(IndexError):
        view[np.array([7])]


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n - 1), st.integers(0, n))
    ),
    st.integers(0, 2**40),
)
def test_a_split_puts_every_case_on_one_side(numbers: tuple[int, int, int], seed: int) -> None:
    count, test, val = numbers
    val = min(val, count - 1 - test)
    names = [f"case{k:02}" for k in range(count) for _ in range(k % 3 + 1)]
    pool = SlicePool.from_arrays(np.zeros((len(names), 2, 2)), None, names)
    parts = pool.split_cases(test=test, val=val, seed=seed)
    assert [len(p.cases) for p in parts] == [count - test - val, val, test]
    assert sorted(c for p in parts for c in p.cases) == list(pool.cases)
    assert sum(len(p) for p in parts) == len(pool)
    again = pool.split_cases(test=test, val=val, seed=seed)
    assert [p.cases for p in again] == [p.cases for p in parts]


def test_other_seeds_split_otherwise_and_every_case_can_be_tested() -> None:
    pool = SlicePool.from_arrays(np.zeros((20, 2, 2)), None, list(range(20)))
    tests = [pool.split_cases(test=5, val=2, seed=seed)[2].cases for seed in range(40)]
    assert len(set(tests)) > 30
    assert set().union(*tests) == set(pool.cases)


def test_a_split_that_leaves_nothing_to_train_on_is_refused(folder: Path) -> None:
    pool = SlicePool.from_folder(folder)
    for test, val, seed in ((2, 2, 0), (9, 0, 0), (-1, 0, 0), (1, 1, -5)):
        with pytest.raises(SettingsError):
            pool.split_cases(test=test, val=val, seed=seed)


def test_a_subset_keeps_the_order_and_counts_from_zero(folder: Path) -> None:
    pool = SlicePool.from_folder(folder)
    part = pool.subset(["d", "b"])
    assert part.cases == ("b", "d")
    assert part.slice_id(5) == SliceId("d", 0)
    np.testing.assert_array_equal(part.images[5], pool.images[pool.row_of(SliceId("d", 0))])
    np.testing.assert_array_equal(part.native_label("d"), label("d"))
    for wrong in (["x"], []):
        with pytest.raises(SettingsError):
            pool.subset(wrong)
    with pytest.raises(SettingsError, match="'a'"):
        part.rows_of("a")
    for name in (SliceId("b", 5), SliceId("b", -1)):
        with pytest.raises(SettingsError):
            part.row_of(name)


def test_labels_merge_as_asked(folder: Path) -> None:
    pool = SlicePool.from_folder(folder, labels="organ=1,2")
    assert pool.classes == ("organ",)
    np.testing.assert_array_equal(pool.native_label("a"), label("a") > 0)
    with pytest.raises(SettingsError, match=r"1 .head., 2 .tail."):
        SlicePool.from_folder(folder, labels="organ=1,3")


def test_refused_cases_stop_the_start_unless_told_to_skip_them(folder: Path) -> None:
    (folder / "imagesTr" / "b.nii.gz").write_bytes(b"damaged")
    (folder / "labelsTr" / "d.nii.gz").unlink()
    for _ in range(2):  # built, and opened from the cache
        with pytest.raises(RefusedCasesError) as caught:
            SlicePool.from_folder(folder)
        for word in ("2 of 4 cases", "b: ", "d: ", "missing", "--skip-refused"):
            assert word in str(caught.value)
        pool = SlicePool.from_folder(folder, skip_refused=True)
        assert pool.cases == ("a", "c")
        assert [v.case for v in pool.refused] == ["b", "d"]


def test_a_size_for_all_ignores_the_cases_that_are_refused(folder: Path) -> None:
    (folder / "labelsTr" / "b.nii.gz").write_bytes(b"damaged")
    assert SlicePool.from_folder(folder, skip_refused=True).size == (8, 6)


def test_a_folder_with_nothing_but_refused_cases_cannot_be_used(folder: Path) -> None:
    for path in (folder / "imagesTr").iterdir():
        path.write_bytes(b"damaged")
    for size in (None, (4, 4)):
        with pytest.raises(RefusedCasesError, match="4 of 4"):
            SlicePool.from_folder(folder, skip_refused=True, size=size)


def test_cases_without_a_label_are_in_the_pool_but_have_no_masks(folder: Path) -> None:
    (folder / "dataset.json").unlink()
    (folder / "labelsTr" / "b.nii.gz").unlink()
    pool = SlicePool.from_folder(folder)
    assert pool.layout == "paired folders"
    assert pool.classes == ("label 1", "label 2")
    assert not pool.has_labels
    assert pool.labelled_cases == ("a", "c", "d")
    with pytest.raises(DataError, match="b"):
        _ = pool.masks
    with pytest.raises(DataError, match="b"):
        pool.native_label("b")
    part = pool.subset(pool.labelled_cases)
    np.testing.assert_array_equal(part.restore("d", part.masks[part.rows_of("d")]), label("d"))


def test_a_pool_without_any_label_can_be_opened(folder: Path) -> None:
    (folder / "dataset.json").unlink()
    for path in (folder / "labelsTr").iterdir():
        path.unlink()
    for _ in range(2):
        assert SlicePool.from_folder(folder).labelled_cases == ()


def test_a_crop_that_cuts_foreground_is_told_by_name(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pool = SlicePool.from_folder(folder, size=(7, 7))
    assert set(pool.cropped) == {"a"}  # the only case taller than 7
    lost = np.count_nonzero(label("a")[:, 7]) + np.count_nonzero(label("a")[:, 0])
    assert 0 < pool.cropped["a"] <= lost
    assert f"a ({pool.cropped['a']})" in caplog.text
    assert SlicePool.from_folder(folder, size=(8, 7)).cropped == {}


def test_the_fingerprint_tells_contents_settings_and_cases_apart(folder: Path) -> None:
    pool = SlicePool.from_folder(folder)
    prints = {
        pool.fingerprint,
        pool.subset("ab").fingerprint,
        pool.subset("bc").fingerprint,
        SlicePool.from_folder(folder, size=(9, 9)).fingerprint,
        SlicePool.from_folder(folder, labels="organ=1,2").fingerprint,
    }
    assert len(prints) == 5
    assert pool.subset("dcba").fingerprint == pool.fingerprint
    (folder / "imagesTr" / "a.nii.gz").touch()
    assert SlicePool.from_folder(folder).fingerprint == pool.fingerprint
    write_volume(
        folder / "labelsTr" / "a.nii.gz",
        label("a")[::-1],
        Geometry(SHAPES["a"], (1.0, 1.0, 3.0)),
    )
    assert SlicePool.from_folder(folder).fingerprint not in prints


@pytest.mark.real_data
def test_the_hippocampus_is_9270_slices_in_260_cases_split_200_10_50(
    hippocampus: Path,
) -> None:
    pool = SlicePool.from_folder(hippocampus, size=(50, 50))
    assert (len(pool), len(pool.cases)) == (9270, 260)
    assert pool.classes == ("Anterior", "Posterior")
    assert pool.cropped == {}
    parts = pool.split_cases(test=50, val=10, seed=0)
    assert [len(p.cases) for p in parts] == [200, 10, 50]
    assert sum(len(p) for p in parts) == 9270
    test = parts[2]
    for case in test.cases[:5]:
        restored = test.restore(case, test.masks[test.rows_of(case)])
        np.testing.assert_array_equal(restored, test.native_label(case))


@pytest.mark.real_data
@pytest.mark.parametrize("fit", ["crop", "resize"])
def test_the_prostate_gland_fits_whole_into_128_pixels(prostate: Path, fit: Any) -> None:
    pool = SlicePool.from_folder(
        prostate, spacing=1.0, size=(128, 128), labels="gland=1,2", fit=fit
    )
    assert (len(pool), len(pool.cases)) == (560, 29)
    assert pool.classes == ("gland",)
    assert pool.size == (128, 128)
    assert pool.cropped == {}
    assert 0.01 < np.asarray(pool.masks).mean() < 0.2
