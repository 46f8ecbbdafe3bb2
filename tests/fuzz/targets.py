"""What is fed with any bytes: each either reads them rightly or refuses them."""

from __future__ import annotations

import gzip
import io
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nextslice.data.archives import unpack_data_set
from nextslice.data.formats.nifti_header import BEGIN, check_extensions, nifti_header
from nextslice.data.formats.readers import read_volume
from nextslice.data.gate.asking import from_answer
from nextslice.data.gate.frames import FrameError, read_frame
from nextslice.data.layouts import recognise
from nextslice.errors import DataError
from nextslice.yaml_text import parse_yaml

__all__ = ["FORMATS", "LARGEST", "TARGETS"]

LARGEST = 1 << 20
"""Bytes of voxels; small, so that time goes into understanding and not into copying."""

FORMATS: Mapping[str, Sequence[str]] = {
    "nifti": (".nii", ".nii.gz"),
    "meta-image": (".mhd", ".mha"),
    "nrrd": (".nrrd", ".nhdr"),
}
"""Target -> the endings that its first byte chooses from."""


def _scan(suffixes: Sequence[str]) -> Callable[[bytes, Path], None]:
    def feed(content: bytes, folder: Path) -> None:
        """A scan whose ending is chosen by the first byte."""
        suffix = suffixes[content[0] % len(suffixes)] if content else suffixes[0]
        _read(folder / f"scan{suffix}", content[1:])

    return feed


def feed_unpacked(content: bytes, folder: Path) -> None:
    """What a sound stream unpacks to, so that the header behind it is reached."""
    _read(folder / "scan.nii.gz", gzip.compress(content, 1))


def _read(path: Path, content: bytes) -> None:
    """Read a scan; what comes back is whole and lies somewhere."""
    path.write_bytes(content)
    path.with_suffix(".raw").write_bytes(bytes(480))
    with suppress(DataError):
        volume = read_volume(path, largest=LARGEST)
        geometry = volume.geometry
        assert volume.voxels.shape == geometry.shape
        assert 0 < volume.voxels.size <= LARGEST
        assert all(map(math.isfinite, (*geometry.origin, *geometry.direction)))
        assert all(1e-4 <= step <= 100 for step in geometry.spacing)
        stored = read_volume(path, largest=LARGEST, stored=True)
        assert stored.geometry == geometry
        if volume.fields is None or (volume.fields.slope, volume.fields.intercept) == (1, 0):
            np.testing.assert_array_equal(stored.voxels, volume.voxels)


def feed_header(content: bytes, folder: Path) -> None:
    """The first bytes of a NIfTI file; what they promise is positive and bounded."""
    with suppress(DataError):
        header = nifti_header(content, folder / "scan.nii")
        assert BEGIN <= header.offset < header.size
        assert math.isfinite(header.fields.slope)
        assert math.isfinite(header.fields.intercept)
        check_extensions(content, header, folder / "scan.nii")


def feed_description(content: bytes, folder: Path) -> None:
    """A `dataset.json` beside two scans; no case that is not refused lies elsewhere."""
    (folder / "dataset.json").write_bytes(content)
    (folder / "imagesTr").mkdir(exist_ok=True)
    (folder / "imagesTr" / "a_0000.nii.gz").touch()
    with suppress(DataError):
        for case in recognise(folder).cases:
            assert case.case.isprintable()
            for path in (case.image, case.label):
                if path is not None and not case.problems:
                    assert path.resolve().is_relative_to(folder.resolve())


def feed_yaml(content: bytes, folder: Path) -> None:
    """Settings; what comes back is plain."""
    with suppress(yaml.YAMLError):
        yaml.safe_dump(parse_yaml(content.decode("utf-8", "replace")))


def feed_frames(content: bytes, folder: Path) -> None:
    """What the process that reads scans says; what comes back is bounded."""
    stream = io.BytesIO(content)
    with suppress(FrameError):
        while (frame := read_frame(stream, LARGEST)) is not None:
            values, arrays = frame
            assert sum(array.nbytes for array in arrays) <= LARGEST
            _demand_fitting(values, arrays)


def _demand_fitting(values: dict[str, Any], arrays: list[Any]) -> None:
    with suppress(FrameError):
        checked = from_answer(values, arrays)
        for volume in (checked.image, checked.label):
            assert volume is None or volume.voxels.shape == volume.geometry.shape


def feed_archive(content: bytes, folder: Path) -> None:
    """An archive; it becomes a data set or nothing, and nothing beside it."""
    place = folder / "inner"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "set.tar").write_bytes(content)
    beside = {path.name for path in folder.iterdir()}
    with suppress(DataError):
        unpack_data_set(place / "set.tar", place / "set")
        assert (place / "set" / "dataset.json").is_file()
        assert not any(path.is_symlink() for path in place.rglob("*"))
    assert {path.name for path in place.iterdir()} <= {"set", "set.tar"}
    assert {path.name for path in folder.iterdir()} == beside


TARGETS: Mapping[str, Callable[[bytes, Path], None]] = {
    **{name: _scan(suffixes) for name, suffixes in FORMATS.items()},
    "unpacked": feed_unpacked,
    "header": feed_header,
    "description": feed_description,
    "yaml": feed_yaml,
    "frames": feed_frames,
    "archive": feed_archive,
}
"""By the name that the command line takes."""
