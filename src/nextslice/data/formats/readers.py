"""Scans on disk <-> :class:`Volume`: NIfTI, MetaImage and NRRD, through SimpleITK.

A volume's voxels are in the order of the file's axes (x, y, z). Its geometry is in
SimpleITK's convention: millimetres, LPS (towards the patient's left, posterior, superior).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  its own manual calls it so

from nextslice.data.formats.integrity import (
    LARGEST,
    NiftiFile,
    bound_voxels,
    verify_nifti,
    verify_whole,
)
from nextslice.data.formats.nifti_header import NiftiFields
from nextslice.data.formats.payload import files_of, find_payload, is_nifti
from nextslice.data.geometry import Geometry, check_axes, check_grid, sheared, times
from nextslice.errors import DataError, SettingsError
from nextslice.files import file_sha256, replacing
from nextslice.path_names import demand_utf8

__all__ = [
    "SUFFIXES",
    "Volume",
    "read_volume",
    "scan_suffix",
    "write_volume",
]

SUFFIXES = (".nii.gz", ".nii", ".mhd", ".mha", ".nrrd", ".nhdr")
"""The formats that are read and written; a .mhd or .nhdr has its voxels in a file beside it."""


_Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan or a label in memory.

    Attributes:
        voxels: Array of shape (x, y, z), in the file's own number type.
        geometry: Where the voxels lie; its shape is the array's.
        fields: The same in the words of its own header, where it is a NIfTI file.
        sha256: Of the file's bytes, where the voxels are as they are stored; else "".
    """

    voxels: np.ndarray[Any, np.dtype[Any]]
    geometry: Geometry
    fields: NiftiFields | None = None
    sha256: str = ""


