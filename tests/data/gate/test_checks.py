"""The gate: each kind of damage is refused by name while the other cases go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nextslice.data.cases import CaseFiles
from nextslice.data.formats.readers import write_volume
from nextslice.data.gate.admission import check_data_set
from nextslice.data.gate.checks import Verdict, check_case, refused_error
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.progress import Progress

GEOMETRY = Geometry((6, 5, 4), (1.0, 1.0, 2.0), (3.0, 4.0, 5.0))
DECLARED = {0: "background", 1: "head", 2: "tail"}
Array = np.ndarray[Any, np.dtype[Any]]


def image(seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=GEOMETRY.shape).astype(np.float32)


def label() -> Array:
    return np.random.default_rng(9).integers(0, 3, GEOMETRY.shape).astype(np.uint8)


def case(folder: Path, name: str = "a", seed: int = 0) -> CaseFiles:
    files = CaseFiles(
        name, folder / "images" / f"{name}.nii.gz", folder / "labels" / f"{name}.nii.gz"
    )
    write_volume(files.image, image(seed), GEOMETRY)
    assert files.label is not None
    write_volume(files.label, label(), GEOMETRY)
    return files


def reasons(files: CaseFiles, declared: dict[int, str] | None = DECLARED) -> str:
    verdict = check_case(files, declared).verdict
    assert not verdict.accepted
    assert all(refusal.remedy for refusal in verdict.refusals)
    return "; ".join(refusal.reason for refusal in verdict.refusals)


def test_a_sound_case_is_accepted_and_read_once(tmp_path: Path) -> None:
    checked = check_case(case(tmp_path), DECLARED)
    assert checked.verdict.accepted
    assert checked.verdict.values == (0, 1, 2)
    assert checked.verdict.shape == (6, 5, 4)
    assert checked.verdict.spacing == pytest.approx((1, 1, 2))
    assert checked.image is not None
    assert checked.label is not None
    np.testing.assert_array_equal(checked.image.voxels, image())
    np.testing.assert_array_equal(checked.label.voxels, label())


def test_a_case_without_a_label_is_accepted(tmp_path: Path) -> None:
    files = replace(case(tmp_path), label=None)
    checked = check_case(files, DECLARED)
    assert checked.verdict.accepted
    assert not checked.verdict.labelled
    assert check_case(case(tmp_path), DECLARED).verdict.labelled


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (replace(GEOMETRY, spacing=(1.0, 1.0, 2.1)), "spacing"),
        (replace(GEOMETRY, origin=(3.0, 4.5, 5.0)), "origin"),
        (
            replace(GEOMETRY, direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)),
            "direction",
        ),
        (Geometry((6, 5, 3), GEOMETRY.spacing, GEOMETRY.origin), "shape"),
    ],
)
def test_image_and_label_on_different_grids_are_refused(
    tmp_path: Path, other: Geometry, word: str
) -> None:
    files = case(tmp_path)
    assert files.label is not None
    write_volume(files.label, label()[:, :, : other.shape[2]], other)
    assert f"differ in {word}" in reasons(files)


def test_a_difference_of_rounding_is_no_difference(tmp_path: Path) -> None:
    files = case(tmp_path)
    assert files.label is not None
    write_volume(files.label, label(), replace(GEOMETRY, origin=(3.0001, 4.0, 5.0)))
    assert check_case(files, DECLARED).verdict.accepted


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    files, voxels = case(tmp_path), image()
    voxels[1, 2, 3] = value
    write_volume(files.image, voxels, GEOMETRY)
    assert "1 voxel that is NaN or infinite" in reasons(files)


@pytest.mark.parametrize("value", [0.5, 0.9999, np.nan, np.inf])
def test_label_values_that_are_not_whole_numbers_are_refused(
    tmp_path: Path, value: float
) -> None:
    files, voxels = case(tmp_path), label().astype(np.float32)
    voxels[1, 2, 3] = value
    assert files.label is not None
    write_volume(files.label, voxels, GEOMETRY)
    assert "not whole numbers: " + str(np.float32(value)) in reasons(files)


def test_whole_numbers_stored_as_floats_are_accepted(tmp_path: Path) -> None:
    files = case(tmp_path)
    assert files.label is not None
    write_volume(files.label, label().astype(np.float32), GEOMETRY)
    assert check_case(files, DECLARED).verdict.values == (0, 1, 2)


def test_label_values_that_are_not_declared_are_refused(tmp_path: Path) -> None:
    files = case(tmp_path)
    assert "are not declared: 2" in reasons(files, {0: "background", 1: "head"})
    voxels = label().astype(np.int16)
    voxels[0, 0, 0] = -1
    assert files.label is not None
    write_volume(files.label, voxels, GEOMETRY)
    assert "are not declared: -1" in reasons(files)
    assert "negative" in reasons(files, None)


def test_a_scan_in_the_place_of_a_label_is_refused(tmp_path: Path) -> None:
    files = case(tmp_path)
    assert files.label is not None
    voxels = np.arange(np.prod(GEOMETRY.shape) * 4, dtype=np.int32).reshape(12, 10, 4)
    geometry = Geometry((12, 10, 4))
    write_volume(files.label, voxels, geometry)
    write_volume(files.image, voxels, geometry)
    assert "480 different values" in reasons(files, None)


def missing_image(files: CaseFiles) -> None:
    files.image.unlink()


def missing_label(files: CaseFiles) -> None:
    assert files.label is not None
    files.label.unlink()


def empty(files: CaseFiles) -> None:
    files.image.write_bytes(b"")


def cut_short(files: CaseFiles) -> None:
    files.image.write_bytes(files.image.read_bytes()[:-30])


def not_a_scan(files: CaseFiles) -> None:
    files.image.write_bytes(b"not a scan")


def is_a_folder(files: CaseFiles) -> None:
    files.image.unlink()
    files.image.mkdir()


def four_dimensions(files: CaseFiles) -> None:
    nib.save(nib.Nifti1Image(np.zeros((6, 5, 4, 3), np.int16), np.eye(4)), files.image)


def colour(files: CaseFiles) -> None:
    kind = [("R", "u1"), ("G", "u1"), ("B", "u1")]
    nib.save(nib.Nifti1Image(np.zeros((6, 5, 4), kind), np.eye(4)), files.image)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (missing_image, "missing"),
        (empty, "is empty"),
        (missing_label, "missing"),
        (cut_short, "cannot be unpacked to the end"),
        (not_a_scan, "cannot be unpacked"),
        (is_a_folder, "plain file"),
        (four_dimensions, "three dimensions"),
        (colour, "one real number per voxel"),
    ],
)
def test_one_spoilt_case_is_named_and_the_others_go_on(
    tmp_path: Path, spoil: Callable[[CaseFiles], None], word: str
) -> None:
    files = [case(tmp_path, name, seed) for seed, name in enumerate("abc")]
    pairs = [
        {"image": f"images/{f.case}.nii.gz", "label": f"labels/{f.case}.nii.gz"} for f in files
    ]
    names = {str(k): v for k, v in DECLARED.items()}
    (tmp_path / "dataset.json").write_text(json.dumps({"training": pairs, "labels": names}))
    spoil(files[1])
    verdicts = check_data_set(recognise(tmp_path))
    assert [(v.case, v.accepted) for v in verdicts] == [("a", True), ("b", False), ("c", True)]
    (refusal,) = verdicts[1].refusals
    assert word in refusal.reason
    assert refusal.remedy
    assert "b.nii.gz" in refusal.reason
    reads_well(str(refusal))
    reads_well(str(refused_error("here", (verdicts[1],), 3)))


def reads_well(text: str) -> None:
    """Sentences that end once, and nothing of a library's own words."""
    assert ".." not in text
    assert ".)." not in text
    assert text.endswith((".", "skip_refused=True)."))
    for leak in ("sitk", "ITK", "Error -", "Errno", "zlib"):
        assert leak not in text


