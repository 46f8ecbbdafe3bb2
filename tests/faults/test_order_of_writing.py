"""First the bytes, then the name, then the row, then the word: held for every file there is.

A kill cannot show this, for the system keeps what a killed process wrote; a power cut can.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.faults import flows
from tests.faults.tracing import Event, disorder, tracing

from nextslice import files
from nextslice.annotators import Desk
from nextslice.annotators.folder import hand_out
from nextslice.data.archives import unpack_data_set
from nextslice.data.pool import SliceId, SlicePool
from nextslice.exports.folders import writing_folder
from nextslice.files import write_atomically
from nextslice.project import NewAnswer, Project, QueriedSlice, Query
from nextslice.project.answers import AnswerKind
from nextslice.project.backup import back_up
from nextslice.project.restoring import restore
from nextslice.report.folder import writing_report

pytestmark = pytest.mark.usefixtures("_cache_of_its_own")

IN_ORDER = pytest.mark.promise(
    "A file's bytes are on the disk before it has its name, its name before a row speaks of "
    "it, and the row before anybody is told.",
    fault="the order of every fsync, rename and commit of a process, and each of them left out "
    "or too early",
)
POOL = [SliceId("case", index) for index in range(3)]
DATABASE = "project.db"


def _tell(folder: Path) -> None:
    """One answer, as the desk keeps it."""
    with Project(folder, config={}, environment={}, pool=POOL) as project:
        asked = tuple(QueriedSlice(row, POOL[row]) for row in range(3))
        project.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
        mask = np.arange(4, dtype=np.uint8).reshape(2, 2)
        name = project.put_mask(mask)
        answer = NewAnswer(
            row=0, kind=AnswerKind.MASK, annotator="Ada", mask_sha256=name, key="key"
        )
        project.add_answers([answer])


@IN_ORDER
def test_an_answer_is_on_the_disk_before_its_row_and_that_before_anybody_is_told(
    tmp_path: Path, bare_scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    with Desk(flows.open_project(folder, bare_scans)) as desk:
        view = flows.open_slices(desk)[0]
        with tracing(monkeypatch) as events:
            flows.save(desk, view)
        masks = [e for e in events if e.kind == "rename" and "annotations" in e.place]
        assert len(masks) == 2  # on the pool's grid, and as it was drawn
        for mask in masks:
            at = events.index(mask)
            before, after = events[:at], events[at:]
            assert Event("fsync", mask.node) in before
            synced = next(k for k, e in enumerate(after) if e == Event("fsync", mask.above))
            assert synced < next(k for k, e in enumerate(after) if e.kind == "commit")
    kinds = [e.kind for e in events if e.kind in ("commit", "reply")]
    assert kinds[0] == "commit"
    assert kinds[-1] == "reply"
    assert disorder(events, folder) == []


@IN_ORDER
def test_all_that_a_project_writes_is_in_order(
    tmp_path: Path, bare_scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two queries, a training, a work order, a backup and the project made of it."""
    folder = tmp_path / "in" / "project"
    with tracing(monkeypatch) as events:
        with Desk(flows.open_project(folder, bare_scans)) as desk:
            for view in flows.open_slices(desk):
                flows.save(desk, view)
            desk.finish_query()
            assert desk.wait(60)
            assert desk.overview().error == ""
        with flows.open_project(folder, bare_scans) as live:
            hand_out(live, live.ask(), tmp_path / "in" / "order")
        back_up(folder, tmp_path / "in" / "kidneys.zip")
        restore(tmp_path / "in" / "kidneys.zip", tmp_path / "in" / "again")
    assert disorder(events, tmp_path / "in") == []
    named = {event.node for event in events if event.kind == "rename"}
    named |= {node for event in events for _, node in event.inside}
    for path in (tmp_path / "in").rglob("*"):
        if path.is_file() and path.name != ".lock" and not path.name.startswith(DATABASE):
            status = path.stat()
            assert (status.st_dev, status.st_ino) in named, f"{path} came to be otherwise"


