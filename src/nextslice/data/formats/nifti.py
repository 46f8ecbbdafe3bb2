"""NIfTI with headers of our own: where voxels lie, the voxels, and nothing else.

A scan's header may name its patient: in ``descrip``, ``aux_file``, ``intent_name`` or
``db_name``, in an extension, or by the file name inside a gzip stream. What is written here
begins with an empty header and takes over numbers of the grid alone, so that nothing of that
can come along.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from nextslice.data.formats.readers import Volume
from nextslice.data.geometry import Geometry, check_axes
from nextslice.errors import SettingsError
from nextslice.files import writing_atomically

__all__ = ["Grid", "write_nifti"]

_QUATERNION: Final = (
    *("quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z"),
)
_ROWS: Final = ("srow_x", "srow_y", "srow_z")
_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Grid:
    """Where voxels lie, as NIfTI says it.

    Attributes:
        header: Shape, spacing, qform and sform; all else is empty.
    """

    header: Any

    @classmethod
    def of_scan(cls, volume: Volume) -> Grid:
        """The grid of a scan, from what was read of it; its file is not opened again.

        Of a NIfTI file the numbers are taken over as they are stored, qform and sform with
        their codes. From other formats both become the scan's geometry in single precision;
        where its axes are sheared the sform alone, which is all that can say so.
        """
        header, fields = _empty(volume.geometry.shape), volume.fields
        if fields is None:
            affine = _affine(volume.geometry)
            axes = [volume.geometry.direction[axis::3] for axis in range(3)]
            if not check_axes(axes, Path("the scan"), accept_sheared=True):
                header.set_qform(affine, code=1)  # it knows right angles alone
            header.set_sform(affine, code=1)
            header.set_xyzt_units("mm")
            return cls(header)
        header["qform_code"], header["sform_code"] = fields.qform, fields.sform
        for name, value in zip(_QUATERNION, fields.quaternion, strict=True):
            header[name] = value
        for name, row in zip(_ROWS, np.reshape(fields.rows, (3, 4)), strict=True):
            header[name] = row
        header["pixdim"][:4] = fields.pixdim
        header["xyzt_units"] = fields.unit
        return cls(header)


def write_nifti(
    path: Path,
    voxels: np.ndarray[Any, np.dtype[Any]],
    grid: Grid,
    *,
    slope: float = 1.0,
    intercept: float = 0.0,
) -> None:
    """Write voxels as they are, in one step; equal voxels and grids are equal bytes.

    Args:
        path: Ends in .nii.gz.
        voxels: Shape (x, y, z) of the grid, of a number type that NIfTI knows.
        grid: Where they lie.
        slope: An intensity is ``slope * voxel + intercept``.
        intercept: See `slope`.

    Raises:
        SettingsError: The shape is not the grid's, or NIfTI has no such number type.
    """
    header = grid.header.copy()
    if voxels.shape != header.get_data_shape():
        raise SettingsError(
            f"Voxels for {path} should have the shape {header.get_data_shape()} of their "
            f"grid, but have {voxels.shape}."
        )
    try:
        header.set_data_dtype(voxels.dtype)
    except HeaderDataError as error:
        raise SettingsError(f"{path} cannot hold numbers of type {voxels.dtype}.") from error
    image = nib.Nifti1Image(voxels, None, header)
    image.header.set_slope_inter(slope, intercept)  # an image forgets those it is made with
    with (
        writing_atomically(path, "voxels") as stream,
        # Neither a name nor a time in the archive's header.
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0, compresslevel=6) as out,
    ):
        image.to_stream(out)


def _empty(shape: tuple[int, int, int]) -> Any:
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    return header


def _affine(geometry: Geometry) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Voxel -> millimetres, RAS, as NIfTI counts them."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(geometry.direction, (3, 3)) * geometry.spacing
    affine[:3, 3] = geometry.origin
    return np.asarray(_TO_RAS @ affine)
