"""A work order: what is handed out, and what comes back of it."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from tests.hostile.making import nifti

import nextslice as ns
from nextslice.annotators import Oracle
from nextslice.annotators.folder import HandOut, hand_out
from nextslice.annotators.order import CaseFiles, read_order
from nextslice.annotators.order_texts import list_of_slices
from nextslice.annotators.remarks import Remarks, parse_slice
from nextslice.annotators.returned import TakenIn, take_in
from nextslice.data.formats.readers import Volume, read_volume, write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.scans import Scans
from nextslice.errors import AnnotationError, ConflictError, DataError, SettingsError
from nextslice.live import LiveProject
from nextslice.parts import trainer_for, uncertainty_for
from nextslice.project import AnswerKind, SliceState

Create = Callable[..., LiveProject]


@pytest.fixture
def live(create: Create) -> Iterator[LiveProject]:
    """A project at its first query of three slices."""
    with create() as live:
        live.ask()
        yield live


@pytest.fixture
def order(live: LiveProject, tmp_path: Path) -> Path:
    """The folder of its work order."""
    hand_out(live, live.ask(), tmp_path / "order")
    return tmp_path / "order"


def _slices(folder: Path) -> list[ns.SliceId]:
    with (folder / "slices.csv").open() as stream:
        return [ns.SliceId(r["case"], int(r["slice"])) for r in csv.DictReader(stream)]


def _mask(folder: Path, case: str) -> Path:
    return folder / "masks" / f"{case}_mask.nii.gz"


def _draw(folder: Path, name: ns.SliceId, value: int = 1) -> np.ndarray:
    """Draw a square of a class on a slice with SimpleITK, as an editor would."""
    path = _mask(folder, name.case)
    image = sitk.ReadImage(str(path))
    voxels = sitk.GetArrayFromImage(image)
    voxels[name.index, 5:15, 8:20] = value
    edited = sitk.GetImageFromArray(voxels)
    edited.CopyInformation(image)
    sitk.WriteImage(edited, str(path))
    drawn: np.ndarray = voxels[name.index]
    return drawn


def _kept(live: LiveProject, name: ns.SliceId) -> np.ndarray | None:
    row = live.pool.row_of(name)
    answer = live.project.newest_answers([row]).get(row)
    return None if answer is None else live.native_mask(answer)


def _stored(taken: TakenIn) -> set[ns.SliceId]:
    return {name for name, _ in taken.stored}


def _state(live: LiveProject, name: ns.SliceId) -> SliceState:
    return live.project.states()[name]


def _to_next_query(live: LiveProject, folder: Path) -> None:
    for name in _slices(folder):
        _draw(folder, name)
    take_in(live, folder)
    live.train()
    live.ask()


# What is handed out


def test_a_work_order_holds_scans_masks_on_their_grid_a_list_and_words(
    live: LiveProject, order: Path, bare_scans: Path
) -> None:
    query = live.ask()
    assert _slices(order) == [queried.id for queried in query.slices]
    content = json.loads((order / "order.json").read_text())
    assert content["classes"] == {"1": "cortex", "2": "medulla"}
    words = (order / "README.txt").read_text()
    for entry in content["slices"]:
        native = live.native(live.pool.row_of(ns.SliceId(entry["case"], entry["slice"])))
        assert entry["slice_from_1"] == entry["slice"] + 1
        assert entry["position_mm"] == native.position_mm(entry["slice"])
        assert "random" in entry["why"]
        assert entry["case"] in words
    assert "1 is cortex, 2 is medulla" in words
    for case, files in content["cases"].items():
        original = bare_scans / f"{case}.nii.gz"
        assert (order / files["scan"]).read_bytes() == original.read_bytes()
        mask = read_volume(order / files["mask"])
        assert mask.voxels.dtype == np.uint8
        assert not mask.voxels.any()  # there is no model yet that could propose anything
        assert not live.pool.geometry(case).differences(mask.geometry, 1e-6)


def test_masks_hold_the_proposals_on_the_slices_that_are_asked_for_and_nothing_else(
    live: LiveProject, order: Path, tmp_path: Path
) -> None:
    _to_next_query(live, order)
    query = live.ask()
    proposals = live.project.proposals(1)
    assert proposals is not None
    written = hand_out(live, query, tmp_path / "next")
    for case, files in written.order.cases.items():
        voxels = read_volume(tmp_path / "next" / files.mask).voxels
        asked = {q.id.index: q.row for q in query.slices if q.id.case == case}
        for index in range(voxels.shape[2]):
            expected = np.zeros(voxels.shape[:2], np.uint8)
            if index in asked:
                mask = proposals.mask(asked[index])
                assert mask is not None
                expected = live.native(asked[index]).from_pool(mask).T
            assert np.array_equal(voxels[:, :, index], expected)
    assert all(
        f"{s.score:.7g}" in (tmp_path / "next/slices.csv").read_text() for s in query.slices
    )
    assert all("less sure of it than of" in s.why for s in written.order.slices)


def test_asking_again_leaves_a_mask_alone_that_was_drawn_in_and_brings_the_rest_up_to_date(
    live: LiveProject, order: Path
) -> None:
    first, *others = _slices(order)
    _draw(order, first)
    edited = _mask(order, first.case).read_bytes()
    for case in {name.case for name in others} - {first.case}:
        _mask(order, case).unlink()
    again = hand_out(live, live.ask(), order)
    assert again.left_alone == (first.case,)
    assert _mask(order, first.case).read_bytes() == edited
    assert all(_mask(order, name.case).exists() for name in others)
    assert _stored(take_in(live, order)) == {first}  # and it still counts as drawn


def test_a_mask_that_was_saved_again_unchanged_is_not_taken_for_work(
    live: LiveProject, order: Path
) -> None:
    for path in (order / "masks").iterdir():
        image = sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat32)
        sitk.WriteImage(image, str(path))
    assert take_in(live, order).stored == ()
    assert hand_out(live, live.ask(), order).left_alone == ()


def test_answers_given_elsewhere_are_in_the_masks_when_it_is_asked_again(
    live: LiveProject, order: Path, tmp_path: Path
) -> None:
    first, *_ = _slices(order)
    other = tmp_path / "other"
    hand_out(live, live.ask(), other)
    drawn = _draw(other, first, 2)
    take_in(live, other)
    hand_out(live, live.ask(), order)
    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(_mask(order, first.case))))
    assert np.array_equal(voxels[first.index], drawn)
    assert take_in(live, order).stored == ()


def test_a_work_order_that_was_cut_off_is_finished(live: LiveProject, order: Path) -> None:
    first, *_ = _slices(order)
    _draw(order, first)
    for name in ("order.json", "slices.csv", "README.txt"):
        (order / name).unlink()
    assert hand_out(live, live.ask(), order).left_alone == (first.case,)
    assert _stored(take_in(live, order)) == {first}


@pytest.mark.parametrize("suffix", [".nii", ".mhd", ".mha", ".nhdr", ".nrrd"])
def test_every_format_is_handed_out_in_its_own_family_and_taken_back(
    create: Create, bare_scans: Path, tmp_path: Path, suffix: str
) -> None:
    for path in sorted(bare_scans.iterdir())[:2]:
        volume = read_volume(path)
        target = tmp_path / "scans" / path.name.replace(".nii.gz", suffix)
        write_volume(target, volume.voxels, volume.geometry)
    family = {".nii": ".nii.gz", ".mhd": ".mha", ".nhdr": ".nrrd"}.get(suffix, suffix)
    with create(images=tmp_path / "scans") as live:
        written = hand_out(live, live.ask(), tmp_path / "order")
        for case, files in written.order.cases.items():
            assert files.mask == f"masks/{case}_mask{family}"
            scan = read_volume(tmp_path / "order" / files.scan)
            assert not scan.geometry.differences(live.pool.geometry(case), 1e-6)
            original = read_volume(tmp_path / "scans" / f"{case}{suffix}")
            assert np.array_equal(scan.voxels, original.voxels)
        remarks = Remarks(accept_all=True)
        taken = take_in(live, tmp_path / "order", remarks)
        assert len(taken.stored) == 3


def test_scans_are_copies_unless_links_are_asked_for(
    live: LiveProject, order: Path, bare_scans: Path, tmp_path: Path
) -> None:
    hand_out(live, live.ask(), tmp_path / "linked", link=True)
    for path in (order / "scans").iterdir():
        assert not path.samefile(bare_scans / path.name)
        assert (tmp_path / "linked/scans" / path.name).samefile(bare_scans / path.name)


@pytest.mark.promise(
    "What is prepared is what was checked",
    fault="a scan of a work order is changed, with its size as it was; asked again",
)
def test_asking_again_puts_a_scan_right_that_was_changed_in_the_work_order(
    live: LiveProject, order: Path, bare_scans: Path
) -> None:
    for path in (order / "scans").iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    hand_out(live, live.ask(), order)
    for path in (order / "scans").iterdir():
        assert path.read_bytes() == (bare_scans / path.name).read_bytes()


def test_sheared_scans_are_annotated_where_they_are_let_in(
    create: Create, bare_scans: Path, tmp_path: Path
) -> None:
    (tmp_path / "scans").mkdir()
    for path in bare_scans.iterdir():
        image = nib.load(path)
        affine = image.affine.copy()
        affine[1, 2] += 0.3 * affine[2, 2]
        tilted = nib.Nifti1Image(np.asanyarray(image.dataobj), affine)
        tilted.to_filename(tmp_path / "scans" / path.name)
    with pytest.raises(DataError, match="accept_sheared"):
        create("refused", images=tmp_path / "scans")
    asked = ("data.accept_sheared=true",)
    with create(images=tmp_path / "scans", assignments=asked) as live:
        query = live.ask()
        hand_out(live, query, tmp_path / "order")
        case = query.slices[0].id.case
        scan, mask = (
            tmp_path / "order" / p for p in (f"scans/{case}.nii.gz", _mask(Path(), case))
        )
        np.testing.assert_allclose(nib.load(scan).affine, nib.load(mask).affine, atol=1e-5)
        drawn = np.asanyarray(nib.load(mask).dataobj).copy()
        drawn[8:20, 5:15, query.slices[0].id.index] = 1
        nib.Nifti1Image(drawn, nib.load(mask).affine).to_filename(mask)
        taken = take_in(live, tmp_path / "order")
        assert query.slices[0].id in _stored(taken)


@pytest.mark.promise(
    "What is prepared is what was checked",
    fault="a scan is exchanged or becomes a link before its work order is written",
)
@pytest.mark.parametrize("link", [False, True])
def test_a_scan_that_was_exchanged_is_not_handed_out(
    create: Create,
    bare_scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    link: bool,
) -> None:
    scans = tmp_path / "scans"
    shutil.copytree(bare_scans, scans)
    stored = Scans.stored

    def exchanged(self: Scans, case: str, grid: Geometry) -> Volume:
        """Between the moment when the gate judges a scan and the one when it is copied."""
        volume = stored(self, case, grid)
        content = self.path(case).read_bytes()
        self.path(case).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        return volume

    with create(images=scans) as live:
        query = live.ask()
        with monkeypatch.context() as patch:
            patch.setattr(Scans, "stored", exchanged)
            with pytest.raises(DataError, match="a moment ago"):
                hand_out(live, query, tmp_path / "order", link=link)
        with pytest.raises(DataError, match="damaged"):
            hand_out(live, query, tmp_path / "order", link=link)
        for path in sorted(scans.iterdir()):
            moved = path.rename(tmp_path / path.name)
            shutil.copy(bare_scans / path.name, moved)
            path.symlink_to(moved)
        with pytest.raises(DataError, match="by a link"):
            hand_out(live, query, tmp_path / "order", link=link)
        assert list((tmp_path / "order").rglob("*.nii.gz")) == []


def test_other_folders_are_not_written_into(
    live: LiveProject, order: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(AnnotationError, match="holds other files"):
        hand_out(live, live.ask(), tmp_path / "full")
    (tmp_path / "file").touch()
    with pytest.raises(AnnotationError, match="got the file"):
        hand_out(live, live.ask(), tmp_path / "file")
    _to_next_query(live, order)
    with pytest.raises(AnnotationError, match="one of cycle 0"):
        hand_out(live, live.ask(), order)


# What comes back


def test_what_was_drawn_is_stored_exactly_and_what_was_not_stays_open(
    live: LiveProject, order: Path
) -> None:
    first, second, third = _slices(order)
    drawn = {name: _draw(order, name, value) for name, value in ((first, 1), (second, 2))}
    taken = take_in(live, order, annotator="Ada", seconds=30)
    assert _stored(taken) == {first, second}
    for name, mask in drawn.items():
        assert np.array_equal(_kept(live, name), mask)  # type: ignore[arg-type]
    assert taken.open == (third,)
    assert _state(live, third) is SliceState.QUERIED
    assert {(a.annotator, a.seconds) for _, a in taken.stored} == {("Ada", 15.0)}
    assert take_in(live, order).stored == ()  # told again, nothing is new


def test_a_tell_that_was_cut_off_after_storing_is_done_again_without_new_versions(
    live: LiveProject, order: Path
) -> None:
    first, *_ = _slices(order)
    _draw(order, first)
    before = (order / "order.json").read_bytes()
    take_in(live, order)
    (order / "order.json").write_bytes(before)
    assert take_in(live, order).stored == ()
    _draw(order, first, 2)
    [(_, answer)] = take_in(live, order).stored
    assert answer.version == 2


def test_whoever_agrees_with_a_mask_as_it_is_says_so(
    live: LiveProject, order: Path, tmp_path: Path
) -> None:
    _to_next_query(live, order)
    proposals = live.project.proposals(1)
    assert proposals is not None
    hand_out(live, live.ask(), tmp_path / "next")
    first, second, third = _slices(tmp_path / "next")
    taken = take_in(live, tmp_path / "next")
    assert (taken.stored, taken.open) == ((), (first, second, third))
    remarks = Remarks(accept=[str(first)])
    [(name, answer)] = take_in(live, tmp_path / "next", remarks).stored
    assert (name, answer.agreement) == (first, 1.0)
    proposed = proposals.mask(answer.row)
    assert proposed is not None
    native = live.native(answer.row).from_pool(proposed)
    assert np.array_equal(_kept(live, first), native)  # type: ignore[arg-type]
    assert _stored(take_in(live, tmp_path / "next", Remarks(accept=[second.case]))) >= {second}
    take_in(live, tmp_path / "next", Remarks(accept_all=True))
    assert _state(live, third) is SliceState.LABELLED


def test_a_correction_is_a_new_version_also_after_the_cycle(
    live: LiveProject, order: Path
) -> None:
    first, *_ = _slices(order)
    _to_next_query(live, order)
    before = _kept(live, first)
    after = _draw(order, first, 2)
    [(name, answer)] = take_in(live, order).stored
    assert (name, answer.version) == (first, 2)
    assert np.array_equal(_kept(live, first), after)  # type: ignore[arg-type]
    old, _ = live.project.versions(answer.row)
    assert np.array_equal(live.native_mask(old), before)  # type: ignore[arg-type]
    assert live.project.answers_since(0) == 1  # a reason to train again


def test_skips_and_withdrawals_are_told_by_name_and_old_versions_stay(
    live: LiveProject, order: Path
) -> None:
    first, second, third = _slices(order)
    _draw(order, first)
    _draw(order, second)
    remarks = Remarks(skip=[second, third], reason="motion")
    taken = take_in(live, order, remarks)
    assert {(n, a.kind, a.reason) for n, a in taken.stored} == {
        (first, AnswerKind.MASK, None),
        (second, AnswerKind.SKIP, "motion"),
        (third, AnswerKind.SKIP, "motion"),
    }
    assert take_in(live, order).stored == ()  # what was drawn on a skipped slice is not taken
    assert take_in(live, order, Remarks(accept_all=True)).stored == ()
    [(name, answer)] = take_in(live, order, Remarks(withdraw=[first])).stored
    assert (name, answer.version, _state(live, first)) == (first, 2, SliceState.QUERIED)
    assert take_in(live, order).open == (first,)
    [(_, answer)] = take_in(live, order, Remarks(accept=[str(first)])).stored
    assert answer.version == 3
    [(_, answer)] = take_in(live, None, Remarks(withdraw=[second])).stored
    assert answer.kind is AnswerKind.WITHDRAWN


@pytest.mark.parametrize(
    ("remarks", "message"),
    [
        ({"skip": [0]}, "reason"),
        ({"skip": [0], "reason": " "}, "reason in 1 to 500"),
        ({"skip": [0], "withdraw": [0], "reason": "x"}, "got both"),
        ({"withdraw": [0]}, "has none"),
        ({"accept": ["phantom_000:99"]}, "of this work order to accept"),
        ({"accept": ["phantom_00"]}, "CASE:SLICE"),
    ],
)
def test_wrong_words_about_slices_are_told_and_nothing_is_stored(
    live: LiveProject, order: Path, remarks: dict[str, Any], message: str
) -> None:
    names = _slices(order)
    _draw(order, names[0])
    filled: dict[str, Any] = {
        key: [names[e] if isinstance(e, int) else e for e in value]
        if isinstance(value, list)
        else value
        for key, value in remarks.items()
    }
    with pytest.raises(AnnotationError, match=message):
        take_in(live, order, Remarks(**filled))
    assert live.project.newest_answers() == {}


def test_slices_that_were_never_asked_for_cannot_be_answered(
    live: LiveProject, order: Path
) -> None:
    asked = _slices(order)
    ids = (live.pool.slice_id(row) for row in range(len(live.pool)))
    other = next(name for name in ids if name not in asked)
    with pytest.raises(AnnotationError, match="never was"):
        take_in(live, order, Remarks(skip=[other], reason="x"))
    with pytest.raises(SettingsError, match="no case"):
        take_in(live, order, Remarks(withdraw=[ns.SliceId("nobody", 0)]))
    _draw(
        order, ns.SliceId(asked[0].case, other.index) if other.case != asked[0].case else other
    )
    taken = take_in(live, order)
    assert set(taken.stray) <= {asked[0].case}
    assert _stored(taken) <= set(asked)


def test_only_slices_that_were_asked_for_count(live: LiveProject, order: Path) -> None:
    first, *_ = asked = _slices(order)
    stray = next(i for i in range(8) if ns.SliceId(first.case, i) not in asked)
    _draw(order, first)
    _draw(order, ns.SliceId(first.case, stray))
    taken = take_in(live, order)
    assert _stored(taken) == {first}
    assert taken.stray == {first.case: (stray,)}
    assert live.project.n_labelled() == 1


def _shift(path: Path) -> None:
    image = sitk.ReadImage(str(path))
    image.SetOrigin([c + 1 for c in image.GetOrigin()])
    sitk.WriteImage(image, str(path))


def _turn(path: Path) -> None:
    image = sitk.ReadImage(str(path))
    image.SetDirection([-1, 0, 0, 0, 1, 0, 0, 0, 1])
    sitk.WriteImage(image, str(path))


def _crop(path: Path) -> None:
    sitk.WriteImage(sitk.ReadImage(str(path))[1:, :, :], str(path))


def _stretch(path: Path) -> None:
    image = sitk.ReadImage(str(path))
    image.SetSpacing([2 * s for s in image.GetSpacing()])
    sitk.WriteImage(image, str(path))


def _undeclared(path: Path) -> None:
    sitk.WriteImage(sitk.ReadImage(str(path)) + 3, str(path))


def _smooth(path: Path) -> None:
    image = sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat32)
    sitk.WriteImage(image + 0.5, str(path))


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _foreign(path: Path) -> None:
    shutil.copy(path, path.with_name("somebody_else_mask.nii.gz"))


def _of_slicer(path: Path) -> None:
    name = path.name.replace(".nii.gz", ".seg.nrrd")
    sitk.WriteImage(sitk.ReadImage(str(path)), str(path.with_name(name)))


def _swell(path: Path) -> None:
    path.write_bytes(gzip.compress(nifti(dim=(3, 600, 600, 600, 1, 1, 1, 1))))


def _leave(path: Path) -> None:
    outside = path.parents[2] / "outside.nii.gz"
    path.rename(outside)
    path.symlink_to(outside)


@pytest.mark.promise(
    "A file made to do harm ends a process of its own; the rest goes on",
    fault="a mask that comes back: one that swells, one that leads out of its folder",
)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_swell, "134,217,728 bytes of voxels at most"),
        (_leave, "is a link. Nothing was stored"),
    ],
)
def test_masks_that_come_back_are_read_under_the_limits_of_scans(
    live: LiveProject,
    order: Path,
    spoil: Callable[[Path], None],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEXTSLICE_SCAN_GB", "0.5")
    names = _slices(order)
    for name in names:
        _draw(order, name)
    spoil(_mask(order, names[-1].case))
    with pytest.raises(AnnotationError, match=message):
        take_in(live, order)
    assert live.project.newest_answers() == {}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_shift, "origin"),
        (_turn, "direction"),
        (_crop, "shape"),
        (_stretch, "spacing"),
        (_undeclared, "not declared: 3"),
        (_smooth, "not whole numbers: 0.5"),
        (_cut_off, "cut short|damaged|not whole|ends"),
        (_foreign, "somebody_else_mask.nii.gz: it belongs to no case"),
        (_of_slicer, "_mask.seg.nrrd: a segmentation of 3D Slicer"),
    ],
)
def test_one_mask_that_cannot_be_used_is_named_and_nothing_is_stored(
    live: LiveProject, order: Path, spoil: Callable[[Path], None], message: str
) -> None:
    names = _slices(order)
    for name in names:
        _draw(order, name)
    spoil(_mask(order, names[-1].case))
    with pytest.raises(AnnotationError, match="nothing was stored") as told:
        take_in(live, order)
    assert told.match(message)
    if spoil is not _foreign:
        assert told.match(names[-1].case)
    assert live.project.newest_answers() == {}


def test_an_editor_may_save_in_another_format_beside_the_file_it_was_given(
    live: LiveProject, order: Path
) -> None:
    first, *_ = _slices(order)
    path = _mask(order, first.case)
    untouched = path.read_bytes()
    drawn = _draw(order, first)
    sitk.WriteImage(sitk.ReadImage(str(path)), str(path.with_name(f"{first.case}.nrrd")))
    with pytest.raises(AnnotationError, match="Keep one"):
        take_in(live, order)
    path.write_bytes(untouched)
    assert _stored(take_in(live, order)) == {first}
    assert np.array_equal(_kept(live, first), drawn)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_masks_of_editors_that_save_through_nibabel_come_back_exactly(
    live: LiveProject, order: Path, kind: type[np.generic]
) -> None:
    first, *_ = _slices(order)
    path = _mask(order, first.case)
    handed_out = nib.load(path)
    voxels = np.asarray(handed_out.dataobj).astype(kind)
    voxels[4:20, 6:9, first.index] = 2
    nib.save(nib.Nifti1Image(voxels, handed_out.affine), path)
    assert _stored(take_in(live, order)) == {first}
    kept = _kept(live, first)
    assert kept is not None
    assert np.array_equal(kept, voxels[:, :, first.index].T)


def test_cases_may_be_called_as_the_masks_of_others(
    create: Create, bare_scans: Path, tmp_path: Path
) -> None:
    (tmp_path / "scans").mkdir()
    for path, case in zip(sorted(bare_scans.iterdir()), ("a", "a_mask"), strict=False):
        shutil.copy(path, tmp_path / "scans" / f"{case}.nii.gz")
    with create(images=tmp_path / "scans", assignments=["initial=16"]) as live:
        hand_out(live, live.ask(), tmp_path / "order")
        names = [ns.SliceId("a", 1), ns.SliceId("a_mask", 2)]
        drawn = {name: _draw(tmp_path / "order", name) for name in names}
        assert _stored(take_in(live, tmp_path / "order")) == set(names)
        for name, mask in drawn.items():
            assert np.array_equal(_kept(live, name), mask)  # type: ignore[arg-type]


def test_a_part_of_the_masks_may_come_back_first(live: LiveProject, order: Path) -> None:
    names = _slices(order)
    for name in names:
        _draw(order, name)
    away = _mask(order, names[0].case)
    content = away.read_bytes()
    away.unlink()
    taken = take_in(live, order)
    assert taken.missing == (names[0].case,)
    assert names[0] in taken.open
    with pytest.raises(AnnotationError, match="no file of it"):
        take_in(live, order, Remarks(accept=[str(names[0])]))
    away.write_bytes(content)
    assert names[0] in _stored(take_in(live, order))


def test_what_somebody_else_answered_meanwhile_is_not_replaced_unawares(
    live: LiveProject, order: Path, tmp_path: Path
) -> None:
    first, second, _ = _slices(order)
    hand_out(live, live.ask(), tmp_path / "of_ben")
    theirs = _draw(tmp_path / "of_ben", first, 2)
    take_in(live, tmp_path / "of_ben", annotator="Ben")
    _draw(order, second)
    take_in(live, order, annotator="Ada")  # first is as it was handed out: Ben's stays
    assert np.array_equal(_kept(live, first), theirs)  # type: ignore[arg-type]
    mine = _draw(order, first, 1)
    with pytest.raises(ConflictError, match="by Ben"):
        take_in(live, order, annotator="Ada")
    assert np.array_equal(_kept(live, first), theirs)  # type: ignore[arg-type]
    taken = take_in(live, order, Remarks(replace=True), annotator="Ada")
    assert [(n, a.version, a.conflicting) for n, a in taken.stored] == [(first, 2, False)]
    assert np.array_equal(_kept(live, first), mine)  # type: ignore[arg-type]


def test_folders_of_other_projects_and_damaged_ones_are_told(
    live: LiveProject, order: Path, create: Create, tmp_path: Path
) -> None:
    with create("twin") as twin:  # same scans, same seed, same query
        assert twin.ask() == live.ask()
        with pytest.raises(AnnotationError, match="another project's"):
            take_in(twin, order)
    with pytest.raises(AnnotationError, match="no folder"):
        take_in(live, tmp_path / "nowhere")
    with pytest.raises(AnnotationError, match="no such file"):
        take_in(live, tmp_path)
    content = json.loads((order / "order.json").read_text())
    for wrong in ("{", "[]", json.dumps(content | {"format": 2}), json.dumps({"format": 1})):
        (order / "order.json").write_text(wrong)
        with pytest.raises(AnnotationError, match="cannot be used"):
            take_in(live, order)
    content["slices"][0]["slice"] += 1
    (order / "order.json").write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match="another project's"):
        take_in(live, order)


FROM_AFAR = pytest.mark.promise(
    "A work order that comes back reads and writes nothing but its own files.",
    fault="links and pipes in the place of its parts; an order.json without end or bottom",
)


def _elsewhere(path: Path, away: Path) -> None:
    path.rename(away)
    path.symlink_to(away)


def _in_a_circle(path: Path, away: Path) -> None:
    _elsewhere(path, away)
    path.unlink()
    path.symlink_to(path)


def _nowhere(path: Path, away: Path) -> None:
    _elsewhere(path, away)
    away.rename(away.with_suffix(".gone"))


def _pipe(path: Path, _: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@FROM_AFAR
@pytest.mark.skipif(os.name == "nt", reason="links need rights there, and there are no pipes")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("order.json", _elsewhere),
        ("order.json", _in_a_circle),
        ("order.json", _nowhere),
        ("order.json", _pipe),
        ("masks", _elsewhere),
        ("masks/*", _elsewhere),
        ("masks/*", _in_a_circle),
        ("masks/*", _nowhere),
        ("masks/*", _pipe),
        ("scans", _elsewhere),
        ("scans/*", _elsewhere),
        ("slices.csv", _elsewhere),
        ("README.txt", _nowhere),
    ],
)
def test_what_leads_out_of_a_work_order_is_refused_by_name(
    live: LiveProject,
    order: Path,
    tmp_path: Path,
    name: str,
    change: Callable[[Path, Path], None],
) -> None:
    first = _slices(order)[0]
    _draw(order, first)
    path = sorted(order.glob(name))[0]
    away = tmp_path / "away"
    change(path, away)
    before = away.read_bytes() if away.is_file() else None
    if not name.startswith(("scans", "slices", "README")):  # nothing is told by those
        with pytest.raises(AnnotationError, match=path.name):
            take_in(live, order)
        assert _state(live, first) is SliceState.QUERIED
    with pytest.raises(AnnotationError, match=path.name):
        hand_out(live, live.ask(), order)
    assert (away.read_bytes() if away.is_file() else None) == before


@FROM_AFAR
def test_an_order_without_an_end_or_a_bottom_is_damaged(live: LiveProject, order: Path) -> None:
    path = order / "order.json"
    whole = path.read_text()
    for wrong in ("[" * 200_000, '{"format": 1, "x": ' * 100_000, whole + " " * 2**24):
        path.write_text(wrong)
        with pytest.raises(AnnotationError, match="cannot be used"):
            take_in(live, order)
    with path.open("wb") as stream:
        stream.truncate(2**40)  # no byte of it is on the disk
    with pytest.raises(AnnotationError, match="more than"):
        take_in(live, order)
    path.write_text(whole + " " * 1000)
    assert take_in(live, order).stored == ()


def test_names_are_no_formulas_in_the_list_of_slices(live: LiveProject, order: Path) -> None:
    known = read_order(order)
    for name in ("=HYPERLINK(1)", "+1", "-2+3", "@SUM(A1)", "\uff1d1", " =1"):
        files = CaseFiles(scan=f"{name}.nii", mask=f"{name}_mask.nii")
        asked = replace(known.slices[0], case=name, why=name, position_mm=-1.5)
        listed = list_of_slices(replace(known, slices=(asked,), cases={name: files}))
        [row] = csv.DictReader(listed.splitlines())
        assert {row["case"], row["why"]} == {f"'{name}"}
        assert row["scan"] == f"'{name}.nii"
        assert row["position_mm"] == "-1.50"


def test_slices_are_written_case_colon_index() -> None:
    assert parse_slice("a:b:12") == ns.SliceId("a:b", 12)
    assert str(ns.SliceId("a", 3)) == "a:3"
    for wrong in ("a", "a:", ":3", "a:-1", "a:x", "a:1.5"):
        with pytest.raises(AnnotationError, match="CASE:SLICE"):
            parse_slice(wrong)


def test_an_expert_over_files_gets_the_simulation_query_for_query(
    create: Create, labelled_scans: Path, tmp_path: Path
) -> None:
    pool = ns.SlicePool.from_folder(labelled_scans, size=(40, 40))
    with create() as live:
        config = live.config
        for cycle in range(2):
            folder = tmp_path / f"order-{cycle}"
            _draw_labels(hand_out(live, live.ask(), folder), folder, labelled_scans)
            taken = take_in(live, folder, Remarks(accept_all=True))  # empty slices
            assert len(taken.stored) == 3
            live.train()
        live.ask()
    learner = ns.ActiveLearner(
        pool,
        trainer=trainer_for(config, pool),
        uncertainty=uncertainty_for(config.uncertainty),
        selection=ns.StochasticBatches(),
        project=tmp_path / "run",
        seed=config.seed,
    )
    with learner:
        for _ in range(2):
            query = learner.ask(budget=3)
            learner.tell(query, Oracle(pool).label(query))
            learner.fit()
            learner.record()
        learner.ask(budget=3)
    expected = (tmp_path / "run/queries.csv").read_text()
    assert (tmp_path / "project/queries.csv").read_text() == expected


def _draw_labels(written: HandOut, folder: Path, labelled: Path) -> None:
    """Copy the data set's labels into the masks: all slices, for only those asked count."""
    for case, files in written.order.cases.items():
        label = sitk.ReadImage(str(labelled / "labelsTr" / f"{case}.nii.gz"))
        sitk.WriteImage(label, str(folder / files.mask))


@pytest.mark.real_data
def test_masks_drawn_on_oblique_scans_come_back_exactly(
    create: Create, prostate: Path, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    for case in ("Case00", "Case04"):
        shutil.copy(prostate / "imagesTr" / f"{case}.nii.gz", tmp_path / "images")
    project = create(
        images=tmp_path / "images",
        labels="PZ,CG",
        assignments=["initial=12", "data.spacing=1.0", "data.size=[72, 72]"],
    )
    with project as live:
        query = live.ask()
        folder = tmp_path / "order"
        written = hand_out(live, query, folder)
        assert max(abs(d) for d in live.pool.geometry("Case00").direction[1:3]) > 0  # oblique
        _draw_labels(written, folder, prostate)
        take_in(live, folder, Remarks(accept_all=True))
        for queried in query.slices:
            label = sitk.ReadImage(str(prostate / "labelsTr" / f"{queried.id.case}.nii.gz"))
            drawn = sitk.GetArrayFromImage(label)[queried.id.index]
            assert np.array_equal(_kept(live, queried.id), drawn)  # type: ignore[arg-type]
