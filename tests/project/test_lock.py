"""A lock goes with its process, or there is none: a file alone would outlive a kill."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.faults import flows
from tests.faults.scenes import files_of

from nextslice.annotators import Oracle
from nextslice.data.pool import SliceId, SlicePool
from nextslice.errors import ProjectError, ProjectLockedError, StorageError
from nextslice.learner import ActiveLearner
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.progress import Progress
from nextslice.project import (
    AnswerKind,
    NewAnswer,
    Project,
    Proposals,
    QueriedSlice,
    Query,
)
from nextslice.project.lock import locked, take_lock
from nextslice.selection import Random

if sys.platform == "win32":
    pytest.skip("flock is of other systems", allow_module_level=True)

POOL = [SliceId("case", 0)]

MOVED = pytest.mark.promise(
    "Two processes never share a run: the second is told who the first is, and a lock left by "
    "a kill is no obstacle.",
    fault="the folder moved while a process has it open, and a backup in its place",
)


@pytest.mark.promise(
    "Two processes never share a run: the second is told who the first is, and a lock left by "
    "a kill is no obstacle.",
    fault="a file system without locks, where a mere file would be left by a kill",
)
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_it_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(handle: int, operation: int) -> None:
        raise OSError(number, "no locks here")

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", no_locks)
        for _ in range(2):  # the first has left nothing that the second stumbles over
            with pytest.raises(ProjectError, match="a file system with locks") as raised:
                Project(folder, config={}, environment={}, pool=POOL)
            assert not isinstance(raised.value, ProjectLockedError)
            assert "lacks flock" in raised.value.cause
            assert raised.value.remedy
        with (
            pytest.raises(ProjectError, match="a file system with locks"),
            locked(tmp_path / "x"),
        ):
            pass
    assert {path.name for path in folder.iterdir()} <= {".lock"}
    Project(folder, config={}, environment={}, pool=POOL).close()  # its file is no obstacle


MASK = np.zeros((4, 4), np.uint8)
WRITING: dict[str, Callable[[Project], object]] = {
    "put_mask": lambda project: project.put_mask(MASK),
    "add_answers": lambda project: project.add_answers(
        [NewAnswer(row=0, kind=AnswerKind.SKIP, annotator="Ada", reason="motion")]
    ),
    "add_annotations": lambda project: project.add_annotations(0, {0: MASK}, annotator="Ada"),
    "add_given": lambda project: project.add_given({0: MASK}),
    "add_query": lambda project: project.add_query(
        Query(1, ()), score_seconds=0, select_seconds=0
    ),
    "save_proposals": lambda project: project.save_proposals(
        0, Proposals((0,), MASK[None], MASK[None], "ab")
    ),
    "begin_training": lambda project: project.begin_training(0),
    "set_trained": lambda project: project.set_trained(
        0, n_labelled=1, weights_sha256="ab", train_seconds=1
    ),
    "save_scores": lambda project: project.save_scores(
        0, case=np.array(["case"]), index=np.zeros(1, int), score=np.zeros(1)
    ),
    "record": lambda project: project.record(0, {}, eval_seconds=0, losses=[1.0]),
    "write_tables": lambda project: project.write_tables(),
}


READING: dict[str, Callable[[Project], object]] = {
    "last_cycle": lambda project: project.last_cycle(),
    "query": lambda project: project.query(0),
    "states": lambda project: project.states(),
    "newest_answers": lambda project: project.newest_answers(),
    "versions": lambda project: project.versions(0),
    "labelled": lambda project: project.labelled(),
    "history": lambda project: project.history(),
}


@MOVED
@pytest.mark.parametrize("emptied", [True, False], ids=["emptied", "replaced"])
@pytest.mark.parametrize("read", READING.values(), ids=READING)
def test_nothing_is_read_where_another_folder_lies_by_now(
    read: Callable[[Project], object], emptied: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    Project(folder, config={}, environment={}, pool=POOL).close()
    shutil.copytree(folder, tmp_path / "backup")
    with Project(folder, config={}, environment={}, pool=POOL) as project:
        asked = (QueriedSlice(0, POOL[0]),)
        project.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
        read(project)
        folder.rename(tmp_path / "moved")
        if emptied:
            folder.mkdir()  # a copy that is on its way, say
        else:
            (tmp_path / "backup").rename(folder)
        before = files_of(tmp_path)
        with pytest.raises(ProjectError, match="moved or replaced"):
            read(project)
        assert files_of(tmp_path) == before


@MOVED
@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "gone"])
@pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)
def test_nothing_is_written_where_another_folder_lies_by_now(
    write: Callable[[Project], object], replaced: bool, tmp_path: Path
) -> None:
    folder, moved = tmp_path / "run", tmp_path / "moved"
    Project(folder, config={}, environment={}, pool=POOL).close()
    shutil.copytree(folder, tmp_path / "backup")
    with Project(folder, config={}, environment={}, pool=POOL) as project:
        asked = (QueriedSlice(0, POOL[0]),)
        project.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
        folder.rename(moved)
        if replaced:
            (tmp_path / "backup").rename(folder)
        before = files_of(tmp_path)
        with pytest.raises(ProjectError, match="moved or replaced") as raised:
            write(project)
        assert "where it lies now" in raised.value.remedy
        assert files_of(tmp_path) == before
        if not replaced:
            return
        with Project(folder, config={}, environment={}, pool=POOL) as other:  # it gets in
            other.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
            before = files_of(tmp_path)
            with pytest.raises(ProjectError, match="moved or replaced"):
                write(project)
            assert files_of(tmp_path) == before
    with Project(moved, config={}, environment={}, pool=POOL) as project:
        assert len(project.query(0)) == 1


@MOVED
def test_a_model_is_not_kept_in_a_folder_that_was_replaced_while_it_was_trained(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"

    def replace(progress: Progress) -> None:
        if progress.stage == "train" and not (tmp_path / "moved").exists():
            folder.rename(tmp_path / "moved")
            shutil.copytree(tmp_path / "moved", folder)

    scans = flows.write_scans(tmp_path / "scans")
    pool = SlicePool.from_folder(scans, size=(16, 16))
    trainer = Trainer(UNet(3, (2, 4)), steps=2, batch_size=2, device="cpu")
    with ActiveLearner(
        pool, trainer=trainer, selection=Random(), project=folder, on_progress=replace
    ) as learner:
        query = learner.ask(2)
        learner.tell(query, Oracle(pool).label(query))
        with pytest.raises(ProjectError, match="moved or replaced"):
            learner.fit()
    assert (tmp_path / "moved").is_dir()
    assert not (folder / "models").exists()


@pytest.mark.promise(
    "Two processes never share a run: the second is told who the first is, and a lock left by "
    "a kill is no obstacle.",
    fault="the same project opened once more: process, machine, command and time are told",
)
def test_who_comes_second_is_told_which_process_has_it_where_and_since_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/nextslice", "serve"])
    monkeypatch.setattr("socket.gethostname", lambda: "reading-room")
    before = datetime.now(UTC).replace(microsecond=0)
    with Project(folder, config={}, environment={}, pool=POOL):
        after = datetime.now(UTC)
        with pytest.raises(ProjectLockedError) as raised:
            Project(folder, config={}, environment={}, pool=POOL)
    told = re.search(
        rf"process {os.getpid()} on reading-room \(nextslice, since (\S+)\)", str(raised.value)
    )
    assert told is not None, raised.value
    assert before <= datetime.fromisoformat(told[1]) <= after


def test_a_lock_that_is_held_is_not_given_twice(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "lock")
    assert first is not None
    assert take_lock(tmp_path / "lock") is None
    first.release()
    with locked(tmp_path / "lock"):
        assert take_lock(tmp_path / "lock") is None


def test_a_lock_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StorageError, match="a folder of that name is there"):
        take_lock(tmp_path / "lock")
