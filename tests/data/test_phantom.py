"""The phantom is the same for the same seed, real NIfTI, and a fair problem to segment."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from nextslice.data.anatomy import CLASSES
from nextslice.data.phantom import Patient, Phantom, write_phantom
from nextslice.errors import DataError, SettingsError
from nextslice.progress import Progress

SMALL = Phantom(patients=2, seed=3, size=(40, 36), slices=(8, 10))


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    phantom = Phantom()
    return [phantom.make_patient(k) for k in range(phantom.patients)]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@given(st.integers(0, 2**31), st.integers(0, 500), st.integers(0, 500))
@settings(max_examples=10)
def test_a_patient_depends_on_seed_and_number_alone(seed: int, k: int, more: int) -> None:
    few = replace(SMALL, seed=seed, patients=k + 1).make_patient(k)
    many = replace(SMALL, seed=seed, patients=k + 1 + more).make_patient(k)
    assert np.array_equal(few.voxels, many.voxels)
    assert np.array_equal(few.label, many.label)
    assert np.array_equal(few.affine, many.affine)


@given(st.integers(0, 2**31), st.integers(32, 80), st.integers(8, 30))
@settings(max_examples=15)
def test_every_patient_has_both_parts_and_empty_slices_at_both_ends(
    seed: int, size: int, slices: int
) -> None:
    phantom = Phantom(patients=1, seed=seed, size=(size, size), slices=(slices, slices))
    patient = phantom.make_patient(0)
    assert set(np.unique(patient.label)) == {0, 1, 2}
    assert not patient.label[..., 0].any()
    assert not patient.label[..., -1].any()
    assert patient.voxels.min() >= 0
    assert patient.voxels.max() > 50


def test_patients_differ_and_another_seed_makes_others(patients: list[Patient]) -> None:
    assert len({patient.voxels.tobytes() for patient in patients}) == len(patients)
    assert len({patient.voxels.shape for patient in patients}) > 5
    assert len({patient.scanner for patient in patients}) == 3
    other = Phantom(seed=1).make_patient(0)
    assert other.voxels.tobytes() != patients[0].voxels.tobytes()


def test_neighbouring_slices_are_alike_and_patients_are_not(patients: list[Patient]) -> None:
    """Overlap of the organ with the next slice, and with the same slice of the next patient."""

    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        return 2 * float((a & b).sum()) / float(a.sum() + b.sum())

    near, far = [], []
    organs = [patient.label[:60, :60] > 0 for patient in patients]
    for organ, other in pairwise(organs):
        middle, its_middle = organ.shape[2] // 2, other.shape[2] // 2
        near.append(overlap(organ[..., middle], organ[..., middle + 1]))
        far.append(overlap(organ[..., middle], other[..., its_middle]))
    assert np.mean(near) > 0.85
    assert np.mean(far) < np.mean(near) - 0.1


def test_intensity_alone_does_not_tell_the_organ(patients: list[Patient]) -> None:
    """The best threshold pair within a scan finds the cortex with a Dice below one half."""
    best = []
    for patient in patients[:6]:
        truth = patient.label == 1
        edges = np.quantile(patient.voxels[truth], np.linspace(0, 1, 11))
        scores = [
            2 * float((guess & truth).sum()) / float(guess.sum() + truth.sum())
            for low in edges[:5]
            for high in edges[6:]
            for guess in [(patient.voxels >= low) & (patient.voxels <= high)]
        ]
        best.append(max(scores))
    assert np.mean(best) < 0.5


def test_the_slice_axis_has_the_largest_spacing(patients: list[Patient]) -> None:
    for patient in patients:
        assert patient.spacing[2] > 2 * max(patient.spacing[:2])
        lengths = np.linalg.norm(patient.affine[:3, :3], axis=0)
        assert np.allclose(lengths, patient.spacing)
        cosines = patient.affine[:3, :3] / lengths
        assert np.allclose(cosines.T @ cosines, np.eye(3)), "axes must stay orthogonal"


def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    first = contents(write_phantom(tmp_path / "a", SMALL))
    second = contents(write_phantom(tmp_path / "b", SMALL))
    assert first == second
    assert len(first) == 2 * SMALL.patients + 2


def test_files_are_nifti_that_both_readers_place_alike(tmp_path: Path) -> None:
    folder = write_phantom(tmp_path, SMALL)
    described = json.loads((folder / "dataset.json").read_text())
    assert described["labels"] == {"0": "background", "1": CLASSES[0], "2": CLASSES[1]}
    assert described["numTraining"] == len(described["training"]) == SMALL.patients
    for k, case in enumerate(described["training"]):
        expected = SMALL.make_patient(k)
        image, label = (SimpleITK.ReadImage(str(folder / case[c])) for c in ("image", "label"))
        assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, expected.voxels)
        assert np.array_equal(SimpleITK.GetArrayFromImage(label).T, expected.label)
        assert np.allclose(image.GetSpacing(), expected.spacing)
        assert image.GetOrigin() == label.GetOrigin()
        assert image.GetDirection() == label.GetDirection()
        index = [3, 4, 5]
        left, posterior, superior = image.TransformIndexToPhysicalPoint(index)
        world = expected.affine @ [*index, 1]
        assert np.allclose(world[:3], [-left, -posterior, superior], atol=1e-3)
        header = nib.load(folder / case["image"]).header
        assert header["qform_code"] == header["sform_code"] == 1
        assert header.get_xyzt_units()[0] == "mm"


def test_an_interrupted_phantom_is_completed(tmp_path: Path) -> None:
    whole = contents(write_phantom(tmp_path / "whole", SMALL))

    def stop(progress: Progress) -> None:
        if progress.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantom(tmp_path / "half", SMALL, on_progress=stop)
    assert not (tmp_path / "half" / "dataset.json").exists()
    assert contents(write_phantom(tmp_path / "half", SMALL)) == whole


def test_progress_counts_patients(tmp_path: Path) -> None:
    seen: list[Progress] = []
    write_phantom(tmp_path, SMALL, on_progress=seen.append)
    assert [p.done for p in seen] == [0, 1, 2]
    assert {(p.stage, p.total) for p in seen} == {("phantom", 2)}


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="holds other files"):
        write_phantom(tmp_path, SMALL)
    assert contents(tmp_path) == {"thesis.txt": b"years of work"}
    with pytest.raises(DataError, match="is a file"):
        write_phantom(tmp_path / "thesis.txt", SMALL)


def test_a_phantom_of_other_settings_is_left_alone(tmp_path: Path) -> None:
    before = contents(write_phantom(tmp_path, SMALL))
    with pytest.raises(DataError, match="other settings"):
        write_phantom(tmp_path, replace(SMALL, seed=4))
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "change",
    [
        {"patients": 0},
        {"seed": -1},
        {"size": (31, 64)},
        {"slices": (7, 9)},
        {"slices": (12, 10)},
        {"spacing": (1.5, 0.0, 4.0)},
    ],
)
def test_settings_out_of_range_are_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(change))):
        replace(SMALL, **change)


def test_there_is_no_patient_beyond_the_last() -> None:
    with pytest.raises(SettingsError, match="from 0 to 1"):
        SMALL.make_patient(2)
