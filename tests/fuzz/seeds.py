"""Sound files that fuzzing begins with: it finds more by changing them than from nothing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.hostile.making import GEOMETRY, mask, nifti, voxels

from nextslice.data.payload import find_payload
from nextslice.data.readers import SUFFIXES, write_volume

__all__ = ["seeds"]


def seeds(target: str, folder: Path) -> list[bytes]:
    """Sound input for a target of :data:`tests.fuzz.targets.TARGETS`."""
    if target == "unpacked":
        return [nifti(), nifti(mask(), order=">"), nifti(qform_code=1, sform_code=0)]
    if target == "description":
        pairs = [{"image": "imagesTr/a_0000.nii.gz", "label": "labelsTr/a.nii.gz"}]
        described = [
            {"training": pairs, "labels": {"0": "background", "1": "x"}, "test": ["b.nii"]},
            {"channel_names": {"0": "T2"}, "labels": {"x": 1}, "file_ending": ".nii.gz"},
        ]
        return [json.dumps(content).encode() for content in described]
    found = []
    for number, suffix in enumerate(SUFFIXES):
        path = folder / f"scan{suffix}"
        write_volume(path, voxels(), GEOMETRY)
        found.append(bytes([number]) + path.read_bytes())
        assert find_payload(path).file.is_file()
    found.append(b"\0" + gzip.compress(nifti(mask())))
    return found
