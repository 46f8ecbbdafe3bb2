"""The scans of a work order, as the gate found them byte for byte, and masks on their grids."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from nextslice.data.formats.nifti import Grid, write_nifti
from nextslice.data.formats.payload import is_nifti
from nextslice.data.formats.readers import Volume, scan_suffix, write_volume
from nextslice.data.formats.streams import plain
from nextslice.data.geometry import Geometry
from nextslice.data.scans import Scans
from nextslice.errors import DataError
from nextslice.files import file_sha256, writing_atomically
from nextslice.types import VolumeMask

__all__ = ["put_mask", "put_scan"]

_OF_TWO_FILES: Final = {".mhd": ".mha", ".nhdr": ".nrrd"}


def put_scan(scans: Scans, case: str, grid: Geometry, folder: Path, *, link: bool) -> Path:
    """Bring a scan into a folder, unless it is there already, byte for byte.

    Args:
        scans: The project's.
        case: Whose scan.
        grid: What its grid was when the project began.
        folder: Where to.
        link: Link it where the file system can, instead of copying it.

    Returns:
        The scan in the folder.

    Raises:
        DataError: It cannot be read any more, or is another one than it was.
        StorageError: The disk does not take it.
    """
    source = scans.path(case)
    suffix = scan_suffix(source) or ""
    target = folder / f"{case}{_OF_TWO_FILES.get(suffix, suffix)}"
    if suffix in _OF_TWO_FILES:  # a header and a file beside it become one file
        # One that is there may have been changed; what is written again is sure to be the same.
        volume = scans.stored(case, grid)
        write_volume(target, volume.voxels, volume.geometry)
        return target
    sha256 = scans.stored(case, grid).sha256
    if target.is_file() and file_sha256(target) == sha256:
        return target
    target.unlink(missing_ok=True)
    if link:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source.resolve(), target)
        except OSError:
            pass  # another disk, or a file system without links: a copy, then
        else:
            if file_sha256(target) != sha256:
                target.unlink()
                raise _replaced(source)
            return target
    copied = hashlib.sha256()
    with source.open("rb") as original, writing_atomically(target, "scan") as copy:
        for block in plain(original):
            copied.update(block)
            copy.write(block)
        if copied.hexdigest() != sha256:
            raise _replaced(source)
    return target


def put_mask(path: Path, mask: VolumeMask, grid: Geometry) -> None:
    """Write a mask on the grid of its scan, in the format that `path` ends in.

    Raises:
        StorageError: The disk does not take it.
    """
    if is_nifti(path):  # ITK would put the axes of a sheared grid right
        write_nifti(path, mask, Grid.of_scan(Volume(mask, grid)))
    else:
        write_volume(path, mask, grid)


def _replaced(source: Path) -> DataError:
    return DataError(
        f"{source} is not the file any more that it was a moment ago.",
        cause="it was replaced while the work order was written.",
        remedy="Put the old one back and ask again.",
    )
