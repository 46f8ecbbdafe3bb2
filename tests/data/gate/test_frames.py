"""Frames: what is written comes back, and what is no frame is told as such."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nextslice.data.cases import CaseFiles
from nextslice.data.formats.nifti_header import NiftiFields
from nextslice.data.gate.asking import Request, from_answer
from nextslice.data.gate.frames import FrameError, read_frame, write_frame
from nextslice.data.geometry import Geometry

values = st.dictionaries(
    st.text(), st.one_of(st.integers(), st.text(), st.none(), st.booleans()), max_size=4
)
kinds = st.sampled_from(
    [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)]
    + [np.dtype("f4"), np.dtype("f8")]
)
arrays = kinds.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_side=0, max_side=4)))


def framed(content: dict[str, Any], voxels: list[Any]) -> bytes:
    stream = io.BytesIO()
    write_frame(stream, content, voxels)
    return stream.getvalue()


@given(values, st.lists(arrays, max_size=3))
def test_what_is_written_comes_back(content: dict[str, Any], voxels: list[Any]) -> None:
    stream = io.BytesIO(framed(content, voxels) * 2)
    for _ in range(2):
        frame = read_frame(stream, 1 << 20)
        assert frame is not None
        assert frame[0] == content
        for there, here in zip(frame[1], voxels, strict=True):
            assert there.dtype == here.dtype
            np.testing.assert_array_equal(there, here)
    assert read_frame(stream, 1 << 20) is None


@given(values, st.lists(arrays, max_size=2), st.data())
def test_a_frame_that_is_cut_is_none(
    content: dict[str, Any], voxels: list[Any], data: st.DataObject
) -> None:
    whole = framed(content, voxels)
    kept = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(whole[:kept]), 1 << 20)


@given(st.binary(min_size=1, max_size=200))
def test_bytes_that_are_no_frame_are_told(content: bytes) -> None:
    begin = struct.pack("<Q", len(content)) + content
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(begin), 1 << 20)


@pytest.mark.parametrize(
    "described",
    [["|O", [1]], ["<f4", [-1]], ["<f4", [1 << 40]], ["<f4", [True]], ["<f4", "1"], ["<f4"], 7],
)
def test_an_array_that_may_not_be_is_never_made(described: Any) -> None:
    text = json.dumps({"values": {}, "arrays": [described]}).encode()
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(struct.pack("<Q", len(text)) + text + bytes(64)), 1 << 20)
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(struct.pack("<Q", 1 << 40)), 1 << 20)


@pytest.mark.parametrize("count", [9, 3])
def test_many_arrays_are_bounded_together(count: int) -> None:
    """Each by itself is small enough; nine are too many, and three too large together."""
    described = [["|u1", [1 << 18]]] * count
    text = json.dumps({"values": {}, "arrays": described}).encode()
    stream = io.BytesIO(struct.pack("<Q", len(text)) + text + bytes(count << 18))
    largest = 3 << 18 if count == 9 else (3 << 18) - 1
    with pytest.raises(FrameError, match="arrays" if count == 9 else "an array of"):
        read_frame(stream, largest)
    stream.seek(0)
    if count == 3:
        assert read_frame(stream, 3 << 18) is not None


GRID = {
    "shape": [1, 2, 3],
    "spacing": [1, 1, 1],
    "origin": [0, 0, 0],
    "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1],
}
VOLUME = {"geometry": GRID, "fields": None, "sha256": ""}
FIELDS = {
    "qform": 0,
    "sform": 1,
    "unit": 2,
    "pixdim": [1, 1, 1, 1],
    "quaternion": [0] * 6,
    "rows": [1.5] * 12,
    "slope": 1,
    "intercept": 0,
}
VERDICT: dict[str, Any] = {
    "case": "a",
    "refusals": [],
    "geometry": GRID,
    "values": None,
    "digest": "",
    "likeness": "",
}


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        ({}, (3, 2, 1)),
        ({"verdict": VERDICT}, (3, 2, 1)),
        ({"verdict": VERDICT, "volumes": [VOLUME, None]}, (3, 2, 2)),
        ({"verdict": VERDICT, "volumes": [VOLUME, None]}, (6,)),
        ({"verdict": VERDICT, "volumes": [VOLUME, VOLUME]}, (3, 2, 1)),
        ({"verdict": VERDICT, "volumes": [VOLUME]}, (3, 2, 1)),
        ({"verdict": VERDICT, "volumes": [None, None]}, (3, 2, 1)),
        ({"verdict": VERDICT | {"geometry": 7}, "volumes": [VOLUME, None]}, (3, 2, 1)),
        ({"verdict": [], "volumes": [VOLUME, None]}, (3, 2, 1)),
        ({"verdict": VERDICT, "volumes": [VOLUME | {"fields": 7}, None]}, (3, 2, 1)),
        (
            {
                "verdict": VERDICT,
                "volumes": [VOLUME | {"fields": FIELDS | {"rows": [1]}}, None],
            },
            (3, 2, 1),
        ),
    ],
)
def test_an_answer_that_fits_nothing_is_told(answer: Any, shape: tuple[int, ...]) -> None:
    volumes = [VOLUME | {"fields": FIELDS}, None]
    sound = from_answer({"verdict": VERDICT, "volumes": volumes}, [np.zeros((3, 2, 1))])
    assert sound.image is not None
    assert sound.image.fields is not None
    assert sound.image.fields.to_dict() == NiftiFields.from_dict(FIELDS).to_dict()
    assert sound.label is None
    with pytest.raises(FrameError):
        from_answer(answer, [np.zeros(shape)])


@given(st.text(), st.text(min_size=1), st.one_of(st.none(), st.text(min_size=1)))
def test_a_request_comes_back_from_its_line(case: str, image: str, label: str | None) -> None:
    files = CaseFiles(case, Path(image), None if label is None else Path(label))
    declared = {0: "background", 7: case}
    for request in (
        Request(files, Path("x"), declared, voxels=False),
        Request(files, None, None, stored=True),
        Request(files, Path("x"), declared, grid=Geometry((3, 4, 5), origin=(0.1, 2.0, -3.0))),
    ):
        line = request.to_line()
        assert line.count(b"\n") == 1
        assert Request.from_line(line) == request