def scan_suffix(path: Path) -> str | None:
    """The suffix of :data:`SUFFIXES` that a path ends in (in lower case), or None."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def read_volume(
    path: Path, *, largest: int = LARGEST, stored: bool = False, accept_sheared: bool = False
) -> Volume:
    """Read a three-dimensional scan or label, whole or not at all.

    Args:
        path: The file, in one of the formats of :data:`SUFFIXES`.
        largest: Bytes of voxels that it may hold; more is refused before any memory is taken.
        stored: Whether voxels are wanted as they are stored, before NIfTI's scaling.
        accept_sheared: Whether its axes need not be at right angles.

    Raises:
        DataError: The file is missing, empty, damaged, too large, of an unknown format, not
            three-dimensional, in colour or complex, or its geometry is not that of a
            rectangular grid; its path is not in UTF-8; or it was replaced while it was read.
            The message names the file.
        MemoryError: Its voxels do not fit into the memory there is.
    """
    demand_utf8(path)  # ITK ends the process at any other name
    _demand_file(path)
    before = _identity(path)
    # Before SimpleITK opens it: of a damaged stream it says only that it cannot read it.
    nifti = None
    if is_nifti(path):
        nifti = verify_nifti(path, largest, accept_sheared=accept_sheared)
    if nifti is not None and nifti.header.sheared:
        voxels, geometry = _sheared(path, nifti, stored)
    else:
        voxels, geometry = _by_itk(path, nifti, largest, stored, accept_sheared)
    sha256 = file_sha256(path) if stored else ""
    if _identity(path) != before or voxels.size != math.prod(geometry.shape):
        raise DataError(
            f"{path} is not the file any more that it was a moment ago.",
            cause="it was replaced while it was being read.",
            remedy="Try again once it is written.",
        )
    voxels = voxels.reshape(geometry.shape[::-1]).transpose(2, 1, 0)
    return Volume(voxels, geometry, nifti.header.fields if nifti else None, sha256)


def _sheared(path: Path, nifti: NiftiFile, stored: bool) -> tuple[_Array, Geometry]:
    """A NIfTI file whose axes are not at right angles, without ITK, which does not read it."""
    header = nifti.header
    if len(header.shape) != 3:
        raise _not_of_three(path, header.shape)
    if nifti.stored is None:
        raise _not_grey(path, "picture in colour, or complex data")
    x, y, z = header.shape
    geometry, fields = header.fields.by_rows((x, y, z)), header.fields
    check_grid(path, geometry, accept_sheared=True)
    if stored or not fields.scaled:
        return nifti.stored, geometry
    return nifti.stored * fields.slope + fields.intercept, geometry


def _by_itk(
    path: Path, nifti: NiftiFile | None, largest: int, stored: bool, accept_sheared: bool
) -> tuple[_Array, Geometry]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    if nifti is None:
        find_payload(path)  # before SimpleITK follows the header to its data file
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    _demand_grey_volume(path, reader)
    geometry = _geometry(reader)
    check_grid(path, geometry, accept_sheared=accept_sheared)
    if nifti is None:
        probe = sitk.Image([1, 1, 1], reader.GetPixelID())
        size = math.prod(geometry.shape) * probe.GetSizeOfPixelComponent()
        bound_voxels(path, size, largest)
        verify_whole(path, size)
    if nifti is not None and nifti.stored is not None:
        if stored or not nifti.header.fields.scaled:
            return nifti.stored, geometry
        _demand_no_other(path)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        # Where memory was what it lacked, SimpleITK does not say so; nor can it be had now.
        np.empty((2, *geometry.shape), np.float64)
        raise _unreadable(path, error) from error
    voxels = sitk.GetArrayFromImage(image)
    if nifti is not None:
        nifti.not_finite.put_back(voxels)
    return voxels, geometry


def write_volume(
    path: Path, voxels: np.ndarray[Any, np.dtype[Any]], geometry: Geometry
) -> None:
    """Write a volume in the format that `path` ends in.

    Voxels come back exactly as they were. So does the geometry from MetaImage and NRRD; NIfTI
    keeps it in single precision. A format of one file is replaced in one step.

    Args:
        path: Ends in one of :data:`SUFFIXES`; .nii.gz is compressed, .mhd writes a .raw too.
        voxels: Array of shape (x, y, z); truth values are written as 0 and 1.
        geometry: Its shape must be the array's.

    Raises:
        SettingsError: Unknown suffix, a shape that does not fit, a number type that these
            formats do not know, or sheared axes where a NIfTI file is to be written.
        DataError: The path is not in UTF-8.
    """
    demand_utf8(path)
    suffix = scan_suffix(path)
    if suffix is None:
        raise SettingsError(f"{path} should end in one of {', '.join(SUFFIXES)}.")
    if voxels.shape != geometry.shape:
        raise SettingsError(
            f"Voxels for {path} should have the shape {times(geometry.shape)} of their "
            f"geometry, but have {times(voxels.shape)}."
        )
    axes = [geometry.direction[axis::3] for axis in range(3)]
    if suffix.startswith(".nii") and check_axes(axes, path, accept_sheared=True):
        # ITK would put the axes right, and voxels would lie elsewhere than they are said to.
        raise SettingsError(
            f"{path} should have axes at right angles, but the geometry is sheared.",
            remedy="Write it as .mha or .nrrd, or with "
            "nextslice.data.formats.nifti.write_nifti.",
        )
    if voxels.dtype == np.bool_:
        voxels = voxels.astype(np.uint8)
    try:
        image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.transpose(2, 1, 0)))
    except (TypeError, KeyError) as error:
        raise SettingsError(f"{path} cannot hold numbers of type {voxels.dtype}.") from error
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    if suffix in {".mhd", ".nhdr"}:  # the header names its data file, so it cannot be renamed
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(image, str(path))
        return
    with replacing(path, "volume", suffix) as temporary:
        packed = suffix in {".nii.gz", ".nrrd"}
        sitk.WriteImage(image, str(temporary), useCompression=packed)


def _demand_no_other(path: Path) -> None:
    """Of a.nii.gz ITK takes the header, and the voxels of a.nii where that is there as well."""
    if path.name.lower().endswith(".gz") and path.with_suffix("").exists():
        raise DataError(
            f"{path} should be the one scan of its name, but {path.with_suffix('').name} lies "
            "beside it.",
            cause="it was unpacked, and both were kept.",
            remedy="Take one of them away.",
        )


def _identity(path: Path) -> list[tuple[int, int, int]]:
    """What changes when a file, or the one beside it with its voxels, is replaced."""
    found = [part.stat() for part in files_of(path) if part.exists()]
    return [(status.st_ino, status.st_size, status.st_mtime_ns) for status in found]


def _demand_file(path: Path) -> None:
    if scan_suffix(path) is None:
        raise DataError(
            f"{path} should end in one of {', '.join(SUFFIXES)}.",
            remedy="Convert the scan to .nii.gz.",
        )
    if not path.is_file():
        if path.exists():  # opening a pipe would wait for whoever writes into it
            raise DataError(
                f"{path} should be a plain file, but is a folder, a pipe or a device.",
                remedy="Put the scan itself there, or take the case out of the list.",
            )
        raise DataError(
            f"{path} is missing.",
            remedy="Put the file there, or take the case out of the list.",
        )
    if path.stat().st_size == 0:
        raise DataError(
            f"{path} is empty.", remedy="Copy or download the file again from its source."
        )


def _demand_grey_volume(path: Path, reader: sitk.ImageFileReader) -> None:
    if reader.GetDimension() != 3:
        raise _not_of_three(path, reader.GetSize())
    kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    if reader.GetNumberOfComponents() != 1 or "vector" in kind or "complex" in kind:
        raise _not_grey(path, kind)


def _not_of_three(path: Path, size: tuple[int, ...]) -> DataError:
    return DataError(
        f"{path} should have three dimensions, but has {len(size)} ({times(size)}).",
        cause="several time points or channels, or a single slice, in one file.",
        remedy="Export one three-dimensional volume per case and per channel.",
    )


def _not_grey(path: Path, kind: str) -> DataError:
    return DataError(
        f"{path} should hold one real number per voxel, but holds a {kind}.",
        cause="a colour picture, a vector field or complex data.",
        remedy="Export the scan as a grey-scale volume.",
    )


def _geometry(reader: sitk.ImageFileReader) -> Geometry:
    return Geometry.from_dict(
        {
            "shape": reader.GetSize(),
            "spacing": reader.GetSpacing(),
            "origin": reader.GetOrigin(),
            "direction": reader.GetDirection(),
        }
    )


def _unreadable(path: Path, error: RuntimeError) -> DataError:
    if "orthonormal" in str(error):
        return sheared(path)
    suffix = scan_suffix(path) or ""
    if not path.name.endswith(suffix):  # ITK knows some endings in no other letters
        return DataError(
            f"The name of {path} should end in {suffix}, in small letters.",
            remedy="Rename the file, and try again.",
        )
    return DataError(
        f"{path} cannot be read as {scan_suffix(path)}.",
        cause="the file is damaged, or of another kind than its name says.",
        remedy="Copy or download the file again from its source, or convert it to .nii.gz.",
    )
