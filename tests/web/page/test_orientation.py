"""However a file stores a slice, the screen shows it as radiologists look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from nextslice.annotators import Desk
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.live import LiveProject

STORED = ("RAS", "LPS", "PRS", "ALS")  # to where the three axes of the file count
LINE = [(0.3, 0.4), (0.45, 0.55), (0.6, 0.5)]


@pytest.fixture(scope="module")
def one_patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scan of one patient, stored in four ways."""
    phantom, folder = tmp_path_factory.mktemp("phantom"), tmp_path_factory.mktemp("stored")
    write_phantom(
        phantom / "one",
        Phantom(patients=1, size=(40, 52), slices=(8, 8), spacing=(2.0, 1.5, 5.0)),
    )
    image = nib.load(phantom / "one/imagesTr/phantom_000.nii.gz")
    for code in STORED:
        way = ornt_transform(io_orientation(image.affine), axcodes2ornt(code))
        nib.save(image.as_reoriented(way), folder / f"{code}.nii.gz")
    return folder


@pytest.fixture
def desk(one_patient: Path, tmp_path: Path) -> Iterator[Desk]:
    live = LiveProject.create(
        tmp_path / "project",
        images=one_patient,
        labels="cortex,medulla",
        assignments=("network.channels=[4, 8]", "initial=32", "device=cpu"),
    )
    with Desk(live) as desk:
        yield desk


def _place(desk: Desk, view: Any, voxels: np.ndarray, scans: Path) -> np.ndarray:
    """Where voxels (index, row, column) of a native slice lie in the patient, RAS mm."""
    native = desk._live.native(desk._rows[view.id])
    volume = np.zeros(native.geometry.shape, np.uint8)
    native.cut(volume, view.index)[:] = voxels
    affine = nib.load(scans / f"{view.case}.nii.gz").affine
    found = apply_affine(affine, np.argwhere(volume))
    rounded: np.ndarray = np.unique(found.round(3), axis=0)
    return rounded


def test_the_same_place_of_the_screen_is_the_same_place_in_the_patient(
    somebody: Callable[..., Any], desk: Desk, one_patient: Path
) -> None:
    views = desk.overview().slices
    middle = {view.case: view for view in views if view.index == 4}
    assert sorted(middle) == sorted(STORED)
    assert {view.towards for view in middle.values()} == {
        ("A", "R"), ("P", "L"), ("R", "P"), ("L", "A"),
    }  # fmt: skip
    person = somebody()
    page, pictures, places = person.page, {}, {}
    for case, view in middle.items():
        page.locator("#strip-list button").nth(views.index(view)).click()
        person.is_at(f"{views.index(view) + 1} of 32")
        page.mouse.move(5, 5)
        page.wait_for_timeout(200)
        pictures[case] = page.evaluate("document.querySelector('#picture').toDataURL()")
        sides = {side: page.inner_text(f"#sides .{side}") for side in ("left", "right", "top")}
        assert sides == {"left": "R", "right": "L", "top": "A"}
        box = page.locator("#surface").bounding_box()
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in LINE]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()
        person.save()
        saved = desk.annotation(view.id)
        assert saved is not None
        places[case] = _place(desk, view, saved.mask, one_patient)
    assert len(set(pictures.values())) == 1
    first = places[STORED[0]]
    assert len(first) > 20
    for case in STORED[1:]:
        np.testing.assert_allclose(places[case], first, atol=2e-3)


def test_what_is_to_the_right_of_the_screen_is_the_patients_left(
    somebody: Callable[..., Any], desk: Desk, one_patient: Path
) -> None:
    person = somebody()
    view, middles = person.view, []
    for points in ([(15.5, 20.5)], [(25.5, 20.5)], [(15.5, 30.5)]):
        person.click(*points)
        person.save()
        middles.append(_place(desk, view, desk.annotation(view.id).mask, one_patient).mean(0))  # type: ignore[union-attr]
        person.press("Control+z")
    start, right, below = middles
    assert right[0] < start[0]  # of RAS, the first counts to the patient's right
    assert below[1] < start[1]  # and the second to the front


def test_after_a_reload_the_draft_and_the_mask_stand_where_they_were_drawn(
    somebody: Callable[..., Any],
) -> None:
    person = somebody()
    person.drag([(8.5, 12.5), (20.5, 12.5)])
    person.page.wait_for_timeout(500)

    def marked() -> Any:
        person.page.mouse.move(5, 5)
        person.page.wait_for_timeout(200)
        return person.page.evaluate("document.querySelector('#picture').toDataURL()")

    drawn = marked()
    person.reload()
    assert marked() == drawn
    person.save()
    person.reload()  # the first slice without an answer is shown, not this one
    person.press("ArrowLeft")
    person.is_at("1 of 32")
    assert marked() == drawn
