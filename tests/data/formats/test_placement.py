"""A header in text that places its voxels in one way is read; tests/hostile has all others."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.hostile.making import GEOMETRY, MATRIX, voxels

from nextslice.data.formats.payload import find_payload
from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.errors import DataError

OFFSET, STEPS, ORIGIN = "Offset = 3 4 5", "ElementSpacing = 1 1 2", "space origin: (3,4,5)"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.mha", OFFSET, "Position = 3 4 5"),
        ("a.mha", OFFSET, "Origin : +3. 4e0\t.5e1 "),
        ("a.mha", OFFSET, f"{OFFSET}\nPosition = 3 4 5.0"),
        ("a.mha", OFFSET, f"Comment = x\n\n{OFFSET}\nComment = y"),
        ("a.mha", STEPS, f"{STEPS}\nElementSize = 1 1 1.5"),
        ("a.mha", STEPS, "ElementSize = 1 1 2"),
        ("a.mha", MATRIX, MATRIX.replace("TransformMatrix", "Rotation")),
        ("a.nhdr", ORIGIN, "Space Origin: ( 3, 4., 5e0 )"),
        ("a.nhdr", ORIGIN, f"{ORIGIN}\n# space origin: none\nnote:=(7,7,7)"),
    ],
)
def test_what_is_said_in_one_way_is_read(tmp_path: Path, name: str, old: str, new: str) -> None:
    path = tmp_path / name
    write_volume(path, voxels(), GEOMETRY)
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode()))
    assert read_volume(path).geometry == GEOMETRY


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.mha", "ElementDataFile = " + "ndims" * 13_000),
        ("a.mha", "NDims = 3\nOffset = " + "1" * 65_000 + "x\nElementDataFile = LOCAL\n"),
        ("a.mha", " " * 65_000 + "\nElementDataFile = LOCAL\n"),
        ("a.nrrd", "NRRD0004\ndimension: 3\nspace origin: " + "(" * 65_000),
        ("a.nrrd", "NRRD0004\ndimension: 3\nspace origin: (" + "1" * 65_000 + "x,0,0)\n"),
    ],
)
def test_a_header_without_end_is_refused_at_once(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(DataError):
        find_payload(path)
    assert time.process_time() - started < 5
