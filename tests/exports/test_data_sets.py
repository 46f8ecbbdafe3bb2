"""Exported data sets: exactly what was drawn, as nnU-Net and the Decathlon lay it out."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from tests.annotated import Annotated, copied

import nextslice as ns
from nextslice.data.formats.readers import SUFFIXES, read_volume, scan_suffix, write_volume
from nextslice.data.gate.admission import check_data_set
from nextslice.data.layouts import recognise
from nextslice.errors import (
    AnnotationError,
    DataError,
    ProjectChangedError,
    ProjectError,
    SettingsError,
)
from nextslice.exports import (
    Decathlon,
    NnUNet,
    ProjectSource,
    export_data_set,
    predict_volumes,
)
from nextslice.exports.layouts import fitting_name
from nextslice.live import LiveProject

IGNORED = 3  # two classes and background come before it


@pytest.fixture(scope="module")
def exported(annotated: Annotated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with ProjectSource(annotated.folder) as source:
        done = export_data_set(source, tmp_path_factory.mktemp("raw"), NnUNet(7, "Kidney"))
    assert done.folder.name == "Dataset007_Kidney"
    return done.folder


def demand_nnunet(folder: Path) -> None:
    """The rules of nnU-Net's documentation on raw data sets and on the ignore label."""
    told = json.loads((folder / "dataset.json").read_text())
    ending, labels = told["file_ending"], told["labels"]
    assert set(told["channel_names"]) == {"0"}
    assert labels["background"] == 0
    assert sorted(labels.values()) == list(range(len(labels)))
    assert labels["ignore"] == max(labels.values())
    images = sorted(path.name for path in (folder / "imagesTr").iterdir())
    cases = [name.removesuffix(f"_0000{ending}") for name in images]
    assert all(f"{case}_0000{ending}" in images for case in cases)
    assert sorted(path.name for path in (folder / "labelsTr").iterdir()) == [
        f"{case}{ending}" for case in cases
    ]
    assert told["numTraining"] == len(cases) > 0
    for case in cases:
        image = nib.load(folder / "imagesTr" / f"{case}_0000{ending}")
        label = nib.load(folder / "labelsTr" / f"{case}{ending}")
        assert image.shape == label.shape
        for field in ("pixdim", "srow_x", "srow_y", "srow_z", "qform_code", "sform_code"):
            np.testing.assert_array_equal(image.header[field], label.header[field])
        values = np.unique(np.asanyarray(label.dataobj))
        assert values.dtype == np.uint8
        assert set(values.tolist()) <= set(labels.values())


def test_it_keeps_the_rules_of_nnunet(exported: Path) -> None:
    demand_nnunet(exported)
    told = json.loads((exported / "dataset.json").read_text())
    assert told["labels"] == {"background": 0, "cortex": 1, "medulla": 2, "ignore": IGNORED}
    assert told["channel_names"] == {"0": "MRI"}


def test_slices_hold_what_was_drawn_and_all_others_are_ignored(
    annotated: Annotated, exported: Path
) -> None:
    given = read_volume(annotated.scans / "labelsTr" / f"{annotated.given}.nii.gz").voxels
    drawn_in = {name.case for name in annotated.drawn}
    assert drawn_in - {annotated.given}
    assert {path.name for path in (exported / "labelsTr").iterdir()} == {
        f"{case}.nii.gz" for case in drawn_in | {annotated.given}
    }
    assert annotated.skipped is not None
    seen = 0
    for path in (exported / "labelsTr").iterdir():
        case, label = path.name.removesuffix(".nii.gz"), read_volume(path).voxels
        for index in range(label.shape[2]):
            mask = annotated.drawn.get(ns.SliceId(case, index))
            if mask is not None:
                np.testing.assert_array_equal(label[:, :, index].T, mask)
                seen += 1
            elif case == annotated.given:
                np.testing.assert_array_equal(label[:, :, index], given[:, :, index])
            else:
                assert (label[:, :, index] == IGNORED).all()
    assert seen == len(annotated.drawn)


def test_scans_come_along_voxel_by_voxel(annotated: Annotated, exported: Path) -> None:
    for path in (exported / "imagesTr").iterdir():
        name = path.name.replace("_0000", "")
        before = read_volume(annotated.scans / "imagesTr" / name)
        after = read_volume(path)
        assert before.geometry == after.geometry
        assert before.voxels.dtype == after.voxels.dtype
        np.testing.assert_array_equal(before.voxels, after.voxels)


