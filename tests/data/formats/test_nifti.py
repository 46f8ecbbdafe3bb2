"""NIfTI of our own: the voxels and their places come along, and nothing else does."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nextslice.data.formats.nifti import Grid, write_nifti
from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.data.gate.admission import read_scan
from nextslice.data.geometry import TOLERANCE, Geometry
from nextslice.errors import SettingsError

Array = np.ndarray[Any, np.dtype[Any]]

CANARY = b"DOE^JANE"
TURN = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = Geometry((7, 6, 5), (0.5, 0.75, 3.0), (-12.5, 4.25, 100.0), TURN)
PLACES = (
    *("qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y"),
    *("qoffset_z", "sform_code", "srow_x", "srow_y", "srow_z"),
)


def some_voxels(kind: str = "int16") -> Array:
    return np.random.default_rng(0).integers(0, 100, OBLIQUE.shape).astype(kind)


def telling_scan(path: Path, voxels: Array, **changes: Any) -> Path:
    """A NIfTI file that names its patient wherever it can; qform and sform differ a little."""
    affine = np.diag([-0.5, -0.75, 3.0, 1.0])
    affine[:3, 3] = 12.5, -4.25, 100.0
    turned = affine.copy()
    turned[0, 1], turned[1, 0] = 0.003, 0.002
    header = nib.Nifti1Header(endianness=changes.pop("endianness", "<"))
    header.set_data_shape(voxels.shape)
    header.set_data_dtype(voxels.dtype)
    header.set_qform(affine, code=1)
    header.set_sform(turned, code=2)
    header.set_xyzt_units("mm", "sec")
    header["descrip"] = header["aux_file"] = header["intent_name"] = CANARY
    header["db_name"] = CANARY
    header.extensions.append(nib.nifti1.Nifti1Extension("comment", CANARY))
    image = nib.Nifti1Image(voxels, None, header)
    image.header.set_slope_inter(changes.pop("slope", 1.0), changes.pop("intercept", 0.0))
    with (
        path.open("wb") as stream,
        gzip.GzipFile(filename=CANARY.decode(), mode="wb", fileobj=stream) as out,
    ):
        out.write(image.to_bytes())
    return path


def rewrite(source: Path, target: Path) -> None:
    volume = read_scan(source, None, stored=True)
    fields = volume.fields
    scaling = {"slope": fields.slope, "intercept": fields.intercept} if fields else {}
    write_nifti(target, volume.voxels, Grid.of_scan(volume), **scaling)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "int64", "float32"])
def test_voxels_and_grid_come_along_and_nothing_else(tmp_path: Path, kind: str) -> None:
    source = telling_scan(tmp_path / "scan.nii.gz", some_voxels(kind))
    assert CANARY in gzip.decompress(source.read_bytes())
    assert CANARY in source.read_bytes()  # the name in the archive's own header
    rewrite(source, tmp_path / "out.nii.gz")
    content = (tmp_path / "out.nii.gz").read_bytes()
    assert CANARY not in content
    assert CANARY not in gzip.decompress(content)
    before, after = nib.load(source), nib.load(tmp_path / "out.nii.gz")
    for field in PLACES:
        np.testing.assert_array_equal(before.header[field], after.header[field])
    np.testing.assert_array_equal(before.header["pixdim"][:4], after.header["pixdim"][:4])
    assert after.get_data_dtype() == kind
    np.testing.assert_array_equal(np.asanyarray(after.dataobj), some_voxels(kind))
    first, second = read_volume(source), read_volume(tmp_path / "out.nii.gz")
    assert first.geometry == second.geometry


def test_equal_voxels_are_equal_bytes(tmp_path: Path) -> None:
    source = telling_scan(tmp_path / "scan.nii.gz", some_voxels())
    for name in ("a", "b"):
        rewrite(source, tmp_path / f"{name}.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_scaled_voxels_stay_as_they_are_stored(tmp_path: Path) -> None:
    slope, intercept = float(np.float32(0.0123)), -1024.0
    source = telling_scan(
        tmp_path / "scan.nii.gz", some_voxels(), slope=slope, intercept=intercept
    )
    rewrite(source, tmp_path / "out.nii.gz")
    out = nib.load(tmp_path / "out.nii.gz")
    assert (out.dataobj.slope, out.dataobj.inter) == (slope, intercept)
    np.testing.assert_array_equal(out.dataobj.get_unscaled(), some_voxels())
    first, second = read_volume(source), read_volume(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(first.voxels, second.voxels)
    assert first.voxels.min() < -1000


@pytest.mark.parametrize(
    ("qform", "sform", "unit"),
    [(0, 0, "mm"), (1, 0, "mm"), (0, 4, "mm"), (1, 1, "micron"), (1, 1, "meter")],
)
def test_places_are_read_alike_whatever_says_them(
    tmp_path: Path, qform: int, sform: int, unit: str
) -> None:
    affine = np.diag([-1.5, -2.0, 3.0, 1.0])
    affine[:3, 3] = 10, 20, 30
    if unit == "meter":  # no patient has voxels of two metres
        affine[:3] /= 1000
    image = nib.Nifti1Image(some_voxels()[..., None], affine)  # one point in time
    image.set_qform(affine if qform else None, qform)
    image.set_sform(affine if sform else None, sform)
    image.header.set_xyzt_units(unit)
    image.to_filename(tmp_path / "scan.nii.gz")
    rewrite(tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz")
    before, after = (read_volume(tmp_path / f"{n}.nii.gz") for n in ("scan", "out"))
    assert before.geometry == after.geometry
    np.testing.assert_array_equal(before.voxels, after.voxels)


def test_files_of_the_other_byte_order_are_read_alike(tmp_path: Path) -> None:
    source = telling_scan(tmp_path / "scan.nii.gz", some_voxels(), endianness=">")
    rewrite(source, tmp_path / "out.nii.gz")
    out = nib.load(tmp_path / "out.nii.gz")
    assert out.header.endianness == "<"
    np.testing.assert_array_equal(np.asanyarray(out.dataobj), some_voxels())
    assert read_volume(source).geometry == read_volume(tmp_path / "out.nii.gz").geometry


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd", ".nhdr"])
def test_scans_of_other_formats_get_a_grid_that_labels_can_share(
    tmp_path: Path, suffix: str
) -> None:
    source = tmp_path / f"scan{suffix}"
    write_volume(source, some_voxels(), OBLIQUE)
    rewrite(source, tmp_path / "image.nii.gz")
    grid = Grid.of_scan(read_volume(source))
    write_nifti(tmp_path / "label.nii.gz", some_voxels("uint8"), grid)
    image, label = (read_volume(tmp_path / f"{name}.nii.gz") for name in ("image", "label"))
    assert image.geometry == label.geometry
    assert image.geometry.differences(OBLIQUE, TOLERANCE / 10) == []
    assert image.voxels.dtype == "int16"
    np.testing.assert_array_equal(image.voxels, some_voxels())
    header = nib.load(tmp_path / "image.nii.gz").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)


def test_what_does_not_fit_its_grid_is_refused(tmp_path: Path) -> None:
    source = telling_scan(tmp_path / "scan.nii.gz", some_voxels())
    grid = Grid.of_scan(read_volume(source))
    with pytest.raises(SettingsError, match="shape"):
        write_nifti(tmp_path / "out.nii.gz", some_voxels()[1:], grid)
    with pytest.raises(SettingsError, match="float16"):
        write_nifti(tmp_path / "out.nii.gz", some_voxels("float16"), grid)
    assert not (tmp_path / "out.nii.gz").exists()
