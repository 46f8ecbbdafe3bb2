"""Readers: what is written comes back, and what is damaged never comes in."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from nextslice.data.formats.nifti import Grid, write_nifti
from nextslice.data.formats.payload import files_of, find_payload
from nextslice.data.formats.readers import SUFFIXES, Volume, read_volume, write_volume
from nextslice.data.geometry import Geometry, check_grid
from nextslice.errors import DataError, SettingsError

TURN = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = Geometry((7, 6, 5), (0.5, 0.75, 3.0), (-12.5, 4.25, 100.0), TURN)
Array = np.ndarray[Any, np.dtype[Any]]


def some_voxels(shape: tuple[int, ...] = (7, 6, 5), kind: str = "int16") -> Array:
    return np.random.default_rng(0).integers(0, 100, shape).astype(kind)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_voxels_come_back_exactly_in_every_format(
    tmp_path: Path, suffix: str, kind: str
) -> None:
    voxels, path = some_voxels(kind=kind), tmp_path / f"scan{suffix}"
    write_volume(path, voxels, OBLIQUE)
    volume = read_volume(path)
    assert volume.voxels.dtype == kind
    np.testing.assert_array_equal(volume.voxels, voxels)
    assert volume.geometry.differences(OBLIQUE, 1e-5) == []
    if "nii" not in suffix:
        assert volume.geometry.differences(OBLIQUE, 1e-13) == []


@pytest.mark.parametrize("ending", [".NII.GZ", ".NII", ".NRRD", ".NHDR", ".Nrrd"])
def test_an_ending_in_large_letters_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"scan{ending.lower()}"
    write_volume(path, some_voxels(), OBLIQUE)
    volume = read_volume(path.rename(tmp_path / f"scan{ending}"))
    np.testing.assert_array_equal(volume.voxels, some_voxels())


@pytest.mark.parametrize("ending", [".Nii.Gz", ".Nii", ".nii.GZ", ".MHA", ".Mhd"])
def test_an_ending_that_libraries_do_not_know_is_told_to_be_renamed(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"scan{ending.lower()}"
    write_volume(path, some_voxels(), OBLIQUE)
    with pytest.raises(DataError, match="in small letters") as refused:
        read_volume(path.rename(tmp_path / f"scan{ending}"))
    assert "Rename" in refused.value.remedy
    assert "damaged" not in str(refused.value)


def test_a_geometry_read_from_nifti_is_written_to_it_unchanged(tmp_path: Path) -> None:
    write_volume(tmp_path / "a.nii.gz", some_voxels(), OBLIQUE)
    first = read_volume(tmp_path / "a.nii.gz")
    write_volume(tmp_path / "b.nii.gz", first.voxels, first.geometry)
    assert read_volume(tmp_path / "b.nii.gz").geometry.differences(first.geometry, 1e-7) == []


def test_truth_values_are_written_as_zero_and_one(tmp_path: Path) -> None:
    write_volume(tmp_path / "a.nii.gz", some_voxels() > 50, OBLIQUE)
    np.testing.assert_array_equal(
        read_volume(tmp_path / "a.nii.gz").voxels, (some_voxels() > 50).astype(np.uint8)
    )


def test_writing_leaves_no_other_file_behind(tmp_path: Path) -> None:
    write_volume(tmp_path / "a.nii.gz", some_voxels(), OBLIQUE)
    assert [p.name for p in tmp_path.iterdir()] == ["a.nii.gz"]


def test_voxels_agree_with_nibabel_axis_by_axis(tmp_path: Path) -> None:
    voxels = some_voxels()
    affine = np.diag([2.0, 1.0, 3.0, 1.0])
    nib.save(nib.Nifti1Image(voxels, affine), tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(volume.voxels, voxels)
    assert volume.geometry.spacing == (2.0, 1.0, 3.0)


@given(
    st.tuples(*[st.floats(0.01, 50)] * 3),
    st.tuples(*[st.floats(-1e4, 1e4)] * 3),
)
def test_a_geometry_survives_json_exactly(
    spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> None:
    geometry = Geometry((3, 4, 5), spacing, origin, TURN)
    assert Geometry.from_dict(json.loads(json.dumps(geometry.to_dict()))) == geometry


def test_differences_name_what_differs_and_by_how_much() -> None:
    other = Geometry((7, 6, 4), (0.5, 0.8, 3.0), (-12.5, 4.25, 99.0))
    shape, spacing, origin, direction = OBLIQUE.differences(other)
    assert "shape 7 x 6 x 5 and 7 x 6 x 4" in shape
    assert "spacing" in spacing
    assert "0.05 mm" in spacing
    assert "origin" in origin
    assert "1 mm" in origin
    assert "direction" in direction
    assert "0.6" in direction
    assert OBLIQUE.differences(OBLIQUE, 0.0) == []


def test_a_geometry_that_is_not_a_number_always_differs() -> None:
    broken = Geometry((7, 6, 5), (float("nan"), 0.75, 3.0), OBLIQUE.origin, TURN)
    assert any("spacing" in line for line in OBLIQUE.differences(broken))


def refused(path: Path, *words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_volume(path)
    for word in (path.name.partition(".")[0], *words):
        assert word in str(caught.value)


def test_missing_empty_and_foreign_files_say_so(tmp_path: Path) -> None:
    refused(tmp_path / "none.nii.gz", "missing")
    (tmp_path / "empty.nii.gz").touch()
    refused(tmp_path / "empty.nii.gz", "empty")
    (tmp_path / "prose.nii").write_text("once upon a time " * 99)
    refused(tmp_path / "prose.nii", "valid NIfTI header", "What to do")
    (tmp_path / "prose.nii.gz").write_text("once upon a time " * 99)
    refused(tmp_path / "prose.nii.gz", "cannot be unpacked", "not compressed as its name says")
    (tmp_path / "prose.mha").write_text("once upon a time " * 99)
    refused(tmp_path / "prose.mha", "of another kind than its name says")
    (tmp_path / "table.csv").write_text("a,b")
    refused(tmp_path / "table.csv", ".nii.gz")


def test_four_dimensions_two_dimensions_colour_and_complex_are_refused(tmp_path: Path) -> None:
    voxels = some_voxels()
    nib.save(nib.Nifti1Image(np.stack([voxels] * 2, -1), np.eye(4)), tmp_path / "movie.nii.gz")
    refused(tmp_path / "movie.nii.gz", "three dimensions", "7 x 6 x 5 x 2")
    nib.save(nib.Nifti1Image(voxels[..., 0], np.eye(4)), tmp_path / "flat.nii.gz")
    refused(tmp_path / "flat.nii.gz", "three dimensions")
    colour = sitk.GetImageFromArray(np.zeros((5, 6, 7, 3), np.uint8), isVector=True)
    for suffix in (".nii.gz", ".mha", ".nrrd"):
        sitk.WriteImage(colour, str(tmp_path / f"colour{suffix}"))
        refused(tmp_path / f"colour{suffix}", "one real number per voxel")
    nib.save(nib.Nifti1Image(voxels.astype(np.complex64), np.eye(4)), tmp_path / "cx.nii.gz")
    refused(tmp_path / "cx.nii.gz", "complex")


def test_a_single_slice_volume_is_a_volume(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(some_voxels((7, 6, 1)), np.eye(4)), tmp_path / "one.nii.gz")
    assert read_volume(tmp_path / "one.nii.gz").geometry.shape == (7, 6, 1)


def test_a_sheared_grid_is_refused_with_its_cause(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.3
    nib.save(nib.Nifti1Image(some_voxels(), affine), tmp_path / "sheared.nii.gz")
    refused(tmp_path / "sheared.nii.gz", "right angles", "sheared")


@pytest.mark.parametrize("unit", ["mm", "micron"])
def test_a_sheared_grid_is_read_where_it_is_asked_for(tmp_path: Path, unit: str) -> None:
    factor = 1000 if unit == "micron" else 1
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    affine[:3, 3], affine[1, 2] = (10, 20, 30), 0.6
    stored = affine * factor
    image = nib.Nifti1Image(some_voxels(), stored)
    image.header.set_xyzt_units(unit)
    image.header.set_slope_inter(0.5, -3)
    image.to_filename(tmp_path / "sheared.nii")
    whole = (tmp_path / "sheared.nii").read_bytes()
    (tmp_path / "sheared.nii.gz").write_bytes(gzip.compress(whole))
    volume = read_volume(tmp_path / "sheared.nii.gz", accept_sheared=True)
    there = nib.load(tmp_path / "sheared.nii.gz")
    np.testing.assert_allclose(volume.voxels, np.asanyarray(there.dataobj), rtol=1e-6)
    grid = volume.geometry
    found = np.reshape(grid.direction, (3, 3)) * grid.spacing
    np.testing.assert_allclose(np.diag([-1, -1, 1]) @ found, affine[:3, :3], atol=1e-5)
    np.testing.assert_allclose(grid.origin, (-10, -20, 30), rtol=1e-6)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nhdr"])
def test_sheared_grids_of_other_formats_come_back(tmp_path: Path, suffix: str) -> None:
    long = float(np.hypot(1, 0.3))
    sheared = Geometry(
        (7, 6, 5), (1.0, 1.0, 2.0), (1.0, 2.0, 3.0), (1, 0, 0, 0, 1, 0.3 / long, 0, 0, 1 / long)
    )
    write_volume(tmp_path / f"scan{suffix}", some_voxels(), sheared)
    refused(tmp_path / f"scan{suffix}", "right angles", "sheared")
    volume = read_volume(tmp_path / f"scan{suffix}", accept_sheared=True)
    np.testing.assert_array_equal(volume.voxels, some_voxels())
    assert volume.geometry.differences(sheared, 1e-9) == []


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_sheared_grid_is_not_put_right_in_silence(tmp_path: Path, suffix: str) -> None:
    long = float(np.hypot(1, 0.3))
    direction = (1, 0, 0, 0, 1, 0.3 / long, 0, 0, 1 / long)
    sheared = Geometry((7, 6, 5), (1.0, 1.0, 2.0), (1.0, 2.0, 3.0), direction)
    path = tmp_path / f"scan{suffix}"
    with pytest.raises(SettingsError, match="sheared") as refused_to_write:
        write_volume(path, some_voxels(), sheared)
    assert "write_nifti" in refused_to_write.value.remedy
    assert not path.exists()
    write_nifti(
        tmp_path / "scan.nii.gz", some_voxels(), Grid.of_scan(Volume(some_voxels(), sheared))
    )
    volume = read_volume(tmp_path / "scan.nii.gz", accept_sheared=True)
    assert volume.geometry.differences(sheared, 1e-5) == []
    # No second form beside it says that the axes are at right angles.
    assert nib.load(tmp_path / "scan.nii.gz").header["qform_code"] == 0


@pytest.mark.parametrize("order", "<>")
def test_nifti_is_read_as_nibabel_reads_it(tmp_path: Path, order: str) -> None:
    for kind in ("u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"):
        header = nib.Nifti1Header(endianness=order)
        header.set_data_dtype(np.dtype(kind))
        image = nib.Nifti1Image(some_voxels(kind=kind), np.diag([1, 1, 2, 1]), header)
        for name, scaling in (("plain.nii", (1, 0)), ("scaled.nii.gz", (0.5, -3))):
            image.header.set_slope_inter(*scaling)
            path = tmp_path / name
            path.write_bytes(
                image.to_bytes() if name[-1] == "i" else gzip.compress(image.to_bytes())
            )
            volume, stored = read_volume(path), read_volume(path, stored=True)
            there = nib.load(path).dataobj
            np.testing.assert_array_equal(stored.voxels, there.get_unscaled())
            np.testing.assert_allclose(volume.voxels, np.asanyarray(there), rtol=1e-6)
            assert stored.voxels.dtype == kind
            assert volume.geometry == stored.geometry


def test_a_scan_of_the_same_name_beside_it_is_not_taken_for_it(tmp_path: Path) -> None:
    """ITK reads the header of a.nii.gz and the voxels of a.nii."""
    write_volume(tmp_path / "a.nii.gz", some_voxels(), OBLIQUE)
    write_volume(tmp_path / "a.nii", some_voxels() + 1, OBLIQUE)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").voxels, some_voxels())
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii").voxels, some_voxels() + 1)
    image = nib.Nifti1Image(some_voxels(), np.eye(4))
    image.header.set_slope_inter(2, 1)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(image.to_bytes()))
    refused(tmp_path / "a.nii.gz", "a.nii lies beside it", "both were kept")
    (tmp_path / "a.nii").unlink()
    assert read_volume(tmp_path / "a.nii.gz").voxels.min() >= 1


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".mhd"])
def test_a_file_that_is_exchanged_while_it_is_read_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"scan{suffix}"
    write_volume(path, some_voxels(), OBLIQUE)

    def meanwhile(place: Path, geometry: Geometry, *, accept_sheared: bool = False) -> None:
        check_grid(place, geometry, accept_sheared=accept_sheared)
        write_volume(path, some_voxels() + 1, OBLIQUE)

    monkeypatch.setattr("nextslice.data.formats.readers.check_grid", meanwhile)
    refused(path, "a moment ago", "replaced")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("compress", [False, True])
def test_a_file_cut_short_anywhere_is_refused(
    tmp_path: Path, suffix: str, compress: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"cut{suffix}"
    image = sitk.GetImageFromArray(some_voxels((9, 8, 7)))
    sitk.WriteImage(image, str(path), useCompression=compress)
    payload = find_payload(path).file
    whole = payload.read_bytes()
    begin = find_payload(path).offset or (352 if suffix == ".nii" else 0)
    for length in {len(whole) - 1, len(whole) - 9, (begin + len(whole)) // 2, begin + 1}:
        payload.write_bytes(whole[:length])
        refused(path)
    payload.write_bytes(whole)
    assert read_volume(path).geometry.shape == (7, 8, 9)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".nii.gz", ".mhd", ".mha", ".nrrd", ".nhdr"])
def test_a_flipped_bit_in_compressed_voxels_never_changes_them_unnoticed(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"flip{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(some_voxels((9, 8, 7))), str(path), True)
    payload = find_payload(path)
    whole, noticed = payload.file.read_bytes(), 0
    for place in np.linspace(payload.offset + 40, len(whole) - 5, 12).astype(int):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        payload.file.write_bytes(damaged)
        try:
            voxels = read_volume(path).voxels
        except DataError:
            noticed += 1
        else:  # the bit was padding
            np.testing.assert_array_equal(voxels, some_voxels((9, 8, 7)).T)
    assert noticed >= 10


def test_a_nifti_longer_than_its_header_promises_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.nii"
    write_volume(path, some_voxels(), OBLIQUE)
    path.write_bytes(path.read_bytes() + b"more")
    refused(path, "bytes by its header")


def test_gzip_in_several_members_and_zero_padding_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "members.nii.gz"
    write_volume(tmp_path / "plain.nii", some_voxels(), OBLIQUE)
    plain = (tmp_path / "plain.nii").read_bytes()
    path.write_bytes(gzip.compress(plain[:400]) + gzip.compress(plain[400:]) + bytes(512))
    np.testing.assert_array_equal(read_volume(path).voxels, some_voxels())


@pytest.mark.parametrize("kind", ["int16", "float32", "float64"])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_both_byte_orders_of_nifti_are_read_with_all_that_is_not_finite(
    tmp_path: Path, kind: str, endian: str
) -> None:
    voxels = some_voxels((64, 60, 50), kind)  # more than one block of the file
    if kind != "int16":
        voxels.T.flat[[0, 70_001, 100_002, -1]] = [np.nan, np.inf, -np.inf, np.nan]
    header = nib.Nifti1Header(endianness=endian)
    header.set_data_dtype(kind)
    image = nib.Nifti1Image(voxels, np.eye(4), header=header)
    for name in ("a.nii.gz", "a.nii"):
        nib.save(image, tmp_path / name)
        np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, voxels)


def test_nifti_2_is_refused_by_name(tmp_path: Path) -> None:
    nib.save(nib.Nifti2Image(some_voxels(), np.eye(4)), tmp_path / "two.nii.gz")
    refused(tmp_path / "two.nii.gz", "NIfTI-2")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_finite_is_read_as_such_in_every_format(
    tmp_path: Path, suffix: str
) -> None:
    voxels = some_voxels(kind="float32")
    voxels[3, 2, 1], voxels[6, 5, 4] = np.nan, -np.inf
    write_volume(tmp_path / f"a{suffix}", voxels, OBLIQUE)
    np.testing.assert_array_equal(read_volume(tmp_path / f"a{suffix}").voxels, voxels)


def test_a_nifti_with_rescaled_integers_is_read(tmp_path: Path) -> None:
    image = nib.Nifti1Image(some_voxels(), np.eye(4))
    image.header.set_slope_inter(0.5, -3.0)
    nib.save(image, tmp_path / "a.nii.gz")
    expected = np.asanyarray(nib.load(tmp_path / "a.nii.gz").dataobj)
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii.gz").voxels, expected)


def test_a_header_with_impossible_sizes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.nii"
    write_volume(path, some_voxels(), OBLIQUE)
    content = bytearray(path.read_bytes())
    struct.pack_into("<3h", content, 42, 5, 6, 4)  # fewer voxels than there are
    path.write_bytes(content)
    refused(path)


def test_a_data_file_that_is_away_or_outside_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.mhd"
    write_volume(path, some_voxels(), OBLIQUE)
    assert files_of(path) == (path, tmp_path / "scan.raw")
    shutil.move(tmp_path / "scan.raw", tmp_path.parent / "elsewhere.raw")
    refused(path, "scan.raw", "not beside it")
    path.write_text(path.read_text().replace("scan.raw", "../elsewhere.raw"))
    refused(path, "its own folder")


def test_a_shape_or_type_that_cannot_be_written_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="7 x 6 x 5"):
        write_volume(tmp_path / "a.nii.gz", some_voxels((7, 6, 4)), OBLIQUE)
    with pytest.raises(SettingsError, match="should end in"):
        write_volume(tmp_path / "a.png", some_voxels(), OBLIQUE)
    with pytest.raises(SettingsError, match="float16"):
        write_volume(tmp_path / "a.nii.gz", some_voxels(kind="float16"), OBLIQUE)


@pytest.mark.real_data
def test_all_oblique_prostate_scans_are_read_as_nibabel_reads_them(prostate: Path) -> None:
    paths = sorted((prostate / "imagesTr").glob("Case*.nii.gz"))
    assert len(paths) == 29
    for path in paths:
        volume = read_volume(path)
        reference = nib.load(path)
        assert volume.geometry.shape == reference.shape
        # LPS (SimpleITK) and RAS (nibabel) differ in the sign of the first two axes.
        matrix = np.array(volume.geometry.direction).reshape(3, 3) * volume.geometry.spacing
        np.testing.assert_allclose(
            np.diag([-1, -1, 1]) @ matrix, reference.affine[:3, :3], atol=1e-4
        )
    np.testing.assert_array_equal(volume.voxels, np.asanyarray(reference.dataobj))