def test_every_reason_is_given_not_only_the_first(tmp_path: Path) -> None:
    files, voxels = case(tmp_path), image()
    voxels[0] = np.nan
    write_volume(files.image, voxels, replace(GEOMETRY, origin=(0.0, 0.0, 0.0)))
    found = reasons(files, {0: "background", 1: "head"})
    assert "NaN" in found
    assert "origin" in found
    assert "are not declared" in found


def test_the_same_scan_under_two_ids_is_refused_and_the_other_named(tmp_path: Path) -> None:
    case(tmp_path, "a", 0), case(tmp_path, "b", 1)
    # The same voxels once more, in another format, so no byte of the file needs to agree.
    write_volume(tmp_path / "images" / "c.nrrd", image(0), GEOMETRY)
    verdicts = check_data_set(recognise(tmp_path))
    assert [v.accepted for v in verdicts] == [True, True, False]
    assert "the case a" in verdicts[2].refusals[0].reason


@pytest.mark.promise(
    "No scan enters under two names",
    fault="copies of a scan in other number types",
)
@pytest.mark.parametrize("kind", ["u1", "u2", "i4", "f4", "f8"])
def test_a_scan_stored_as_another_number_type_is_the_same_scan(
    tmp_path: Path, kind: str
) -> None:
    whole = np.random.default_rng(2).integers(0, 200, GEOMETRY.shape)
    for name, voxels in (("a", whole.astype("i2")), ("b", whole.astype(kind))):
        write_volume(tmp_path / "images" / f"{name}.nii.gz", voxels, GEOMETRY)
    other = whole.astype(kind)
    other[0, 0, 0] += 1
    write_volume(tmp_path / "images" / "c.nii.gz", other, GEOMETRY)
    verdicts = check_data_set(recognise(tmp_path))
    assert [v.accepted for v in verdicts] == [True, False, True]
    assert "the case a" in verdicts[1].refusals[0].reason


