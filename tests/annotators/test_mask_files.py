"""What is drawn in a mask is told from what was handed out, slice by slice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nextslice.annotators.mask_files import declared_numbers, drawn_in, mask_name
from nextslice.annotators.order import HandedOut, OrderedSlice, digest
from nextslice.data.geometry import Geometry
from nextslice.data.native import NativeSlices
from nextslice.data.preparation import Preparation

SHAPE = (3, 4, 6)


def _slice(index: int, mask: np.ndarray) -> OrderedSlice:
    return OrderedSlice(
        case="a",
        slice=index,
        slice_from_1=index + 1,
        position_mm=0.0,
        score=None,
        state="queried",
        why="",
        handed_out=HandedOut(version=0, sha256=digest(mask)),
    )


@given(axis=st.integers(0, 2), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_exactly_the_slices_that_differ_are_changed_and_exactly_the_others_drawn_on_are_stray(
    axis: int, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    native = NativeSlices(Preparation(axis=axis), Geometry(SHAPE))
    places = st.sets(st.integers(0, native.count - 1))
    asked, edited = data.draw(places), data.draw(places)
    voxels = np.zeros(SHAPE, np.uint8)
    for index in asked:
        native.cut(voxels, index)[...] = rng.integers(0, 3, native.shape)
    ordered = {i: _slice(i, np.ascontiguousarray(native.cut(voxels, i))) for i in asked}
    assert not drawn_in(voxels, native, ordered).touched
    for index in edited:
        plane = native.cut(voxels, index)
        plane[tuple(rng.integers(0, native.shape))] += 1
    drawn = drawn_in(voxels, native, ordered)
    assert set(drawn.changed) == asked & edited
    assert set(drawn.stray) == edited - asked
    assert set(drawn.masks) == asked


def test_equal_pixels_of_another_shape_are_another_mask() -> None:
    assert digest(np.zeros((2, 3), np.uint8)) != digest(np.zeros((3, 2), np.uint8))
    assert digest(np.zeros((2, 3), np.uint8)) == digest(np.zeros((3, 2), np.uint8).T)


def test_masks_are_of_the_scan_s_family_and_of_one_file() -> None:
    names = [mask_name("a", suffix) for suffix in (".nii", ".nii.gz", ".mhd", ".nhdr", ".nrrd")]
    ends = [".nii.gz", ".nii.gz", ".mha", ".nrrd", ".nrrd"]
    assert names == [f"a_mask{end}" for end in ends]
    assert declared_numbers(["organ"]) == {0: "background", 1: "organ"}
