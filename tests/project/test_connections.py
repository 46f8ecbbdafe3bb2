"""A commit is on the disk when it returns, and SQLite's complaints are put in words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from nextslice.data.pool import SliceId
from nextslice.errors import ProjectError
from nextslice.project import NewAnswer, Project, QueriedSlice, Query, Records, connections
from nextslice.project.answers import AnswerKind
from nextslice.project.journal import journal_mode

TOLD = pytest.mark.promise(
    "What SQLite complains of is a clear error; nothing of that answer is kept, and the next "
    "one is taken.",
    fault="a full disk, a write that fails, a locked and a read-only database",
)

POOL = [SliceId("case", index) for index in range(4)]
LOCAL = "/dev/sda1 / ext4 rw 0 0\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "run", config={}, environment={}, pool=POOL)
    asked = tuple(QueriedSlice(row, POOL[row]) for row in range(4))
    project.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
    return project


def test_statistics_that_another_program_left_are_no_damage(
    project: Project, tmp_path: Path
) -> None:
    project.close()
    with closing(sqlite3.connect(tmp_path / "run" / "project.db")) as connection:
        connection.execute("ANALYZE")
        connection.commit()
        found = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert ("sqlite_stat1",) in found
    assert Records.look(tmp_path / "run").last_cycle() == 0


def _skip(row: int, reason: str = "blurred") -> NewAnswer:
    return NewAnswer(row=row, kind=AnswerKind.SKIP, annotator="Ada", reason=reason)


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "DELETE"),
        ((3, 44, 5), "DELETE"),
        ((3, 44, 6), "WAL"),
        ((3, 45, 0), "DELETE"),
        ((3, 50, 6), "DELETE"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 0), "DELETE"),
        ((3, 51, 2), "DELETE"),
        ((3, 51, 3), "WAL"),
        ((3, 53, 0), "WAL"),
        ((4, 0, 0), "WAL"),
    ],
)
def test_a_log_that_could_lose_a_commit_is_not_used(
    tmp_path: Path, version: tuple[int, ...], mode: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(LOCAL)
    assert journal_mode(tmp_path / "project.db", version, mounts) == mode


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("", "WAL"),
        ("server:/home {place} nfs4 rw 0 0", "DELETE"),
        ("//server/share {place} cifs rw 0 0", "DELETE"),
        ("somebody@server: {place} fuse.sshfs rw 0 0", "DELETE"),
        ("server:/home {place}/elsewhere nfs4 rw 0 0", "WAL"),
        ("server:/home {place} nfs4 rw 0 0\n/dev/sdb1 {place}/run xfs rw 0 0", "WAL"),
    ],
)
def test_a_folder_that_other_machines_see_gets_no_log(
    tmp_path: Path, line: str, mode: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(LOCAL + line.format(place=tmp_path))
    assert journal_mode(tmp_path / "run" / "project.db", (3, 51, 3), mounts) == mode
    assert journal_mode(tmp_path / "project.db", (3, 51, 3), tmp_path / "none") == "DELETE"


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_project_has_the_journal_that_is_safe_and_syncs_each_commit(
    project: Project, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Whichever it had before: the same project may be opened on another machine."""
    folder = project.folder
    project.close()
    monkeypatch.setattr("nextslice.project.connections.journal_mode", lambda path: mode)
    with Project(folder, config={}, environment={}, pool=POOL) as again:
        with again._engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 3  # EXTRA
        assert found == mode.lower()
        with Records.look(folder) as records:  # and can be looked at meanwhile
            again.add_answers([_skip(1)])
            assert len(records.newest_answers()) == 1
    monkeypatch.undo()
    with Project(folder, config={}, environment={}, pool=POOL) as again:
        assert len(again.newest_answers()) == 1


