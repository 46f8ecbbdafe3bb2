"""Answers are only ever added, and a slice's state follows from the newest that counts."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError
from nextslice.project import (
    Answer,
    AnswerKind,
    NewAnswer,
    Project,
    QueriedSlice,
    Query,
    Records,
    SliceState,
)
from nextslice.project.soundness import damaged_database

ONLY_ADDED = pytest.mark.promise(
    "Answers are only ever added; no version is overwritten.",
    fault="every order of saves, skips, withdrawals and conflicts",
)

POOL = [SliceId("case", index) for index in range(4)]
STATES = {
    AnswerKind.MASK: SliceState.LABELLED,
    AnswerKind.SKIP: SliceState.SKIPPED,
    AnswerKind.WITHDRAWN: SliceState.QUERIED,
}


def _begin(folder: Path) -> Project:
    project = Project(folder, config={}, environment={}, pool=POOL)
    asked = tuple(QueriedSlice(row, POOL[row]) for row in (2, 0, 1))
    if project.last_cycle() is None:
        project.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
    return project


_EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "row": st.integers(0, 2),
            "kind": st.sampled_from(list(STATES)),
            "base": st.sampled_from(["newest", "old", None]),
            "key": st.sampled_from(["a", "b", "c", None]),
        }
    ),
    max_size=10,
)


@ONLY_ADDED
@settings(max_examples=25)
@given(events=_EVENTS)
def test_whatever_is_answered_is_kept_and_the_newest_that_counts_decides(
    events: list[dict[str, object]],
) -> None:
    """Held against a model of plain lists."""
    kept: dict[int, list[tuple[AnswerKind, bool]]] = {row: [] for row in range(3)}
    keys: dict[object, tuple[object, Answer]] = {}
    with tempfile.TemporaryDirectory() as folder, _begin(Path(folder)) as project:
        for number, event in enumerate(events):
            row, kind, key = (
                int(str(event["row"])),
                AnswerKind(str(event["kind"])),
                event["key"],
            )
            counting = [v for v, (_, c) in enumerate(kept[row], start=1) if c]
            newest = counting[-1] if counting else 0
            base = {"newest": newest, "old": newest - 1, None: None}[event["base"]]  # type: ignore[index]
            mask = np.full((2, 2), number % 200, np.uint8)
            new = NewAnswer(
                row=row,
                kind=kind,
                annotator="Ada",
                mask_sha256=project.put_mask(mask) if kind is AnswerKind.MASK else None,
                key=None if key is None else str(key),
                base_version=base,
            )
            what = (row, kind, new.mask_sha256)
            if key in keys:
                if keys[key][0] == what:
                    assert project.add_answers([new]) == [keys[key][1]]
                else:
                    with pytest.raises(AnnotationError, match="new key"):
                        project.add_answers([new])
                continue
            conflicting = base is not None and base != newest
            gone = newest == 0 or kept[row][newest - 1][0] is AnswerKind.WITHDRAWN
            if kind is AnswerKind.WITHDRAWN and gone and not conflicting:
                with pytest.raises(AnnotationError, match="withdraw"):
                    project.add_answers([new])
                continue
            [answer] = project.add_answers([new])
            kept[row].append((kind, not conflicting))
            assert (answer.version, answer.conflicting) == (len(kept[row]), conflicting)
            if key is not None:
                keys[key] = (what, answer)
        labelled = []
        for row, versions in kept.items():
            found = project.versions(row)
            assert [(a.kind, not a.conflicting) for a in found] == versions
            counting = [k for k, c in versions if c]  # type: ignore[misc]
            state = STATES[counting[-1]] if counting else SliceState.QUERIED  # type: ignore[index]
            assert project.states()[POOL[row]] is state
            labelled += [row] if state is SliceState.LABELLED else []
        rows, _ = project.labelled()
        assert sorted(rows.tolist()) == labelled
        assert rows.tolist() == [row for row in (2, 0, 1) if row in labelled]  # as asked
        assert project.states()[POOL[3]] is SliceState.UNLABELLED
        with project.reading() as connection:
            assert [*damaged_database(connection)] == []


@ONLY_ADDED
def test_no_row_of_the_table_is_ever_changed(tmp_path: Path) -> None:
    with _begin(tmp_path) as project:
        table = sqlite3.connect(tmp_path / "project.db")
        before: list[object] = []
        for number, kind in enumerate([*STATES, *STATES], start=1):
            name = project.put_mask(np.full((2, 2), number, np.uint8))
            mask = name if kind is AnswerKind.MASK else None
            project.add_answers(
                [NewAnswer(row=0, kind=kind, annotator="Ada", mask_sha256=mask)]
            )
            now = table.execute("SELECT * FROM answers ORDER BY id").fetchall()
            assert now[: len(before)] == before
            assert len(now) == number
            before = now
        table.close()


def test_several_answers_are_kept_all_or_none(tmp_path: Path) -> None:
    with _begin(tmp_path) as project:
        good = NewAnswer(row=0, kind=AnswerKind.SKIP, annotator="Ada", reason="motion")
        bad = NewAnswer(row=3, kind=AnswerKind.SKIP, annotator="Ada", reason="motion")
        with pytest.raises(AnnotationError, match="never asked for"):
            project.add_answers([good, bad])
        assert project.versions(0) == ()
        assert project.states()[POOL[0]] is SliceState.QUERIED


def test_a_training_is_settled_on_the_answers_there_are_when_it_begins(
    tmp_path: Path,
) -> None:
    one, two = (np.full((2, 2), value, np.uint8) for value in (1, 2))
    with _begin(tmp_path) as project:
        project.add_annotations(0, {0: one, 2: one}, annotator="Ada")
        assert not project.training_began(0)
        project.begin_training(0)
        assert project.training_began(0)
        assert project.answers_since(0) == 0
        project.add_annotations(0, {0: two, 1: two}, annotator="Ada")
        rows, masks = project.labelled(through=0)
        assert rows.tolist() == [2, 0]
        assert all((mask == 1).all() for mask in masks)
        assert project.labelled()[0].tolist() == [2, 0, 1]
        assert project.answers_since(0) == 2
        project.begin_training(0)  # begun anew, it takes in what came since
        assert project.labelled(through=0)[0].tolist() == [2, 0, 1]


def test_labels_that_came_with_the_data_come_first_and_without_a_query(
    tmp_path: Path,
) -> None:
    with _begin(tmp_path) as project:
        mask = np.ones((2, 2), np.uint8)
        project.add_annotations(0, {0: mask}, annotator="Ada")
        for _ in range(2):
            project.add_given({3: mask})
        [answer] = project.versions(3)
        assert (answer.kind, answer.cycle) == (AnswerKind.GIVEN, None)
        assert project.labelled()[0].tolist() == [3, 0]
        corrected = NewAnswer(
            row=3, kind=AnswerKind.MASK, annotator="Ada", mask_sha256=answer.mask_sha256
        )
        project.add_answers([corrected])
        assert project.labelled()[0].tolist() == [3, 0]
        project.add_query(
            Query(1, (QueriedSlice(3, POOL[3]),)), score_seconds=0, select_seconds=0
        )
        with project.reading() as connection:
            assert [*damaged_database(connection)] == []


_COMMIT_HALF = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 2")  # so that pages reach the file before the commit
connection.execute("BEGIN")
connection.execute("UPDATE answers SET annotator = 'nobody'")
rows = [(1000 + k, "x" * 500, k) for k in range(400)]
connection.executemany("INSERT INTO slices VALUES (?, ?, ?, 'queried')", rows)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_project_whose_process_was_killed_while_it_committed_can_be_looked_at(
    tmp_path: Path,
) -> None:
    with _begin(tmp_path) as project:
        project.add_annotations(0, {0: np.ones((2, 2), np.uint8)}, annotator="Ada")
    database = tmp_path / "project.db"
    killed = subprocess.run([sys.executable, "-c", _COMMIT_HALF, database], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "project.db-journal").exists()
    with Records.look(tmp_path) as records:
        assert [answer.annotator for answer in records.versions(0)] == ["Ada"]
        assert len(records.states()) == len(POOL)


def test_who_looks_cannot_write(tmp_path: Path) -> None:
    _begin(tmp_path).close()
    with Records.look(tmp_path) as records:
        with (
            records._engine.connect() as connection,
            pytest.raises(Exception, match="readonly"),
        ):
            connection.exec_driver_sql("DELETE FROM slices")
        assert len(records.states()) == len(POOL)
