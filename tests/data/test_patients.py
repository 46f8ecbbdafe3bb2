"""No patient is on both sides of a split, where the ids of the cases say whose they are."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextslice.data.formats.readers import write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.data.patients import patients_of, split_by_patient
from nextslice.data.pool import SlicePool
from nextslice.errors import SettingsError


@pytest.mark.parametrize(
    ("case", "patient"),
    [
        ("patient001_frame01", "patient-001"),
        ("sub-03_ses-02_T2w", "sub-03"),
        ("sub-abc", "sub-abc"),
        ("subject 7.b", "subject-7"),
        ("17_visit2", "17"),
        ("case04_baseline", "case04"),
        ("A12-tp-1", "a12"),
        ("P01_ses-1_frame2", "p01"),
        ("17_12months", "17"),
        ("OAS2_0001_MR2", "oas2-0001"),
        ("Case04", "case04"),
        ("hippocampus_001", "hippocampus-001"),
        ("ProstateDx-01-0006", "prostatedx-01-0006"),
        ("MR_scan_12", "mr-scan-12"),  # whose, it does not say
        ("first_visit_2", "first-visit-2"),
        ("patients_12", "patients-12"),
        ("subset1_03", "subset1-03"),
        ("sub_cortical_001", "sub-cortical-001"),
        ("pathology2_4", "pathology2-4"),
        ("Task04_v2_001", "task04-v2-001"),
    ],
)
def test_a_patient_is_what_an_id_begins_with(case: str, patient: str) -> None:
    assert patients_of([case]) == [patient]


@pytest.mark.promise(
    "No patient is both in training and in test, where ids say whose a case is",
    fault="one patient spelt in two ways, or named with a time",
)
@pytest.mark.parametrize(
    "same",
    [
        ("Patient001_frame02", "patient001_frame01"),
        ("sub-01", "Sub-01", "sub_01_run-2"),
        ("patient_001", "patient-001", "patient.001", "patient001"),
        ("sub-M\u00fcller_1", "sub-Mu\u0308ller_2"),
        ("M\u00fcller1_visit1", "Mu\u0308ller1_visit2"),
        ("17_month6", "17_month12", "17"),
        ("17_v1", "17_v2"),
        ("17_pre", "17_post", "17_post-op"),
        ("P01_scan1", "P01_scan2", "p01_scan_10"),
        ("BraTS-GLI-00001-000", "BraTS-GLI-00001-001"),
    ],
)
def test_one_patient_in_several_spellings_and_times_is_one(same: tuple[str, ...]) -> None:
    assert len(set(patients_of(same))) == 1
    others = [f"{case}9" for case in ("hippocampus_00", "Case1", "18_v", "sub-02")]
    split = split_by_patient([*same, *others], (1, 1), seed=3)
    assert sum(bool(set(part) & set(range(len(same)))) for part in split) == 1


@pytest.mark.parametrize(
    "pattern",
    [
        *("hippocampus_{:03}", "Case{:02}", "ProstateDx-01-{:04}", "Prostate3T-01-{:04}"),
        *("BRATS_{:03}", "BraTS2021_{:05}", "s{:04}", "la_{:03}", "prostate_{:02}", "{}"),
        *("BraTS-GLI-{:05}-000", "phantom_{:03}", "Task04_scan_{}", "set1_v{}"),
        *("Task04_v2_{:03}", "Lung1_pre_{:03}", "sub_cortical_{:03}", "path_{}", "patch1_{}"),
    ],
)
@settings(max_examples=20)
@given(st.sets(st.integers(0, 99), min_size=10, max_size=40))
def test_no_two_patients_become_one_where_ids_count_cases(
    pattern: str, numbers: set[int]
) -> None:
    names = [pattern.format(k) for k in numbers]
    assert len(set(patients_of(names))) == len(names)


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        *(("", part) for part in ("1", "_", "1_", "1_scan", "1_pre_op", "sub_", "sub1\u00e9")),
        *((begin, "1") for begin in ("patient", "pat_", "17_", "17_fu", "brats-a-", "oas2_")),
    ],
)
def test_an_endless_id_is_read_at_once(begin: str, part: str) -> None:
    """Were its time to grow with the square of its length, the second would take hours."""
    for length in (30_000, 1_000_000):
        started = time.process_time()
        patients_of([begin + part * (length // len(part)) + "("])
        assert time.process_time() - started < 15


def numbered(beginnings: Sequence[str], end: str, count: int) -> list[str]:
    return [f"{begin}{end}{k + 1:02}" for begin in beginnings for k in range(count)]


@pytest.mark.parametrize("end", ["_scan_", "_scan", "_v"])
def test_scans_of_a_site_are_not_taken_for_those_of_a_patient(end: str) -> None:
    names = numbered(["site1", "site2", "site3"], end, 20)
    assert len(set(patients_of(names))) == 60
    assert [len(part) for part in split_by_patient(names, (12, 5), seed=0)] == [12, 5, 43]


def test_a_guess_keeps_cases_together_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    names = [*numbered(["P01", "P02", "P03"], "_scan", 3), "P04"]
    parts = split_by_patient(names, (2, 1), seed=1)
    beginnings = [{names[k][:3] for k in part} for part in parts]
    assert sum(map(len, beginnings)) == 4
    assert "9 cases may be of 3 patients only, by a guess" in caplog.text
    assert "P01_scan01" in caplog.text
    caplog.clear()
    split_by_patient(["patient01_scan1", "patient01_scan2", "Case4"], (1,), seed=1)
    assert caplog.text == ""


def test_no_guess_stands_in_the_way_of_a_split(caplog: pytest.LogCaptureFixture) -> None:
    names = numbered(["Task04"], "_scan_", 9)
    assert [len(part) for part in split_by_patient(names, (3, 2), seed=0)] == [3, 2, 4]
    assert "9 cases may be of 1 patient only, by a guess" in caplog.text
    with pytest.raises(SettingsError, match="No patient is left"):
        split_by_patient(numbered(["patient01"], "_scan_", 9), (3, 2), seed=0)


def test_no_case_is_refused_for_a_guess_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [*numbered(["site1", "site2"], "_scan_", 2), "patient07_scan1"]
    pairs = [{"image": f"imagesTr/{name}.nii.gz"} for name in names]
    kept = ["imagesTs/site1_scan_07.nii.gz", "imagesTs/patient07_scan2.nii.gz"]
    (tmp_path / "dataset.json").write_text(json.dumps({"training": pairs, "test": kept}))
    refused = [files.case for files in recognise(tmp_path).cases if files.problems]
    assert refused == ["patient07_scan1"]
    assert "by a guess from the ids of 2 cases: site1_scan_01 (as site1_scan_07)" in caplog.text
    assert "site2" not in caplog.text


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
    whose = patients_of(cases)
    patients = [{whose[k] for k in part} for part in parts]
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
        "nnU-Net v2": {"channel_names": {"0": "T2"}},
    }
    if layout in content:
        (tmp_path / "dataset.json").write_text(json.dumps(content[layout]))
    data_set = recognise(tmp_path)
    assert data_set.layout == layout
    first, second = data_set.cases
    assert "its patient 17 is in the data set's own test set" in first.problems[0].reason
    assert second.problems == ()