def test_a_zero_is_the_same_with_and_without_a_sign(tmp_path: Path) -> None:
    for name, zero in (("a", 0.0), ("b", -0.0)):
        voxels = image()
        voxels[0] = zero
        write_volume(tmp_path / "images" / f"{name}.nii.gz", voxels, GEOMETRY)
    assert [v.accepted for v in check_data_set(recognise(tmp_path))] == [True, False]


def test_a_case_with_problems_is_refused_unopened(tmp_path: Path) -> None:
    case(tmp_path, "a")
    write_volume(tmp_path / "images" / "a.nrrd", image(), GEOMETRY)
    (verdict,) = check_data_set(recognise(tmp_path))
    assert "listed 2 times" in verdict.refusals[0].reason
    assert verdict.shape is None


def test_verdicts_survive_json(tmp_path: Path) -> None:
    sound = check_case(case(tmp_path), DECLARED).verdict
    spoilt = check_case(CaseFiles("x", tmp_path / "x.nii.gz"), DECLARED).verdict
    for verdict in (sound, spoilt):
        assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


def test_progress_begins_at_none_and_ends_at_all(tmp_path: Path) -> None:
    case(tmp_path, "a", 0), case(tmp_path, "b", 1)
    heard: list[Progress] = []
    check_data_set(recognise(tmp_path), heard.append)
    assert [(p.stage, p.done, p.total) for p in heard] == [
        ("check", 0, 2),
        ("check", 1, 2),
        ("check", 2, 2),
    ]


@pytest.mark.real_data
def test_all_prostate_cases_are_accepted(prostate: Path) -> None:
    verdicts = check_data_set(recognise(prostate))
    assert [v.case for v in verdicts if not v.accepted] == []
    assert len(verdicts) == 29
