"""Opening a folder: what stands in the way of a pool is named, and never passed over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nextslice.data.formats.readers import write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.labels import LabelMap
from nextslice.data.pool import SlicePool
from nextslice.errors import DataError, RefusedCasesError, SettingsError
from nextslice.progress import Progress

FLAT, UPRIGHT = (1.0, 1.0, 3.0), (1.0, 3.0, 1.0)


def put(
    root: Path, case: str, *, spacing: tuple[float, ...] = FLAT, label: bool = True
) -> None:
    """One case of paired folders."""
    x, y, z = spacing
    geometry = Geometry((6, 5, 4), (x, y, z))
    image = np.random.default_rng(ord(case[0])).normal(size=geometry.shape)
    write_volume(root / "images" / f"{case}.nii.gz", image.astype(np.float32), geometry)
    if label:
        mask = (image > 0).astype(np.uint8) * 2
        write_volume(root / "labels" / f"{case}.nii.gz", mask, geometry)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three cases, of which b has no label."""
    root = tmp_path / "set"
    for case in "abc":
        put(root, case, label=case != "b")
    return root


def test_a_case_without_a_label_is_refused_where_labels_are_required(folder: Path) -> None:
    with pytest.raises(RefusedCasesError) as caught:
        SlicePool.from_folder(folder, require_labels=True)
    place = folder / "labels" / "b.nii.gz"
    for words in ("1 of 3 cases", f"b has no label. Put it at {place}.", "--skip-refused"):
        assert words in str(caught.value)
    pool = SlicePool.from_folder(folder, require_labels=True, skip_refused=True)
    assert pool.cases == pool.labelled_cases == ("a", "c")
    assert pool.has_labels
    assert [verdict.case for verdict in pool.refused] == ["b"]
    assert pool.subset(["a"]).refused == pool.refused


def test_exhaustive_labels_refuse_values_that_they_do_not_name(folder: Path) -> None:
    only_one = LabelMap((("gland", (1,)),), exhaustive=True)
    with pytest.raises(RefusedCasesError, match="values that are not declared: 2"):
        SlicePool.from_folder(folder, labels=only_one)
    pool = SlicePool.from_folder(folder, labels=replace(only_one, exhaustive=False))
    assert not pool.subset(pool.labelled_cases).masks[:].any()  # 2 became background
    both = LabelMap((("gland", (1,)), ("lesion", (2,))), exhaustive=True)
    pool = SlicePool.from_folder(folder, labels=both)
    assert pool.subset(pool.labelled_cases).masks[:].max() == 2


def test_required_labels_change_neither_the_cache_nor_the_fingerprint(
    folder: Path, tmp_path: Path
) -> None:
    heard: list[Progress] = []
    whole = SlicePool.from_folder(folder, cache=tmp_path / "cache")
    part = SlicePool.from_folder(
        folder,
        cache=tmp_path / "cache",
        require_labels=True,
        skip_refused=True,
        on_progress=heard.append,
    )
    assert heard == []
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert whole.cases == ("a", "b", "c")
    assert whole.refused == ()
    assert part.fingerprint == whole.subset(whole.labelled_cases).fingerprint
    np.testing.assert_array_equal(part.masks[4:], whole.subset("c").masks[:])


def test_damaged_and_unlabelled_cases_are_refused_together_in_order(folder: Path) -> None:
    for case in "ac":
        (folder / "images" / f"{case}.nii.gz").write_bytes(b"damaged")
    with pytest.raises(RefusedCasesError, match=r"3 of 3 cases(.|\n)*a: (.|\n)*b: (.|\n)*c: "):
        SlicePool.from_folder(folder, require_labels=True)
    with pytest.raises(RefusedCasesError, match="3 of 3"):  # nothing would be left
        SlicePool.from_folder(folder, require_labels=True, skip_refused=True)
    assert SlicePool.from_folder(folder, skip_refused=True).cases == ("b",)


def test_labels_that_are_all_there_are_no_hindrance(folder: Path) -> None:
    put(folder, "b")
    pool = SlicePool.from_folder(folder, require_labels=True)
    assert pool.fingerprint == SlicePool.from_folder(folder).fingerprint


