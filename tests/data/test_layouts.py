"""Layouts: whichever way a folder is laid out, its cases are found; what is amiss is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nextslice.data.formats.readers import write_volume
from nextslice.data.gate.admission import check_data_set
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.errors import DataError


def scan(path: Path) -> None:
    write_volume(path, np.zeros((3, 3, 2), np.int16), Geometry((3, 3, 2)))


def describe(folder: Path, **content: Any) -> None:
    (folder / "dataset.json").write_text(json.dumps(content))


def test_msd_lists_the_training_cases_sorted(tmp_path: Path) -> None:
    pairs = [
        {"image": f"./imagesTr/{c}.nii.gz", "label": f"./labelsTr/{c}.nii.gz"} for c in "ba"
    ]
    describe(tmp_path, training=pairs, labels={"0": "background", "2": "tail", "1": "head"})
    data_set = recognise(tmp_path)
    assert (data_set.layout, data_set.declared) == (
        "MSD",
        {0: "background", 1: "head", 2: "tail"},
    )
    assert [c.case for c in data_set.cases] == ["a", "b"]
    assert data_set.cases[0].label == tmp_path / "labelsTr" / "a.nii.gz"
    assert data_set.problems == ()


def test_msd_cases_listed_twice_are_one_case_with_a_problem(tmp_path: Path) -> None:
    describe(
        tmp_path,
        training=[
            {"image": "one/a.nii.gz", "label": "l/a.nii.gz"},
            {"image": "two/a.nii.gz", "label": "l/a.nii.gz"},
            {"image": "two/b.nii.gz", "label": "l/b.nii.gz"},
        ],
        labels={"0": "background", "1": "x"},
    )
    twice, once = recognise(tmp_path).cases
    assert "listed 2 times" in twice.problems[0].reason
    assert "two/a.nii.gz" in twice.problems[0].reason
    assert once.problems == ()


@pytest.mark.promise(
    "Nothing damaged gets in: it is refused by name, the rest goes on, nothing on disk changes",
    fault="one label file listed for several cases",
)
def test_a_label_listed_for_several_cases_is_none_of_theirs(tmp_path: Path) -> None:
    pairs = {"a": "l/a.nii.gz", "b": "./l//a.nii.gz", "c": "l/c.nii.gz"}
    describe(
        tmp_path,
        training=[{"image": f"i/{c}.nii.gz", "label": label} for c, label in pairs.items()],
    )
    a, b, c = recognise(tmp_path).cases
    for case in (a, b):
        assert "a.nii.gz is listed for 2 cases: a, b" in case.problems[0].reason
        assert case.problems[0].remedy
    assert c.problems == ()


@pytest.mark.parametrize("name", ["../secret.nii.gz", "/etc/secret.nii.gz", "a/../../b.nii.gz"])
def test_paths_in_dataset_json_do_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    describe(tmp_path, training=[{"image": "a.nii.gz", "label": name}], labels={"0": "b"})
    (case,) = recognise(tmp_path).cases
    assert "outside" in case.problems[0].reason
    assert name in case.problems[0].reason


def nnunet(folder: Path, **changes: Any) -> None:
    for case in "ab":
        scan(folder / "imagesTr" / f"{case}_0000.nii.gz")
    scan(folder / "labelsTr" / "a.nii.gz")
    content = {
        "channel_names": {"0": "T2"},
        "labels": {"background": 0, "gland": 1},
        "file_ending": ".nii.gz",
        "numTraining": 2,
    }
    describe(folder, **(content | changes))


def test_nnunet_pairs_channel_zero_with_the_label(tmp_path: Path) -> None:
    nnunet(tmp_path)
    (tmp_path / "imagesTr" / "._a_0000.nii.gz").write_bytes(b"another system's note")
    data_set = recognise(tmp_path)
    assert (data_set.layout, data_set.declared) == (
        "nnU-Net v2",
        {0: "background", 1: "gland"},
    )
    assert [(c.case, c.label is None) for c in data_set.cases] == [("a", False), ("b", True)]


def test_nnunet_with_several_channels_or_regions_is_refused(tmp_path: Path) -> None:
    nnunet(tmp_path, channel_names={"0": "T2", "1": "ADC"})
    with pytest.raises(DataError, match="one channel"):
        recognise(tmp_path)
    nnunet(tmp_path, labels={"background": 0, "whole": [1, 2]})
    with pytest.raises(DataError, match="one whole number"):
        recognise(tmp_path)


def test_nnunet_files_that_do_not_fit_are_problems_of_their_case(tmp_path: Path) -> None:
    nnunet(tmp_path)
    scan(tmp_path / "imagesTr" / "c_0001.nii.gz")
    scan(tmp_path / "imagesTr" / "plain.nii.gz")
    scan(tmp_path / "labelsTr" / "lonely.nii.gz")
    problems = {c.case: c.problems[0].reason for c in recognise(tmp_path).cases if c.problems}
    assert "channel 0001" in problems["c"]
    assert "channel number" in problems["plain"]
    assert "has no image" in problems["lonely"]
    assert len(problems) == 3


@pytest.mark.parametrize("parts", [("",), ("TrainingData_Part1", "TrainingData_Part2")])
def test_promise12_is_found_in_one_folder_and_in_parts(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    for k, part in enumerate(parts):
        scan(tmp_path / part / f"Case0{k}.mhd")
        scan(tmp_path / part / f"Case0{k}_segmentation.mhd")
    scan(tmp_path / parts[-1] / "Case49.mhd")
    data_set = recognise(tmp_path)
    assert data_set.layout == "PROMISE12"
    assert data_set.declared == {0: "background", 1: "prostate"}
    *labelled, last = data_set.cases
    assert [c.case for c in labelled] == [f"Case0{k}" for k in range(len(parts))]
    assert all(c.label and c.label.name == f"{c.case}_segmentation.mhd" for c in labelled)
    assert (last.case, last.label) == ("Case49", None)


@pytest.mark.parametrize("others", [("other.nii.gz",), ("Case04.mhd",)])
def test_scans_called_as_in_promise12_leave_no_other_scan_out(
    tmp_path: Path, others: tuple[str, ...]
) -> None:
    for name in ("Case03.mhd", *others):
        scan(tmp_path / "images" / name)
        scan(tmp_path / "labels" / name)
    data_set = recognise(tmp_path)
    assert data_set.layout == "paired folders"
    assert len(data_set.cases) == 1 + len(others)
    assert not data_set.problems


def test_a_plain_folder_may_hold_one_scan_called_as_in_promise12(tmp_path: Path) -> None:
    scan(tmp_path / "Case03.mhd")
    scan(tmp_path / "knee.nii.gz")
    assert [files.case for files in recognise(tmp_path).cases] == ["Case03", "knee"]


@pytest.mark.parametrize("names", [("images", "labels"), ("imagesTr", "labelsTr")])
def test_paired_folders_match_by_name_whatever_the_format(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    scan(tmp_path / names[0] / "b.nrrd")
    scan(tmp_path / names[0] / "a.nii.gz")
    scan(tmp_path / names[1] / "b.mha")
    data_set = recognise(tmp_path)
    assert (data_set.layout, data_set.declared) == ("paired folders", None)
    assert [(c.case, c.label and c.label.name) for c in data_set.cases] == [
        ("a", None),
        ("b", "b.mha"),
    ]


def test_paired_folders_with_two_images_of_one_name_are_a_problem(tmp_path: Path) -> None:
    scan(tmp_path / "images" / "a.nii.gz")
    scan(tmp_path / "images" / "a.nrrd")
    (case,) = recognise(tmp_path).cases
    assert "listed 2 times" in case.problems[0].reason


def test_scans_that_simply_lie_in_a_folder_are_cases(tmp_path: Path) -> None:
    for name in ("b.nii.gz", "a.mha", "c.nrrd", ".c.nrrd"):
        scan(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    data_set = recognise(tmp_path)
    assert data_set.layout == "plain folder"
    assert [(c.case, c.label) for c in data_set.cases] == [
        ("a", None),
        ("b", None),
        ("c", None),
    ]
    assert data_set.cases[0].label_belongs == tmp_path / "labels" / "a.nii.gz"
    scan(tmp_path / "labels" / "b.nii.gz")
    scan(tmp_path / "labels" / "d.nii.gz")
    _, labelled, _, orphan = recognise(tmp_path).cases
    assert labelled.label == tmp_path / "labels" / "b.nii.gz"
    assert "no image" in orphan.problems[0].reason


@pytest.mark.parametrize("below", [".", "images", "imagesTr"])
def test_pairs_of_hdr_and_img_are_told_to_be_converted_unless_they_were(
    tmp_path: Path, below: str
) -> None:
    scan(tmp_path / below / "good.nii.gz")
    for name in ("good.hdr", "good.img", "old.HDR", "old.IMG"):
        (tmp_path / below / name).touch()
    good, old = check_data_set(recognise(tmp_path))
    assert (good.case, good.accepted) == ("good", True)
    assert (old.case, old.accepted) == ("old", False)
    assert "Convert the scan to .nii.gz" in str(old.refusals[0])
    (tmp_path / below / "good.nii.gz").unlink()
    assert not any(verdict.accepted for verdict in check_data_set(recognise(tmp_path)))


def test_an_unknown_folder_is_told_what_is_known_and_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError) as caught:
        recognise(tmp_path)
    for word in ("MSD", "nnU-Net v2", "PROMISE12", "paired folders", "notes.txt", "raw/"):
        assert word in str(caught.value)
    with pytest.raises(DataError, match="no such folder"):
        recognise(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is a file") as caught:
        recognise(tmp_path / "notes.txt")
    assert str(tmp_path) in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        '{"training": [3]}',
        '{"training": []}',
        '{"training": [{"image": "a.mha"}], "labels": 3}',
        '{"training": [{"image": "a.mha"}], "labels": {"1": "a", "01": "b"}}',
        '{"training": [{"image": "a.mha"}], "labels": {"a": [1, 2]}}',
        '{"file_ending": ".png"}',
        '{"channel_names": {"0": "T1", "1": "T2"}}',
        "{}",
    ],
)
def test_a_dataset_json_that_cannot_be_used_is_a_data_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=str(tmp_path)) as caught:
        recognise(tmp_path)
    assert caught.value.remedy


def test_a_dataset_json_may_begin_with_a_mark_of_utf_8(tmp_path: Path) -> None:
    content = {"training": ["a.mha"], "test": [], "labels": {"0": "rücken", "1": "kopf"}}
    (tmp_path / "dataset.json").write_text(json.dumps(content), encoding="utf-8-sig")
    assert recognise(tmp_path).declared == {0: "rücken", 1: "kopf"}


def test_a_slip_in_dataset_json_is_found_by_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{\n  "training": [,]\n}')
    with pytest.raises(DataError, match="line 2, column 16"):
        recognise(tmp_path)


def test_every_layout_says_where_a_missing_label_belongs(tmp_path: Path) -> None:
    scan(tmp_path / "pairs" / "images" / "a.mha")
    scan(tmp_path / "promise" / "part" / "Case07.mhd")
    scan(tmp_path / "nnunet" / "imagesTr" / "a_0000.nrrd")
    describe(tmp_path / "nnunet", channel_names={"0": "T2"}, file_ending=".nrrd")
    (tmp_path / "msd").mkdir()
    describe(tmp_path / "msd", training=[{"image": "./imagesTr/a.nii.gz"}])
    for layout, place in (
        ("pairs", "labels/a.nii.gz"),
        ("promise", "part/Case07_segmentation.mhd"),
        ("nnunet", "labelsTr/a.nrrd"),
        ("msd", "labelsTr/a.nii.gz"),
    ):
        (case,) = recognise(tmp_path / layout).cases
        assert (case.label, case.label_belongs) == (None, tmp_path / layout / place)
        if layout != "msd":  # there dataset.json has to name it, too
            scan(tmp_path / layout / place)
            assert recognise(tmp_path / layout).cases[0].label == tmp_path / layout / place


@pytest.mark.real_data
def test_the_hippocampus_is_msd_with_260_cases(hippocampus: Path) -> None:
    data_set = recognise(hippocampus)
    assert (data_set.layout, len(data_set.cases)) == ("MSD", 260)
    assert data_set.declared == {0: "background", 1: "Anterior", 2: "Posterior"}
