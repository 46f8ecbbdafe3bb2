"""What the desk promises to those who annotate."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.scripted import assert_equal_runs, run_simulation

import nextslice as ns
from nextslice.annotators import Desk
from nextslice.errors import AnnotationError, ConflictError, ProjectError, SettingsError
from nextslice.live import LiveProject
from nextslice.project import AnswerKind, SliceState

from .conftest import Expert

Create = Callable[..., LiveProject]


def _finish(desk: Desk) -> None:
    desk.finish_query()
    assert desk.wait(60)
    assert desk.overview().error == ""


def test_an_expert_who_draws_the_labels_gets_the_simulation_query_for_query(
    create: Create, expert: Expert, tmp_path: Path
) -> None:
    with Desk(create()) as desk:
        config = desk._live.config
        for _ in range(3):
            expert.answer(desk)
            _finish(desk)
    run = run_simulation(config, expert.pool, tmp_path / "run", cycles=3)
    assert_equal_runs(tmp_path / "project", run, cycles=3)


def test_a_mask_comes_back_exactly_as_it_was_drawn(desk: Desk, create: Create) -> None:
    view = desk.overview().slices[0]
    drawn = np.random.default_rng(0).integers(0, 3, view.shape, dtype=np.uint8)
    assert drawn.shape != desk._pool.size  # so that some of it lies outside the pool's window
    saved = desk.save(view.id, drawn, annotator="Ada", base_version=0, key="k", seconds=7.5)
    assert (saved.version, saved.state, saved.agreement) == (1, SliceState.LABELLED, None)
    kept = desk.annotation(view.id)
    assert kept is not None
    assert np.array_equal(kept.mask, drawn)
    assert (kept.version, kept.annotator) == (1, "Ada")
    row = desk._row(view.id)
    _, [trained_on] = desk._project.labelled()
    assert np.array_equal(trained_on, desk._live.native(row).to_pool(drawn))


def test_versions_are_only_added_and_the_newest_counts(desk: Desk) -> None:
    view = desk.overview().slices[0]
    for version in range(3):
        mask = np.full(view.shape, version, np.uint8)
        desk.save(view.id, mask, annotator="Ada", base_version=version, key=f"{version}")
    newest = desk.annotation(view.id)
    assert newest is not None
    assert (newest.version, newest.mask.max()) == (3, 2)
    for version in (1, 2, 3):
        kept = desk.annotation(view.id, version)
        assert kept is not None
        assert kept.mask.max() == version - 1
    assert desk.annotation(view.id, 4) is None


def test_the_same_key_is_one_version_whenever_it_is_sent_again(desk: Desk) -> None:
    view = desk.overview().slices[0]
    mask = np.zeros(view.shape, np.uint8)
    first = desk.save(view.id, mask, annotator="Ada", base_version=0, key="once")
    desk.save(view.id, mask + 1, annotator="Ada", base_version=1, key="another")
    assert desk.save(view.id, mask, annotator="Ada", base_version=0, key="once") == first
    newest = desk.annotation(view.id)
    assert newest is not None
    assert newest.version == 2
    with pytest.raises(AnnotationError, match="new key"):
        desk.save(view.id, mask + 2, annotator="Ada", base_version=2, key="once")
    assert len(desk._project.versions(desk._row(view.id))) == 2


def test_a_save_on_an_old_version_conflicts_and_both_are_kept(desk: Desk) -> None:
    view = desk.overview().slices[0]
    mask = np.ones(view.shape, np.uint8)
    desk.save(view.id, mask, annotator="Ada", base_version=0, key="a")
    for _ in range(2):  # sent again, it is told again and still one version
        with pytest.raises(ConflictError, match="Ada answered meanwhile") as caught:
            desk.save(view.id, mask * 2, annotator="Ben", base_version=0, key="b")
        assert (caught.value.annotator, caught.value.version) == ("Ada", 1)
    theirs, mine = desk.annotation(view.id), desk.annotation(view.id, 2)
    assert theirs is not None
    assert mine is not None
    assert (theirs.version, theirs.mask.max(), theirs.conflicting) == (1, 1, False)
    assert (mine.annotator, mine.mask.max(), mine.conflicting) == ("Ben", 2, True)
    _, [trained_on] = desk._project.labelled()
    assert trained_on.max() == 1
    saved = desk.save(view.id, mask * 2, annotator="Ben", base_version=1, key="c")
    assert saved.version == 3
    assert desk.overview().slices[0].version == 3
    with pytest.raises(ConflictError):
        desk.skip(view.id, reason="late", annotator="Ada", base_version=1, key="d")
    with pytest.raises(ConflictError):
        desk.withdraw(view.id, annotator="Ada", base_version=1, key="e")
    assert desk.overview().slices[0].state is SliceState.LABELLED


def test_a_skipped_slice_is_not_trained_on_and_never_asked_again(
    create: Create, expert: Expert
) -> None:
    with Desk(create(assignments=["budget=100"])) as desk:
        first, *others = desk.overview().slices
        expert.save(desk, first)
        desk.skip(first.id, reason="motion", annotator="Ada", base_version=1, key="s")
        for view in others:
            expert.save(desk, view)
        assert desk.overview().slices[0].state is SliceState.SKIPPED
        assert desk.annotation(first.id) is None
        assert desk.overview().labelled == len(others)
        _finish(desk)
        asked = desk.overview().slices
        assert len(asked) == len(desk._pool) - len(others) - 1
        assert first.id not in {view.id for view in asked}
        before = desk.overview().history[0]
        assert (before.answered, before.skipped, before.labelled) == (2, 1, 2)
        assert before.seconds == 6.0  # of the answer that was skipped afterwards, too


def test_a_withdrawn_answer_is_queried_again_and_its_versions_stay(
    desk: Desk, expert: Expert
) -> None:
    view = desk.overview().slices[0]
    with pytest.raises(AnnotationError, match="answer to withdraw"):
        desk.withdraw(view.id, annotator="Ada", base_version=0, key="w0")
    expert.save(desk, view)
    saved = desk.withdraw(view.id, annotator="Ada", base_version=1, key="w1")
    assert (saved.version, saved.state) == (2, SliceState.QUERIED)
    assert desk.annotation(view.id) is None
    assert desk.annotation(view.id, 1) is not None
    assert desk.overview().labelled == 0
    with pytest.raises(AnnotationError, match="labelled slice to learn from"):
        desk.finish_query()


def test_a_query_without_answers_is_not_finished(desk: Desk) -> None:
    with pytest.raises(AnnotationError, match="no new ones"):
        desk.finish_query()
    assert desk.overview().phase == "annotating"


def test_slices_left_open_may_be_asked_for_again_and_still_be_answered(
    create: Create, expert: Expert
) -> None:
    with Desk(create(assignments=["budget=100"])) as desk:
        answered, *left = desk.overview().slices
        expert.save(desk, answered)
        _finish(desk)
        with pytest.raises(AnnotationError, match="no new ones"):
            desk.finish_query()  # once more: by now the next query is open
        asked = {view.id for view in desk.overview().slices}
        assert {view.id for view in left} < asked
        assert answered.id not in asked
        expert.save(desk, left[0])
        assert desk.overview().labelled == 2


def test_a_correction_counts_for_the_next_training_and_not_for_the_one_before(
    create: Create, expert: Expert
) -> None:
    with Desk(create()) as desk:
        expert.answer(desk)
        first = desk.overview().slices[0]
        _finish(desk)
        before, masks = desk._project.labelled(through=0)
        wrong = np.full(first.shape, 2, np.uint8)
        desk.save(first.id, wrong, annotator="Ada", base_version=1, key="corrected")
        rows, unchanged = desk._project.labelled(through=0)
        assert rows.tolist() == before.tolist()
        assert np.array_equal(np.stack(unchanged), np.stack(masks))
        place = rows.tolist().index(desk._row(first.id))
        assert (desk._project.labelled()[1][place] == 2).mean() > 0.8
        _finish(desk)  # a correction alone is a reason to train


def test_what_is_saved_while_a_training_runs_counts_for_the_next(
    create: Create, expert: Expert, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, fit = threading.Event(), ns.Trainer.fit

    def fit_later(*arguments: Any, **keywords: Any) -> ns.SegmentationModel:
        assert saved.wait(60)
        return fit(*arguments, **keywords)

    monkeypatch.setattr(ns.Trainer, "fit", fit_later)
    with Desk(create()) as desk:
        first, second, third = desk.overview().slices
        expert.save(desk, first)
        desk.finish_query()
        expert.save(desk, second)
        during = desk.overview()
        assert during.phase == "training"
        assert during.slices[1].state is SliceState.LABELLED
        desk.finish_query(cycle=0)  # somebody else presses the button, too
        with pytest.raises(AnnotationError, match="got that of cycle 1"):
            desk.finish_query(cycle=1)
        saved.set()
        assert desk.wait(60)
        assert [view.labelled for view in desk.overview().history] == [1, 2]
        rows, _ = desk._project.labelled(through=0)
        assert rows.tolist() == [desk._row(first.id)]
        assert third.version == 0
        for cycle, why in ((0, "finished it already"), (2, "")):
            with pytest.raises(AnnotationError, match="end of cycle 1, whose query") as raised:
                desk.finish_query(cycle=cycle)
            assert why in raised.value.cause
        assert desk.overview().phase == "annotating"


def test_progress_tells_the_epoch_the_loss_and_the_time_left(
    create: Create, expert: Expert
) -> None:
    settings = ["training.steps=150", "training.steps_per_epoch=25"]
    with Desk(create(assignments=settings)) as desk:
        expert.answer(desk)
        desk.finish_query()
        seen = []
        while not desk.wait(0.02):
            if (progress := desk.overview().progress) is not None:
                seen.append(progress)
        training = [p for p in seen if p.stage == "train" and p.step]
        assert training
        assert all(p.epochs == 6 and p.steps == 150 for p in training)
        assert all(p.epoch == -(-p.step // 25) for p in training)
        assert all(p.loss is not None and p.seconds_left is not None for p in training)
        assert desk.overview().progress is None


def test_threads_that_save_at_once_lose_nothing(create: Create) -> None:
    with Desk(create(assignments=["initial=8"])) as desk:
        views = desk.overview().slices
        failures: list[Exception] = []

        def annotate(number: int) -> None:
            for view in views:
                mask, key = np.full(view.shape, number % 3, np.uint8), f"{number}-{view.id}"
                try:
                    desk.save(view.id, mask, annotator=f"A{number}", base_version=0, key=key)
                except ConflictError:
                    continue
                except Exception as error:
                    failures.append(error)

        people = [threading.Thread(target=annotate, args=(n,)) for n in range(6)]
        for person in people:
            person.start()
        for person in people:
            person.join()
        assert failures == []
        for view in desk.overview().slices:
            kept = [desk.annotation(view.id, version) for version in range(1, 7)]
            assert sorted(a.annotator for a in kept if a) == [f"A{n}" for n in range(6)]
            assert [a.conflicting for a in kept if a] == [False] + [True] * 5
            assert all((a.mask == int(a.annotator[1]) % 3).all() for a in kept if a)


def test_a_save_does_not_wait_for_a_picture_that_is_made(
    desk: Desk, expert: Expert, monkeypatch: pytest.MonkeyPatch
) -> None:
    expert.answer(desk)
    _finish(desk)  # from here on a save is held against a proposal
    begun, go_on = threading.Event(), threading.Event()

    def slowly(_: np.ndarray) -> tuple[float, float]:
        begun.set()
        assert go_on.wait(60)
        return 0.0, 1.0

    monkeypatch.setattr("nextslice.annotators.pictures.intensity_limits", slowly)
    first, *_ = desk.overview().slices
    with ThreadPoolExecutor(3) as threads:
        looking = threads.submit(desk.image, first.id)
        assert begun.wait(60)
        too = threads.submit(desk.image, first.id)  # the same scan: this one may wait
        try:
            threads.submit(expert.save, desk, first).result(timeout=30)
        finally:
            go_on.set()
        assert looking.result(60).high == too.result(60).high == 1.0
    assert desk.overview().slices[0].version == 1


def test_several_masks_are_told_all_or_none(desk: Desk, expert: Expert) -> None:
    views = desk.overview().slices
    masks = {view.id: expert.draw(view) for view in views}
    bad = masks | {views[2].id: np.full(views[2].shape, 9, np.uint8)}
    with pytest.raises(AnnotationError, match="class numbers 0 to 2"):
        desk.tell(bad, annotator="Ada")
    never = desk.id_of(_never_asked(desk))
    with pytest.raises(AnnotationError, match="never asked for"):
        desk.tell(masks | {never: np.zeros(views[0].shape, np.uint8)}, annotator="Ada")
    assert desk.overview().labelled == 0
    told = desk.tell(masks, annotator="Ada", seconds=30)
    assert {saved.version for saved in told.values()} == {1}
    assert desk.tell(masks, annotator="Ada") == told  # equal masks change nothing
    assert desk.overview().history[0].seconds == pytest.approx(30)


def _never_asked(desk: Desk) -> ns.SliceId:
    asked = {(view.case, view.index) for view in desk.overview().slices}
    names = (desk._pool.slice_id(row) for row in range(len(desk._pool)))
    first = desk.overview().slices[0].shape
    return next(
        n
        for n in names
        if (n.case, n.index) not in asked
        and desk._live.native(desk._pool.row_of(n)).shape == first
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": np.zeros((3, 3), np.uint8)}, "shape"),
        ({"mask": 0.5}, "class numbers"),
        ({"annotator": "  "}, "annotator in 1 to 100"),
        ({"annotator": "A\x00"}, "printable"),
        ({"key": ""}, "key in 1 to 200"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"slice_id": "../../etc/passwd"}, "id of a slice"),
    ],
)
def test_an_answer_that_cannot_be_used_leaves_nothing(
    desk: Desk, change: dict[str, object], message: str
) -> None:
    view = desk.overview().slices[0]
    mask = np.zeros(view.shape, np.uint8)
    if isinstance(fraction := change.get("mask"), float):
        change = {"mask": mask + fraction}
    given = {"slice_id": view.id, "mask": mask, "annotator": "Ada", "base_version": 0}
    given |= {"key": "k", "seconds": 1.0} | change
    with pytest.raises(AnnotationError, match=message):
        desk.save(**given)  # type: ignore[arg-type]
    assert desk.overview().slices[0].version == 0
    assert desk._project.versions(desk._row(view.id)) == ()


def test_proposals_and_uncertainties_come_with_a_query_of_a_model(
    create: Create, expert: Expert
) -> None:
    with Desk(create()) as desk:
        view = desk.overview().slices[0]
        assert desk.proposal(view.id) is None
        assert desk.uncertainty(view.id) is None
        expert.answer(desk)
        _finish(desk)
        model = desk._live.learner.model
        for view in desk.overview().slices:
            row = desk._row(view.id)
            proposal, map_ = desk.proposal(view.id), desk.uncertainty(view.id)
            assert proposal is not None
            assert map_ is not None
            assert proposal.mask.shape == map_.pixels.shape == view.shape == desk.shape(view.id)
            [predicted] = model.predict(desk._pool.images[[row]])
            assert np.array_equal(proposal.mask, desk._live.native(row).from_pool(predicted))
            assert map_.pixels.min() >= 0
            assert 0 < map_.pixels.max() <= 1
            saved = desk.save(
                view.id, proposal.mask, annotator="Ada", base_version=0, key=view.id
            )
            assert saved.agreement == 1
            nothing = np.zeros(view.shape, np.uint8)
            saved = desk.save(
                view.id, nothing, annotator="Ada", base_version=1, key=f"{view.id}2"
            )
            assert saved.agreement == (0 if proposal.mask.any() else 1)
        [first, second] = desk.overview().history
        assert first.agreement is None
        assert second.agreement is not None


def test_the_scan_is_shown_as_it_is_and_its_neighbours_to_the_end_of_the_volume(
    desk: Desk, bare_scans: Path
) -> None:
    from nextslice.data.formats.readers import read_volume  # noqa: PLC0415

    view = desk.overview().slices[0]
    voxels = read_volume(bare_scans / f"{view.case}.nii.gz").voxels
    for offset in range(-view.index, view.slices - view.index):
        image = desk.image(view.id, offset)
        assert image.pixels.dtype == np.float32
        assert image.pixels.shape == view.shape
        assert np.array_equal(image.pixels, voxels[:, :, view.index + offset].T)
        assert image.index == view.index + offset
    low, high = np.percentile(voxels, (1, 99))
    assert (image.low, image.high) == (low, high)
    for beyond in (-view.index - 1, view.slices - view.index):
        with pytest.raises(SettingsError, match="Slices of"):
            desk.image(view.id, beyond)


def test_the_nearest_annotated_slice_of_the_volume_is_found(create: Create) -> None:
    with Desk(create(assignments=["initial=100"])) as desk:
        views = [v for v in desk.overview().slices if v.case == "phantom_001"]
        views.sort(key=lambda view: view.index)
        assert desk.nearest_annotation(views[3].id) is None
        for k in (0, 5):
            mask = np.full(views[k].shape, k % 3, np.uint8)
            desk.save(views[k].id, mask, annotator="Ada", base_version=0, key=str(k))
        nearest = desk.nearest_annotation(views[3].id)
        assert nearest is not None
        assert (nearest.index, nearest.mask.max()) == (5, 2)
        neighbour = desk.neighbour_annotation(views[3].id, -3)
        assert neighbour is not None
        assert neighbour.index == 0
        assert desk.neighbour_annotation(views[3].id, 1) is None
        assert desk.neighbour_annotation(views[0].id, -1) is None
        own = desk.nearest_annotation(views[0].id)
        assert own is not None
        assert own.index == 5


def test_a_lease_warns_and_does_not_wall(desk: Desk, expert: Expert) -> None:
    view = desk.overview().slices[0]
    assert desk.lease(view.id, "Ada").mine
    theirs = desk.lease(view.id, "Ben")
    assert (theirs.holder, theirs.mine) == ("Ada", False)
    assert desk.overview().slices[0].leased_to == "Ada"
    expert.save(desk, view)
    desk.release(view.id, "Ben")
    assert desk.overview().slices[0].leased_to == "Ada"
    desk.release(view.id, "Ada")
    assert desk.lease(view.id, "Ben").mine


def test_where_the_pool_is_used_up_the_phase_says_so_and_corrections_go_on(
    create: Create, expert: Expert
) -> None:
    with Desk(create(assignments=["initial=100"])) as desk:
        expert.answer(desk)
        view = desk.overview().slices[0]
        _finish(desk)
        assert desk.overview().phase == "exhausted"
        with pytest.raises(AnnotationError, match="no new ones"):
            desk.finish_query()
        mask = np.zeros(view.shape, np.uint8)
        desk.save(view.id, mask, annotator="Ada", base_version=1, key="again")
        _finish(desk)
        assert desk.overview().phase == "exhausted"
        assert desk.overview().cycle == 2


def test_a_training_that_fails_says_why_loses_nothing_and_can_be_tried_again(
    create: Create, expert: Expert, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Desk(create()) as desk:
        expert.answer(desk)

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("out of memory")

        with monkeypatch.context() as patched:
            patched.setattr(ns.Trainer, "fit", fail)
            desk.finish_query()
            assert desk.wait(60)
        failed = desk.overview()
        assert failed.phase == "failed"
        assert "out of memory" in failed.error
        assert failed.progress is None
        assert failed.labelled == 3
        assert all(view.version == 1 for view in failed.slices)
        _finish(desk)
        assert desk.overview().cycle == 1


def test_a_score_that_cannot_be_used_fails_the_query_and_keeps_the_model(
    create: Create, expert: Expert, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Desk(create()) as desk:
        expert.answer(desk)
        with monkeypatch.context() as patched:
            patched.setattr(
                ns.MCDropout,
                "score",
                lambda self, model, images, **_: np.full(len(images), np.nan),
            )
            desk.finish_query()
            assert desk.wait(60)
        failed = desk.overview()
        assert failed.phase == "failed"
        assert "finite scores" in failed.error
        weights = desk._project.weights_of(0)
        _finish(desk)
        assert desk._project.weights_of(0) == weights


def test_closing_stops_a_training_soon_and_the_next_start_does_it_again(
    create: Create, expert: Expert
) -> None:
    project = create(assignments=["training.steps=20000"])
    folder = project.folder
    with Desk(project) as desk:
        expert.answer(desk)
        desk.finish_query()
        assert not desk.wait(0.5)
    with Desk(LiveProject.open(folder), go_on=False) as desk:
        cut_off = desk.overview()
        assert (cut_off.phase, cut_off.labelled) == ("failed", 3)
        assert "cut off" in cut_off.error
    with Desk(LiveProject.open(folder)) as desk:
        assert desk.overview().phase == "training"


def test_labels_that_came_with_the_data_teach_the_first_model(
    create: Create, labelled_scans: Path, tmp_path: Path, expert: Expert
) -> None:
    mixed = _some_labelled(labelled_scans, tmp_path, ["phantom_001"])
    with Desk(create(images=mixed)) as desk:
        assert desk.overview().phase == "training"
        assert desk.wait(60)
        overview = desk.overview()
        given = desk._pool.rows_of("phantom_001")
        assert overview.labelled == given.stop - given.start
        assert overview.cycle == 1
        assert len(overview.slices) == 3
        assert all(view.case != "phantom_001" for view in overview.slices)
        assert all(view.score is not None for view in overview.slices)
        assert desk.proposal(overview.slices[0].id) is not None
        rows, masks = desk._project.labelled(through=0)
        assert rows.tolist() == list(range(given.start, given.stop))
        assert np.array_equal(np.stack(masks), expert.pool.masks[given])
        name = ns.SliceId("phantom_001", 4)
        kept = desk.annotation(desk.id_of(name))
        assert kept is not None
        native = expert.pool.native_label("phantom_001")[:, :, 4].T
        assert np.array_equal(kept.mask, native)
        kinds = {answer.kind for answer in desk._project.newest_answers().values()}
        assert kinds == {AnswerKind.GIVEN}
        expert.answer(desk)
        _finish(desk)
        corrected = desk.save(
            desk.id_of(name), native * 0, annotator="Ada", base_version=1, key="better"
        )
        assert corrected.version == 2
        folder = desk._live.folder
    with Desk(LiveProject.open(folder)) as desk:  # and nothing is taken in twice
        assert len(desk._project.versions(desk._pool.row_of(name))) == 2


def _some_labelled(source: Path, tmp_path: Path, cases: list[str]) -> Path:
    folder = tmp_path / "mixed"
    for kind, names in (("imagesTr", None), ("labelsTr", cases)):
        (folder / kind).mkdir(parents=True)
        for path in (source / kind).glob("*.nii.gz"):
            if names is None or path.name.removesuffix(".nii.gz") in names:
                (folder / kind / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.real_data
@pytest.mark.parametrize("data", ["size=[128, 128]", "size=[72, 72]"])
def test_masks_drawn_on_oblique_scans_come_back_exactly_and_train_as_the_labels_do(
    create: Create, prostate: Path, tmp_path: Path, data: str
) -> None:
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        for case in ("Case00", "Case04"):
            path = prostate / f"{kind}Tr" / f"{case}.nii.gz"
            (tmp_path / kind / path.name).write_bytes(path.read_bytes())
    project = create(
        images=tmp_path / "images",
        labels="PZ,CG",
        assignments=["initial=100", "data.spacing=1.0", f"data.{data}"],
    )
    labelled = ns.SlicePool.from_folder(tmp_path, spacing=1.0, size=project.pool.size)
    with Desk(project) as desk:
        drawn = {}
        for view in desk.overview().slices:
            label = labelled.native_label(view.case)[:, :, view.index].T
            drawn[view.id] = np.ascontiguousarray(label)
            desk.save(view.id, drawn[view.id], annotator="Ada", base_version=0, key=view.id)
        for slice_id, mask in drawn.items():
            kept = desk.annotation(slice_id)
            assert kept is not None
            assert np.array_equal(kept.mask, mask)
        rows, masks = desk._project.labelled()
        assert len(rows) == len(labelled)
        assert np.array_equal(np.stack(masks), labelled.masks[rows])
        assert np.array_equal(desk._pool.images[rows], labelled.images[rows])


@pytest.mark.skipif(sys.platform == "win32", reason="no open folder is moved there")
def test_a_desk_whose_folder_was_replaced_shows_and_keeps_nothing_of_the_other(
    create: Create, expert: Expert, tmp_path: Path
) -> None:
    with Desk(create()) as desk:
        folder = desk.folders[0]
        shutil.copytree(folder, tmp_path / "backup")
        first, second, *_ = desk.overview().slices
        expert.save(desk, first)
        folder.rename(tmp_path / "moved")
        (tmp_path / "backup").rename(folder)
        steps: list[Callable[[], object]] = [
            desk.overview,
            desk.finish_query,
            lambda: desk.annotation(first.id),
            lambda: desk.proposal(second.id),
            lambda: desk.nearest_annotation(second.id),
            lambda: expert.save(desk, second),
            lambda: desk.skip(
                second.id, reason="motion", annotator="Ada", base_version=0, key="key-12345"
            ),
        ]
        for step in steps:
            with pytest.raises(ProjectError, match="moved or replaced"):
                step()
        with Desk(LiveProject.open(folder)) as other:
            assert not any(view.version for view in other.overview().slices)
    with Desk(LiveProject.open(tmp_path / "moved")) as desk:
        assert [view.version for view in desk.overview().slices][:2] == [1, 0]
