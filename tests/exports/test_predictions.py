"""Predictions: the newest model on whole volumes, each on its own grid, one after another."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from tests.annotated import Annotated, copied

from nextslice.data.cases import CaseFiles
from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.errors import (
    CheckpointError,
    DataError,
    ProjectChangedError,
    ProjectError,
    RefusedCasesError,
    SettingsError,
)
from nextslice.evaluation.evaluate import evaluate
from nextslice.evaluation.metrics import volume_metrics
from nextslice.exports import ProjectSource, predict_volumes
from nextslice.exports.folders import writing_folder
from nextslice.live import LiveProject
from nextslice.uncertainty.maps import uncertainty_maps


@pytest.fixture(scope="module")
def predicted(annotated: Annotated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("predicted") / "out"
    with ProjectSource(annotated.folder) as source:
        predict_volumes(source, out)
    return out


def files_of(annotated: Annotated) -> tuple[CaseFiles, ...]:
    return recognise(annotated.scans).cases


def test_a_prediction_is_that_of_the_pool_put_back_on_the_native_grid(
    annotated: Annotated, predicted: Path
) -> None:
    with ProjectSource(annotated.folder) as source:
        pool, (cycle, model) = source.pool, source.newest_model()
        assert cycle == 1
        for files in files_of(annotated):
            images = pool.images[pool.rows_of(files.case)]
            geometry = pool.geometry(files.case)
            mask = read_volume(predicted / "masks" / f"{files.case}.nii.gz")
            assert mask.voxels.dtype == np.uint8
            np.testing.assert_array_equal(
                mask.voxels, pool.restore(files.case, model.predict(images))
            )
            maps = read_volume(predicted / "uncertainty" / f"{files.case}.nii.gz")
            assert maps.voxels.dtype == np.float32
            expected = pool.preparation.restore_values(
                uncertainty_maps(model, images), geometry
            )
            np.testing.assert_array_equal(maps.voxels, expected)
            assert 0 <= maps.voxels.min() < maps.voxels.max() <= 1


def test_what_an_evaluation_measures_is_what_was_written(
    annotated: Annotated, predicted: Path
) -> None:
    with ProjectSource(annotated.folder) as source:
        pool = source.pool.subset([annotated.given])
        measured = evaluate(source.newest_model()[1], pool).volumes[annotated.given]
    mask = read_volume(predicted / "masks" / f"{annotated.given}.nii.gz")
    assert measured == volume_metrics(
        mask.voxels,
        pool.native_label(annotated.given),
        classes=pool.classes,
        spacing=mask.geometry.spacing,
        axis=pool.preparation.slicing_axis(mask.geometry),
    )


def test_grids_are_those_of_the_scans_and_headers_say_nothing_else(
    annotated: Annotated, predicted: Path
) -> None:
    for files in files_of(annotated):
        scan = nib.load(files.image).header
        for part in ("masks", "uncertainty"):
            path = predicted / part / files.image.name
            header = nib.load(path).header
            for field in ("qform_code", "sform_code", "srow_x", "srow_y", "srow_z"):
                np.testing.assert_array_equal(header[field], scan[field])
            np.testing.assert_array_equal(header["pixdim"][:4], scan["pixdim"][:4])
            assert header["descrip"].item() == b""
            assert gzip.decompress(path.read_bytes())[:4] == (348).to_bytes(4, "little")


def test_what_was_predicted_is_told_without_a_path(
    annotated: Annotated, predicted: Path
) -> None:
    text = (predicted / "predictions.json").read_text()
    told = json.loads(text)
    assert told["labels"] == {"background": 0, "cortex": 1, "medulla": 2}
    assert told["model"]["cycle"] == 1
    assert told["model"]["trained_on"] == 8 + len(annotated.drawn) - 2
    assert told["cases"] == told["cropped"] == [f"phantom_00{k}" for k in range(3)]
    assert told["refused"] == []
    assert str(annotated.scans) not in text
    assert not list(predicted.parent.glob("unfinished-*"))


def test_other_scans_are_prepared_the_same_way_and_the_damaged_are_named(
    annotated: Annotated, predicted: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(annotated.scans / "imagesTr", other)
    damaged = other / "phantom_001.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:-50])
    sagittal = Geometry((8, 48, 40), (4.0, 1.0, 1.0))
    write_volume(other / "sagittal.mha", np.ones(sagittal.shape, np.int16), sagittal)
    with ProjectSource(annotated.folder) as source:
        done = predict_volumes(source, tmp_path / "out", images=other, uncertainty=False)
    assert done.cases == ("phantom_000", "phantom_002")
    assert [verdict.case for verdict in done.refused] == ["phantom_001", "sagittal"]
    assert "along axis 0, those of the project along 2" in str(done.refused[1].refusals[0])
    assert not (tmp_path / "out" / "uncertainty").exists()
    for case in done.cases:
        name = f"masks/{case}.nii.gz"
        assert (tmp_path / "out" / name).read_bytes() == (predicted / name).read_bytes()


def test_where_every_scan_is_refused_nothing_is_written(
    annotated: Annotated, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.nii.gz").write_bytes(b"no scan")
    with (
        ProjectSource(annotated.folder) as source,
        pytest.raises(RefusedCasesError, match="None of 1 case"),
    ):
        predict_volumes(source, tmp_path / "out", images=other)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_some_cases_may_be_chosen_and_a_slip_is_understood(
    annotated: Annotated, tmp_path: Path
) -> None:
    with ProjectSource(annotated.folder) as source:
        done = predict_volumes(source, tmp_path / "out", cases=["phantom_002"])
        assert done.cases == ("phantom_002",)
        with pytest.raises(SettingsError, match="Did you mean phantom_002"):
            predict_volumes(source, tmp_path / "more", cases=["phantom_02"])
    assert [path.name for path in (tmp_path / "out/masks").iterdir()] == ["phantom_002.nii.gz"]
    assert not (tmp_path / "more").exists()


def test_what_lies_in_the_folder_already_is_left_alone(
    annotated: Annotated, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with ProjectSource(annotated.folder) as source:
        for place in (tmp_path, tmp_path / "notes.txt"):
            with pytest.raises(DataError, match="new or empty"):
                predict_volumes(source, place)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_project_that_is_open_elsewhere_can_be_predicted_from(
    annotated: Annotated, predicted: Path, tmp_path: Path
) -> None:
    copy = copied(annotated, tmp_path)
    with LiveProject.open(copy.folder), ProjectSource(copy.folder) as source:
        predict_volumes(source, tmp_path / "out", cases=["phantom_000"], uncertainty=False)
    name = "masks/phantom_000.nii.gz"
    assert (tmp_path / "out" / name).read_bytes() == (predicted / name).read_bytes()


def test_a_model_must_be_there_and_whole(annotated: Annotated, tmp_path: Path) -> None:
    copy = copied(annotated, tmp_path)
    weights = copy.folder / "models/cycle-01/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with (
        ProjectSource(copy.folder) as source,
        pytest.raises(CheckpointError, match="SHA-256") as caught,
    ):
        predict_volumes(source, tmp_path / "out")
    assert f"nextslice status {copy.folder}" in caught.value.remedy
    shutil.copytree(
        copy.folder / "models/cycle-00", copy.folder / "models/cycle-01", dirs_exist_ok=True
    )
    with (
        ProjectSource(copy.folder) as source,
        pytest.raises(CheckpointError, match="not the one that the project trained"),
    ):
        source.newest_model()
    bare = tmp_path / "bare"
    shutil.copytree(annotated.scans / "imagesTr", bare)
    LiveProject.create(tmp_path / "new", images=bare, labels="organ").close()
    with (
        ProjectSource(tmp_path / "new") as source,
        pytest.raises(ProjectError, match="nothing is trained"),
    ):
        predict_volumes(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_scan_of_its_own_that_was_damaged_since_is_spared_or_said(
    annotated: Annotated, tmp_path: Path
) -> None:
    copy = copied(annotated, tmp_path)
    scans = tmp_path / "scans"
    shutil.copytree(annotated.scans, scans)
    config = copy.folder / "config.yaml"
    config.write_text(config.read_text().replace(str(annotated.scans), str(scans)))
    damaged = scans / "imagesTr/phantom_001.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:-50])
    with ProjectSource(copy.folder, spare_refused=True) as source:
        done = predict_volumes(source, tmp_path / "out", uncertainty=False)
    assert done.cases == ("phantom_000", "phantom_002")
    assert [verdict.case for verdict in done.refused] == ["phantom_001"]
    with pytest.raises(RefusedCasesError, match="phantom_001"):
        ProjectSource(copy.folder)
    # Where the size of slices followed from all cases, it cannot be known without one.
    config.write_text(config.read_text().replace("size:\n  - 40\n  - 36\n", "size: null\n"))
    with pytest.raises(ProjectChangedError, match="phantom_001"):
        ProjectSource(copy.folder, spare_refused=True)


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with writing_folder(tmp_path / "deep" / "out") as fresh:
        (fresh / "a").touch()
        assert not (tmp_path / "deep" / "out").exists()
    assert [path.name for path in (tmp_path / "deep/out").iterdir()] == ["a"]

    def stopped() -> None:
        with writing_folder(tmp_path / "half") as fresh:
            (fresh / "a").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