def test_we_read_it_back_and_refuse_what_is_drawn_in_part_by_name(
    annotated: Annotated, exported: Path
) -> None:
    data_set = recognise(exported)
    assert data_set.layout == "nnU-Net v2"
    verdicts = {verdict.case: verdict for verdict in check_data_set(data_set)}
    assert verdicts.pop(annotated.given).labelled
    for verdict in verdicts.values():
        [refusal] = verdict.refusals
        assert "drawn in part only: it holds the value 3" in refusal.reason
    pool = ns.SlicePool.from_folder(exported, skip_refused=True)
    assert pool.classes == ("cortex", "medulla")
    assert pool.cases == (annotated.given,)
    with pytest.raises(DataError, match="drawn in part only"):
        LiveProject.create(exported.parent / "again", images=exported, labels="cortex,medulla")


def test_the_decathlon_takes_cases_that_are_labelled_throughout(
    annotated: Annotated, tmp_path: Path
) -> None:
    with ProjectSource(annotated.folder) as source:
        done = export_data_set(source, tmp_path, Decathlon(name="Kidney", modality="CT"))
    assert done.folder == tmp_path / "Task501_Kidney"
    assert done.cases == (annotated.given,)
    assert set(done.left_out) == {"phantom_001", "phantom_002"}
    told = json.loads((done.folder / "dataset.json").read_text())
    assert (told["numTraining"], told["numTest"], told["test"]) == (1, 0, [])
    assert told["modality"] == {"0": "CT"}
    assert told["labels"] == {"0": "background", "1": "cortex", "2": "medulla"}
    assert told["training"] == [
        {"image": "./imagesTr/phantom_000.nii.gz", "label": "./labelsTr/phantom_000.nii.gz"}
    ]
    pool = ns.SlicePool.from_folder(done.folder)
    assert (pool.layout, pool.classes) == ("MSD", ("cortex", "medulla"))
    with ProjectSource(annotated.folder) as source:
        np.testing.assert_array_equal(
            pool.native_label(annotated.given), source.pool.native_label(annotated.given)
        )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_that_headers_say_of_a_patient_gets_out(tmp_path: Path, suffix: str) -> None:
    """Of every format; NIfTI's own places for such words are in tests/data/test_nifti.py."""
    canary = "DOE^JANE"
    scans = tmp_path / canary.lower() / "scans"
    geometry = ns.SlicePool.from_arrays(
        np.zeros((4, 20, 24)), None, ["a"] * 4, spacing=(1.0, 1.5, 4.0)
    ).geometry("a")
    voxels = np.random.default_rng(0).integers(0, 999, geometry.shape).astype(np.int16)
    path = scans / f"a{suffix}"
    write_volume(path, voxels, geometry)
    if suffix in {".mhd", ".mha"}:
        path.write_bytes(f"Comment = {canary}\n".encode() + path.read_bytes())
    elif suffix in {".nrrd", ".nhdr"}:
        first, rest = path.read_bytes().split(b"\n", 1)
        path.write_bytes(first + f"\n# {canary}\nPatient:={canary}\n".encode() + rest)
    else:
        image = nib.load(path)
        image.header["descrip"] = canary.encode()
        path.write_bytes(
            gzip.compress(image.to_bytes()) if suffix == ".nii.gz" else image.to_bytes()
        )
    settings = ("initial=2", "network.channels=[4, 8]", "training.steps=2", "device=cpu")
    with LiveProject.create(
        tmp_path / "project", images=scans, labels="organ", assignments=settings
    ) as project:
        query = project.ask()
        masks = {q.id: np.ones(project.pool.size, np.uint8) for q in query.slices}
        project.learner.tell(query, masks, annotator=canary)
    with ProjectSource(tmp_path / "project") as source:
        done = export_data_set(source, tmp_path / "raw", NnUNet())
    demand_nnunet(done.folder)
    for written in done.folder.rglob("*"):
        content = written.read_bytes() if written.is_file() else b""
        whole = gzip.decompress(content) if scan_suffix(written) else b""
        assert canary.encode() not in content + whole
        assert canary.lower().encode() not in content + whole
    np.testing.assert_array_equal(
        read_volume(done.folder / "imagesTr" / "a_0000.nii.gz").voxels, voxels
    )