@IN_ORDER
def test_prepared_slices_are_on_the_disk_before_their_folder_has_its_name(
    tmp_path: Path, scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXTSLICE_CACHE", str(tmp_path))
    with tracing(monkeypatch) as events:
        SlicePool.from_folder(scans, size=(24, 24))
    [name] = [e for e in events if e.kind == "rename" and len(e.inside) == 4]
    found = disorder(events, Path(name.place))
    # The folder's own name may be lost in a power cut: then it is prepared again.
    assert [line for line in found if not line.endswith("is not on the disk in the end")] == []


@IN_ORDER
def test_what_was_downloaded_is_on_the_disk_before_its_folder_has_its_name(
    tmp_path: Path, scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        tar.add(scans, "Task99_Set")
    (tmp_path / "in").mkdir()
    with tracing(monkeypatch) as events:
        unpack_data_set(tmp_path / "set.tar", tmp_path / "in" / "Task99_Set")
    [name] = [e for e in events if e.kind == "rename"]
    assert len(name.inside) == len(list(scans.rglob("*")))
    found = disorder(events, tmp_path / "in")
    assert [line for line in found if ".unpacking" not in line] == []  # the name it began with


@IN_ORDER
def test_exports_and_reports_are_on_the_disk_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, report = tmp_path / "out" / "kidneys", tmp_path / "report"
    with tracing(monkeypatch) as events:
        with writing_folder(out) as fresh:
            write_atomically(fresh / "labels" / "a", b"mask", "voxels")
        for words in ("one", "two"):
            with writing_report(report) as fresh:
                write_atomically(fresh / "figures" / "a.svg", words, "report")
    assert sum(e.kind == "rename" and e.place == str(out) for e in events) == 1
    assert disorder(events, out.parent) == []
    assert disorder(events, report) == []


MAKE_FILE = tempfile.mkstemp


def _no_sync(handle: int) -> None:
    pass


def _no_folder_sync(folder: Path) -> None:
    pass


def _no_sync_of_files(handle: int) -> None:
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        os.fsync(handle)


def _synced_when_empty(**settings: Any) -> tuple[int, str]:
    handle, name = MAKE_FILE(**settings)
    os.fsync(handle)
    return handle, name


def _careless(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")


SYNC = "nextslice.files.sync"


@IN_ORDER
@pytest.mark.parametrize(
    ("instead", "words"),
    [
        ({SYNC: _no_sync}, "not on the disk as it is"),
        ({SYNC: _no_sync_of_files, "tempfile.mkstemp": _synced_when_empty}, "as it is when"),
        ({"nextslice.files.sync_folder": _no_folder_sync}, "a commit before"),
        (
            {"nextslice.project.connections._sync_each_commit": _careless},
            "a commit that may not",
        ),
    ],
    ids=["no file", "files too early", "no folder", "no commit"],
)
def test_whichever_of_them_is_left_out_or_comes_too_early_the_law_is_broken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    instead: dict[str, Callable[..., Any]],
    words: str,
) -> None:
    """The tests above would notice."""
    with tracing(monkeypatch) as events:
        _tell(tmp_path / "whole")
    assert disorder(events, tmp_path / "whole") == []
    for place, other in instead.items():
        monkeypatch.setattr(place, other)
    with tracing(monkeypatch) as events:
        _tell(tmp_path / "run")
    assert any(words in line for line in disorder(events, tmp_path / "run"))


@IN_ORDER
def test_a_folder_that_another_thread_has_just_made_is_on_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name may not be: whoever made it has not come to that yet."""
    folder = tmp_path / "run"
    mask = np.ones((2, 2), np.uint8)
    with Project(folder, config={}, environment={}, pool=POOL) as project:
        name = project.put_mask(mask)
        path = project.mask_file(name)
        for there in (True, False):  # and with the mask in it, or without
            if not there:
                path.unlink()
            with tracing(monkeypatch) as events:
                project.put_mask(mask)
            above = path.parent.parent.stat()
            assert Event("fsync", (above.st_dev, above.st_ino)) in events


def test_every_connection_that_can_write_brings_its_commits_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that only looks: it may have to put back what a kill left half done."""
    levels: list[tuple[int, ...]] = []
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    class Told(sqlite3.Connection):
        def close(self) -> None:
            asked = ("synchronous", "fullfsync", "checkpoint_fullfsync")
            if self in opened:
                levels.append(
                    tuple(self.execute(f"PRAGMA {name}").fetchone()[0] for name in asked)
                )
            super().close()

    def traced(database: str, *arguments: object, **settings: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(database, factory=Told, **settings)  # type: ignore[call-overload]
        if ":memory:" not in str(database):
            opened.append(connection)
        return connection

    for module in (sqlite3, sqlite3.dbapi2):
        monkeypatch.setattr(module, "connect", traced)
    _tell(tmp_path / "run")
    assert len(levels) > 5
    assert set(levels) == {(3, 1, 1)}


def test_nothing_but_files_py_brings_files_of_a_project_to_the_disk() -> None:
    """So that there is one place to be right."""
    source = Path(files.__file__).parent
    rooms = ("data", "project", "models", "annotators", "exports", "report", "benchmark")
    for room in rooms:
        for path in (source / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "os.fsync" not in text, path
            assert "os.rename" not in text, path