def _full(project: Project) -> None:
    """No page more than there are: what SQLite then says it says of a full disk."""

    @event.listens_for(project._engine, "connect")
    def _no_more(connection: Any, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")


def _read_only(project: Project) -> None:
    @event.listens_for(project._engine, "connect")
    def _only_look(connection: Any, _: object) -> None:
        connection.execute("PRAGMA query_only = ON")


@TOLD
@pytest.mark.parametrize(
    ("break_it", "words"),
    [(_full, "the disk is full"), (_read_only, "for reading alone")],
)
def test_a_database_that_cannot_be_written_is_told_and_as_it_was(
    project: Project, break_it: Callable[[Project], None], words: str
) -> None:
    project.add_answers([_skip(0)])
    break_it(project)
    with pytest.raises(ProjectError, match=words) as raised:
        project.add_answers([_skip(row, "long " * 100) for row in (1, 2) for _ in range(10)])
    assert "do the same again" in raised.value.remedy
    project.close()
    with Project(project.folder, config={}, environment={}, pool=POOL) as again:
        assert set(again.newest_answers()) == {0}
        again.add_answers([_skip(1)])
        assert set(again.newest_answers()) == {0, 1}


@TOLD
def test_a_database_that_somebody_else_holds_is_told_and_used_once_it_is_free(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.folder
    project.close()
    monkeypatch.setattr("nextslice.project.connections._PATIENCE", 0.05)
    with (
        Project(folder, config={}, environment={}, pool=POOL) as again,
        closing(sqlite3.connect(folder / "project.db")) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ProjectError, match="another program has it open"):
            again.add_answers([_skip(0)])
        other.rollback()
        again.add_answers([_skip(0)])
        assert set(again.newest_answers()) == {0}


@pytest.mark.promise(
    "A backup made while people annotate holds all that was acknowledged before it began.",
    fault="a transaction that is half in the file, and commits that are in the log alone",
)
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_copy_holds_what_was_committed_and_nothing_of_what_is_not_yet(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """As a plain copy of the file would not."""
    path, copy = project.folder / "project.db", tmp_path / "copy.db"
    project.close()
    monkeypatch.setattr("nextslice.project.connections.journal_mode", lambda path: mode)
    with (
        Project(project.folder, config={}, environment={}, pool=POOL) as again,
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other,
    ):
        other.execute("SELECT count(*) FROM answers").fetchall()  # who closes last, tidies up
        again.add_answers([_skip(n % 4, "kept" * 120) for n in range(100)])
        taken_back = threading.Timer(1, other.execute, ["ROLLBACK"])

        def begun_meanwhile(path: Path) -> sqlite3.Connection:
            connection = opened(path)
            other.execute("PRAGMA cache_size = 2")  # pages; what is more goes to the disk
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE answers SET reason = replace(reason, 'kept', 'half')")
            content = path.read_bytes()
            assert (b"half" in content, b"kept" in content) == (mode == "DELETE",) * 2
            taken_back.start()
            return connection

        opened = connections._existing
        monkeypatch.setattr(connections, "_existing", begun_meanwhile)
        connections.copy_database(path, copy)
        taken_back.join()
    with closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert (
            copied.execute("SELECT reason FROM answers").fetchall() == [("kept" * 120,)] * 100
        )


_LIMITED = """
import resource, sys
from nextslice.data.pool import SliceId
from nextslice.errors import ProjectError
from nextslice.project import NewAnswer, Project
from nextslice.project.answers import AnswerKind

pool = [SliceId("case", index) for index in range(4)]
project = Project(sys.argv[1], config={}, environment={}, pool=pool)
size = (project.folder / "project.db").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
answers = [
    NewAnswer(row=row, kind=AnswerKind.SKIP, annotator="Ada", reason="long " * 100)
    for row in (1, 2)
    for _ in range(40)
]
try:
    project.add_answers(answers)
except ProjectError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
project.add_answers(answers[:1])
print(sorted(project.newest_answers()))
"""


@TOLD
def test_a_write_that_the_system_refuses_is_told_and_as_it_was(project: Project) -> None:
    """By a limit on the size of files: SQLite takes it for an I/O error."""
    project.close()
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, project.folder],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "disk I/O error" in done.stdout
    assert "Likely cause: the disk is full or fails" in done.stdout
    assert done.stdout.splitlines()[-1] == "[1]"