def test_without_labelled_slices_there_is_nothing_to_export(
    annotated: Annotated, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(annotated.scans / "imagesTr", bare)
    with LiveProject.create(
        tmp_path / "project", images=bare, labels="organ", assignments=["initial=2"]
    ) as project:
        query = project.ask()
        with (
            ProjectSource(project.folder) as source,  # open as it is
            pytest.raises(AnnotationError, match="there are none"),
        ):
            export_data_set(source, tmp_path / "raw", NnUNet())
        one = query.slices[0]
        mask = np.ones(project.pool.size, np.uint8)
        project.learner.tell(query, {one.id: mask})
        with (
            ProjectSource(project.folder) as source,
            pytest.raises(AnnotationError, match="--layout nnunet"),
        ):
            export_data_set(source, tmp_path / "raw", Decathlon())
        with ProjectSource(project.folder) as source:
            done = export_data_set(source, tmp_path / "raw", NnUNet())
            assert (done.cases, done.labelled) == ((one.id.case,), 1)
            with pytest.raises(DataError, match="new or empty"):
                export_data_set(source, tmp_path / "raw", NnUNet())
    label = read_volume(done.folder / "labelsTr" / f"{one.id.case}.nii.gz").voxels
    assert (label[:, :, one.id.index] == 1).any()
    assert set(np.unique(np.delete(label, one.id.index, axis=2)).tolist()) == {2}


def test_scans_that_were_replaced_and_masks_that_are_damaged_stop_it(
    annotated: Annotated, tmp_path: Path
) -> None:
    copy = copied(annotated, tmp_path)
    for mask in (copy.folder / "annotations").rglob("*.npy"):
        mask.write_bytes(mask.read_bytes()[:-1])
    with ProjectSource(copy.folder) as source, pytest.raises(ProjectError):
        export_data_set(source, tmp_path / "raw", NnUNet())
    assert not any((tmp_path / "raw").iterdir())
    scans = tmp_path / "scans"
    shutil.copytree(annotated.scans, scans)
    config = copy.folder / "config.yaml"
    config.write_text(config.read_text().replace(str(annotated.scans), str(scans)))
    hidden = scans.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="no such folder"):
        ProjectSource(copy.folder)
    hidden.rename(scans)
    volume = read_volume(scans / "imagesTr/phantom_001.nii.gz")
    write_volume(scans / "imagesTr/phantom_001.nii.gz", volume.voxels + 1, volume.geometry)
    with pytest.raises(ProjectChangedError, match="not the same"):
        ProjectSource(copy.folder)


@pytest.mark.promise(
    "What is prepared is what was checked",
    fault="a scan becomes a link out of its folder; exports and work orders",
)
def test_a_scan_that_became_a_link_is_not_followed(
    annotated: Annotated, tmp_path: Path
) -> None:
    copy = copied(annotated, tmp_path)
    scans = tmp_path / "scans"
    shutil.copytree(annotated.scans, scans)
    config = copy.folder / "config.yaml"
    config.write_text(config.read_text().replace(str(annotated.scans), str(scans)))
    with ProjectSource(copy.folder) as source:
        scan = scans / "imagesTr/phantom_000.nii.gz"
        scan.symlink_to(scan.rename(tmp_path / "outside.nii.gz"))
        with pytest.raises(DataError, match="by a link"):
            export_data_set(source, tmp_path / "raw", NnUNet())
    assert not any((tmp_path / "raw").iterdir())


