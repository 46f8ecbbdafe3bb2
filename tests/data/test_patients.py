"""No patient is on both sides of a split, where the ids of the cases say whose they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.data.formats.readers import write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.data.patients import patient_of, split_by_patient
from nextslice.data.pool import SlicePool
from nextslice.errors import SettingsError


@pytest.mark.parametrize(
    ("case", "patient"),
    [
        ("patient001_frame01", "patient001"),
        ("sub-03_ses-02_T2w", "sub-03"),
        ("sub-abc", "sub-abc"),
        ("subject 7.b", "subject 7"),
        ("17_visit2", "17"),
        ("case04_baseline", "case04"),
        ("A12-tp-1", "A12"),
        ("Case04", "Case04"),
        ("hippocampus_001", "hippocampus_001"),
        ("ProstateDx-01-0006", "ProstateDx-01-0006"),
        ("MR_scan_12", "MR_scan_12"),  # whose, it does not say
        ("first_visit_2", "first_visit_2"),
        ("patients_12", "patients_12"),
    ],
)
def test_a_patient_is_what_an_id_begins_with(case: str, patient: str) -> None:
    assert patient_of(case) == patient


cases = st.lists(
    st.one_of(
        st.builds("patient{:02}_frame{:02}".format, st.integers(0, 9), st.integers(0, 9)),
        st.builds("Case{:02}".format, st.integers(0, 30)),
    ),
    min_size=1,
    max_size=30,
    unique=True,
)


@pytest.mark.promise(
    "No patient is both in training and in test, where ids say whose a case is",
    fault="splits of mixed ids, 100 of them",
)
@given(cases, st.integers(0, 8), st.integers(0, 8), st.integers(0, 100))
def test_parts_share_no_patient_and_lose_no_case(
    cases: list[str], test: int, val: int, seed: int
) -> None:
    try:
        parts = split_by_patient(cases, (test, val), seed)
    except SettingsError:
        return
    assert sorted(k for part in parts for k in part) == list(range(len(cases)))
    patients = [{patient_of(cases[k]) for k in part} for part in parts]
    assert sum(map(len, patients)) == len(set().union(*patients))
    assert len(parts[0]) >= test
    assert len(parts[1]) >= val
    assert parts[2]


@given(st.integers(1, 40), st.integers(0, 100))
def test_where_every_case_is_a_patient_parts_are_as_large_as_asked(
    count: int, seed: int
) -> None:
    """And are drawn as one permutation, so that earlier splits stay what they were."""
    names = [f"Case{k:02}" for k in range(count)]
    test, val = count // 3, count // 4
    order = np.random.default_rng((0x73706C6974, seed)).permutation(count).tolist()
    parts = split_by_patient(names, (test, val), seed)
    assert parts == (order[:test], order[test : test + val], order[test + val :])


def test_a_pool_is_split_by_patient() -> None:
    names = [f"patient{k // 3:02}_frame{k % 3}" for k in range(18)]
    pool = SlicePool.from_arrays(np.zeros((18, 4, 4), np.float32), None, names)
    train, val, test = pool.split_cases(test=4, val=2, seed=1)
    assert [len(part.cases) for part in (train, val, test)] == [9, 3, 6]
    with pytest.raises(SettingsError, match="No patient is left"):
        pool.split_cases(test=13, val=4, seed=1)


@pytest.mark.promise(
    "No patient is both in training and in test, where ids say whose a case is",
    fault="a patient in the data set's own test set as well",
)
@pytest.mark.parametrize("layout", ["MSD", "nnU-Net v2", "paired folders"])
def test_a_patient_whom_the_data_set_keeps_for_its_test_is_refused(
    tmp_path: Path, layout: str
) -> None:
    ending = "_0000.nii.gz" if layout == "nnU-Net v2" else ".nii.gz"
    grid = Geometry((3, 3, 2))
    for folder, case in (("Tr", "17_visit1"), ("Tr", "18"), ("Ts", "17_visit2")):
        voxels = np.random.default_rng(len(case)).normal(size=grid.shape)
        write_volume(tmp_path / f"images{folder}" / f"{case}{ending}", voxels, grid)
    content = {
        "MSD": {"training": ["imagesTr/17_visit1.nii.gz", "imagesTr/18.nii.gz"]},
        "nnU-Net v2": {"channel_names": {"0": "T2"}, "file_ending": ".nii.gz"},
    }
    if layout in content:
        (tmp_path / "dataset.json").write_text(json.dumps(content[layout]))
    data_set = recognise(tmp_path)
    assert data_set.layout == layout
    first, second = data_set.cases
    assert "its patient 17 is in the data set's own test set" in first.problems[0].reason
    assert second.problems == ()