@pytest.mark.parametrize("size", [None, (6, 6)])
def test_cases_with_different_short_axes_are_not_mixed(
    folder: Path, tmp_path: Path, size: tuple[int, int] | None
) -> None:
    """Whether the scans are read once (all else is known) or twice."""
    for case in ("d", "e"):
        put(folder, case, spacing=UPRIGHT)
    for skip_refused in (False, True):
        with pytest.raises(DataError) as caught:
            SlicePool.from_folder(
                folder, size=size, labels="organ=2", skip_refused=skip_refused
            )
        expected = "cases d, e would be sliced along axis 1, a, b, c along axis 2"
        assert expected in caught.value.problem
        assert "--axis N (axis=N)" in caught.value.remedy
    pool = SlicePool.from_folder(folder, size=size, labels="organ=2", axis=0)
    assert len(pool) == 5 * 6
    assert pool.preparation.axis == 0


def test_a_refused_case_has_no_say_in_the_axis(folder: Path) -> None:
    put(folder, "d", spacing=UPRIGHT)
    write_volume(
        folder / "labels" / "d.nii.gz", np.zeros((6, 5, 3), np.uint8), Geometry((6, 5, 3))
    )
    for size in (None, (6, 6)):
        pool = SlicePool.from_folder(folder, size=size, labels="organ=2", skip_refused=True)
        assert pool.preparation.axis == 2


@pytest.mark.parametrize("size", [None, (6, 6)])
def test_the_axis_of_a_pool_is_a_number_and_the_same_as_if_it_had_been_given(
    folder: Path, size: tuple[int, int] | None
) -> None:
    pool = SlicePool.from_folder(folder, size=size, labels="organ=2")
    assert pool.preparation.axis == 2
    assert pool.preparation.slicing_axis(Geometry((3, 3, 3), UPRIGHT)) == 2
    given = SlicePool.from_folder(folder, size=size, labels="organ=2", axis=2)
    assert given.fingerprint == pool.fingerprint


def test_undeclared_label_values_are_told_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = "no label values are declared; found 0, 2: they become label 2"
    assert SlicePool.from_folder(folder).classes == ("label 2",)
    assert caplog.text.count(told) == 1
    SlicePool.from_folder(folder, size=(7, 7), labels={"organ": [2]})
    assert caplog.text.count(told) == 1


def test_labels_can_be_a_mapping(folder: Path) -> None:
    pool = SlicePool.from_folder(folder, labels={"organ": [2]})
    assert pool.classes == ("organ",)
    assert pool.fingerprint == SlicePool.from_folder(folder, labels="organ=2").fingerprint
    with pytest.raises(SettingsError, match="organ"):
        SlicePool.from_folder(folder, labels={"organ": ["two"]})  # type: ignore[list-item]


def test_one_number_for_a_size_is_a_settings_error(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"size should be .height, width.*50"):
        SlicePool.from_folder(folder, size=50)  # type: ignore[arg-type]


def test_one_slice_of_one_case_is_said_in_the_singular() -> None:
    one = SlicePool.from_arrays(np.zeros((1, 4, 5)), None, ["a"])
    assert repr(one) == "<SlicePool: 1 slice of 4 x 5 in 1 case, foreground label 1>"
    two = SlicePool.from_arrays(np.zeros((2, 4, 5)), None, ["a", "b"])
    assert "2 slices of 4 x 5 in 2 cases" in repr(two)


def test_sheared_cases_are_let_in_where_it_is_asked_for(folder: Path, tmp_path: Path) -> None:
    image = nib.load(folder / "images" / "c.nii.gz")
    affine = image.affine.copy()
    affine[1, 2] = 1.0
    for room in ("images", "labels"):
        path = folder / room / "c.nii.gz"
        voxels = np.asanyarray(nib.load(path).dataobj)
        nib.Nifti1Image(voxels, affine).to_filename(path)
    upright = SlicePool.from_folder(folder, cache=tmp_path / "cache", skip_refused=True)
    with pytest.raises(RefusedCasesError, match="accept_sheared=True"):
        SlicePool.from_folder(folder, cache=tmp_path / "cache")
    pool = SlicePool.from_folder(folder, cache=tmp_path / "cache", accept_sheared=True)
    assert (upright.cases, pool.cases) == (("a", "b"), ("a", "b", "c"))
    direction = np.reshape(pool.geometry("c").direction, (3, 3))
    assert abs(direction[:, 1] @ direction[:, 2]) > 0.1
    labelled = SlicePool.from_folder(folder, cache=tmp_path / "cache", skip_refused=True)
    assert labelled.fingerprint == upright.fingerprint