@pytest.mark.promise(
    "A file made to do harm ends a process of its own; the rest goes on",
    fault="an export: whoever opens a scan in the program itself is found out",
)
def test_the_program_itself_opens_no_scan(
    annotated: Annotated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def forbidden(*_: object, **__: object) -> None:
        opened.append("a scan")
        raise AssertionError

    for place, name in (
        (nib, "load"),
        (nib.Nifti1Image, "from_filename"),
        (nib.Nifti1Header, "from_fileobj"),
        (sitk, "ImageFileReader"),
        (sitk, "ReadImage"),
    ):
        monkeypatch.setattr(place, name, forbidden)
    with ProjectSource(annotated.folder) as source:
        export_data_set(source, tmp_path / "raw", NnUNet())
        predict_volumes(source, tmp_path / "predicted")
    assert opened == []


def test_a_kill_leaves_no_folder_that_looks_whole(annotated: Annotated, tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from nextslice.exports import NnUNet, ProjectSource, export_data_set

def die(progress):
    if progress.stage == "export" and progress.done == 1:
        os.kill(os.getpid(), signal.SIGKILL)

with ProjectSource(sys.argv[1]) as source:
    export_data_set(source, Path(sys.argv[2]), NnUNet(), on_progress=die)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, annotated.folder, tmp_path / "raw"], check=False
    )
    assert done.returncode == -signal.SIGKILL
    [left] = (tmp_path / "raw").iterdir()
    assert left.name.startswith("unfinished-Dataset501_Project-")
    assert not (left / "dataset.json").exists()
    with ProjectSource(annotated.folder) as source:
        export_data_set(source, tmp_path / "raw", NnUNet())  # which is no obstacle
    demand_nnunet(tmp_path / "raw" / "Dataset501_Project")


def test_numbers_and_names_that_nnunet_does_not_take_are_refused() -> None:
    assert NnUNet(4, "Liver").folder == "Dataset004_Liver"
    assert Decathlon(4, "Liver").folder == "Task04_Liver"
    for wrong in ({"number": 0}, {"number": 1000}, {"name": "a/b"}, {"name": ""}):
        with pytest.raises(SettingsError, match="data set"):
            NnUNet(**wrong)
    with pytest.raises(SettingsError, match="modality"):
        NnUNet(modality=" ")
    for name in ("ignore", "background"):
        with pytest.raises(SettingsError, match="for itself"):
            NnUNet().description((name,), ("a",))
    assert eval(repr(NnUNet(4, "Liver", "CT"))) == NnUNet(4, "Liver", "CT")  # noqa: S307


@pytest.mark.parametrize(
    ("text", "name"),
    [("my project", "my_project"), ("../x", "x"), ("Zähne-2", "Z_hne-2"), ("..", "Project")],
)
def test_a_projects_name_is_made_to_fit(text: str, name: str) -> None:
    assert fitting_name(text) == name
    NnUNet(name=fitting_name(text))


@pytest.mark.real_data
def test_masks_drawn_on_oblique_slices_and_their_scan_come_out_exactly(
    prostate: Path, tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    files = next(case for case in recognise(prostate).cases if case.case == "Case04")
    assert files.label is not None
    shutil.copy(files.image, scans / "Case04.nii.gz")
    truth = read_volume(files.label).voxels.astype(np.uint8)
    settings = ("initial=6", "data.size=[96, 96]", "data.spacing=1.0", "device=cpu")
    with (
        LiveProject.create(
            tmp_path / "project", images=scans, labels="PZ,CG", assignments=settings
        ) as project,
        ns.Desk(project) as desk,
    ):
        asked = desk.overview().slices
        for view in asked:
            mask = np.ascontiguousarray(truth[:, :, view.index].T)
            desk.save(view.id, mask, annotator="Ada", base_version=0, key=view.id)
    with ProjectSource(tmp_path / "project") as source:
        done = export_data_set(source, tmp_path / "raw", NnUNet(name="Prostate"))
    demand_nnunet(done.folder)
    scan, label = nib.load(files.image), nib.load(done.folder / "labelsTr/Case04.nii.gz")
    image = nib.load(done.folder / "imagesTr/Case04_0000.nii.gz")
    assert (np.abs(scan.affine[:3, :3]) > 1e-3).sum() > 3  # oblique indeed
    for written in (image, label):
        for field in ("pixdim", "srow_x", "srow_y", "srow_z"):
            np.testing.assert_array_equal(written.header[field][:4], scan.header[field][:4])
        np.testing.assert_array_equal(written.affine, scan.affine)
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), np.asanyarray(scan.dataobj))
    drawn = {view.index for view in asked}
    assert len(drawn) == 6
    found = np.asanyarray(label.dataobj)
    for index in range(found.shape[2]):
        expected = truth[:, :, index] if index in drawn else np.full(found.shape[:2], IGNORED)
        np.testing.assert_array_equal(found[:, :, index], expected)
