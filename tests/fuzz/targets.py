"""What is fed with any bytes: each either reads them rightly or refuses them."""

from __future__ import annotations

import contextlib
import gzip
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from nextslice.data.layouts import recognise
from nextslice.data.readers import SUFFIXES, read_volume
from nextslice.errors import DataError

__all__ = ["LARGEST", "TARGETS", "feed_description", "feed_scan", "feed_unpacked"]

LARGEST = 1 << 20
"""Bytes of voxels; small, so that time goes into understanding and not into copying."""


def feed_scan(content: bytes, folder: Path) -> None:
    """A scan whose format is chosen by the first byte."""
    suffix = SUFFIXES[content[0] % len(SUFFIXES)] if content else ".nii"
    read(folder / f"scan{suffix}", content[1:])


def feed_unpacked(content: bytes, folder: Path) -> None:
    """What a sound stream unpacks to, so that the header behind it is reached."""
    read(folder / "scan.nii.gz", gzip.compress(content, 1))


def read(path: Path, content: bytes) -> None:
    """Read a scan; what comes back is whole and lies somewhere."""
    path.write_bytes(content)
    path.with_suffix(".raw").write_bytes(bytes(480))
    with contextlib.suppress(DataError):
        volume = read_volume(path, largest=LARGEST)
        geometry = volume.geometry
        assert volume.voxels.shape == geometry.shape
        assert 0 < volume.voxels.size <= LARGEST
        assert all(map(math.isfinite, (*geometry.origin, *geometry.direction)))
        assert all(1e-4 <= step <= 100 for step in geometry.spacing)


def feed_description(content: bytes, folder: Path) -> None:
    """A `dataset.json` beside two scans; no case that is not refused lies elsewhere."""
    (folder / "dataset.json").write_bytes(content)
    (folder / "imagesTr").mkdir(exist_ok=True)
    (folder / "imagesTr" / "a_0000.nii.gz").touch()
    with contextlib.suppress(DataError):
        for case in recognise(folder).cases:
            assert case.case.isprintable()
            for path in (case.image, case.label):
                if path is not None and not case.problems:
                    assert path.resolve().is_relative_to(folder.resolve())


TARGETS: Mapping[str, Callable[[bytes, Path], None]] = {
    "scan": feed_scan,
    "unpacked": feed_unpacked,
    "description": feed_description,
}
"""By the name that the command line takes."""
