"""What a run's folder promises."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from nextslice.data.pool import SliceId
from nextslice.errors import (
    AnnotationError,
    ProjectChangedError,
    ProjectError,
    ProjectLockedError,
)
from nextslice.evaluation.metrics import ClassMetrics
from nextslice.project import MaskStore, Project, QueriedSlice, Query, SliceState

POOL = [SliceId(f"case-{c}", i) for c in range(3) for i in range(4)]


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Project]:
    def begin(**changes: object) -> Project:
        arguments: dict[str, object] = {
            "config": {"seed": 0, "size": (50, 50), "selection": {"name": "random"}},
            "environment": {"python": "3"},
            "pool": POOL,
        }
        return Project(tmp_path / "run", **(arguments | changes))  # type: ignore[arg-type]

    return begin


def _query(cycle: int, *rows: int, score: float | None = None) -> Query:
    slices = tuple(QueriedSlice(row, POOL[row], score) for row in rows)
    return Query(cycle, slices, batch_score=score, strength=score)


def _mask(value: int) -> np.ndarray:
    return np.full((5, 4), value, np.uint8)


@pytest.mark.promise(
    "Nothing is written that could not be read again.",
    fault="infinite metrics, batch scores and seconds, names without an end",
)
@pytest.mark.parametrize(
    "write",
    [
        lambda project: project.add_query(
            Query(1, (), batch_score=float("inf")), score_seconds=0, select_seconds=0
        ),
        lambda project: project.add_query(
            _query(1, 7, score=float("nan")), score_seconds=0, select_seconds=0
        ),
        lambda project: project.add_query(
            _query(1, 7), score_seconds=float("inf"), select_seconds=0
        ),
        lambda project: project.record(
            0, {"organ": ClassMetrics(0.5, 0.5, float("inf"), 1)}, eval_seconds=0
        ),
        lambda project: project.record(
            0, {"o" * 1001: ClassMetrics(0.5, 0.5, 1.0, 1)}, eval_seconds=0
        ),
        lambda project: project.set_trained(
            0, n_labelled=-1, weights_sha256="ab", train_seconds=1
        ),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    begin: Callable[..., Project], write: Callable[[Project], object]
) -> None:
    with begin() as project:
        project.add_query(_query(0, 5, 2), score_seconds=0, select_seconds=0)
        with pytest.raises(ProjectError, match="nothing was kept"):
            write(project)
    with begin() as project:
        assert project.last_cycle() == 0
        assert not project.is_recorded(0)
        project.record(0, {"organ": ClassMetrics(0.5, 0.5, 1.0, 1)}, eval_seconds=0)


@pytest.mark.promise(
    "What the database says of is never taken for a new project", fault="project.db is lost"
)
@pytest.mark.parametrize("emptied", [False, True], ids=["removed", "emptied"])
def test_a_lost_database_is_no_new_project(
    begin: Callable[..., Project], emptied: bool
) -> None:
    with begin() as project:
        project.add_query(_query(0, 5, 2), score_seconds=0, select_seconds=0)
        project.add_annotations(0, {5: _mask(1)}, annotator="oracle")
        database, table = project.folder / "project.db", project.folder / "queries.csv"
    before = table.read_bytes()
    database.write_bytes(b"") if emptied else database.unlink()
    with pytest.raises(ProjectError, match=r"missing or empty.*annotations"):
        begin()
    assert table.read_bytes() == before


def test_a_run_that_is_opened_again_is_as_it_was(begin: Callable[..., Project]) -> None:
    with begin() as project:
        project.add_query(_query(0, 5, 2), score_seconds=0, select_seconds=0)
        project.add_annotations(0, {5: _mask(1)}, annotator="oracle")
    with begin() as project:
        assert project.query(0) == _query(0, 5, 2)
        assert project.rows_in(SliceState.LABELLED).tolist() == [5]
        assert project.rows_in(SliceState.QUERIED).tolist() == [2]
        assert len(project.rows_in(SliceState.UNLABELLED)) == len(POOL) - 2


def test_labelled_slices_come_in_the_order_they_were_asked_for(
    begin: Callable[..., Project],
) -> None:
    with begin() as project:
        project.add_query(_query(0, 7, 3), score_seconds=0, select_seconds=0)
        project.add_annotations(0, {3: _mask(3), 7: _mask(7)}, annotator="oracle")
        project.add_query(_query(1, 1), score_seconds=0, select_seconds=0)
        project.add_annotations(1, {1: _mask(1)}, annotator="oracle")
        rows, masks = project.labelled()
    assert rows.tolist() == [7, 3, 1]
    assert [int(mask[0, 0]) for mask in masks] == [7, 3, 1]


def test_a_new_version_counts_and_the_old_one_is_kept(begin: Callable[..., Project]) -> None:
    with begin() as project:
        project.add_query(_query(0, 4), score_seconds=0, select_seconds=0)
        for value in (1, 1, 2):  # the second is the first again
            project.add_annotations(0, {4: _mask(value)}, annotator="expert")
        rows, masks = project.labelled()
        kept = sorted((project.folder / "annotations").rglob("*.npy"))
    assert rows.tolist() == [4]
    assert np.array_equal(masks[0], _mask(2))
    assert len(kept) == 2


def test_a_mask_of_a_slice_that_was_not_asked_for_is_refused_and_nothing_is_kept(
    begin: Callable[..., Project],
) -> None:
    with begin() as project:
        project.add_query(_query(0, 4), score_seconds=0, select_seconds=0)
        with pytest.raises(AnnotationError, match="row 9"):
            project.add_annotations(0, {4: _mask(1), 9: _mask(1)}, annotator="expert")
        assert len(project.rows_in(SliceState.LABELLED)) == 0


def test_the_tables_are_the_contract_that_other_programs_read(
    begin: Callable[..., Project],
) -> None:
    with begin() as project:
        project.add_query(_query(0, 5, 2), score_seconds=0, select_seconds=0)
        project.add_annotations(0, {5: _mask(1), 2: _mask(0)}, annotator="oracle")
        project.set_trained(0, n_labelled=2, weights_sha256="ab", train_seconds=1.5)
        metrics = {
            "gland": ClassMetrics(0.75, float("nan"), 2.5, 0),
            "mean": ClassMetrics(0.75, float("nan"), 2.5, 0),
        }
        project.record(0, metrics, eval_seconds=0.25)
        project.record(0, {}, eval_seconds=99.0)  # changes nothing
        project.add_query(_query(1, 0, score=0.5), score_seconds=2, select_seconds=0.125)
        folder = project.folder
    assert (folder / "cycles.csv").read_text() == (
        "cycle,n_labelled,class,dice_3d,dice_2d,hd95_3d_mm,"
        "train_seconds,score_seconds,select_seconds,eval_seconds\n"
        "0,2,gland,0.75,,2.5,1.5,0,0,0.25\n"
        "0,2,mean,0.75,,2.5,1.5,0,0,0.25\n"
    )
    assert (folder / "queries.csv").read_text() == (
        "cycle,rank,case,slice,score,batch_score,strength,volumes_in_query\n"
        "0,0,case-1,1,,,,2\n"
        "0,1,case-0,2,,,,2\n"
        "1,0,case-0,0,0.5,0.5,0.5,1\n"
    )
    assert yaml.safe_load((folder / "config.yaml").read_text())["seed"] == 0
    settings = {"seed": 0, "size": [50, 50], "selection": {"name": "random"}}
    assert json.loads((folder / "environment.json").read_text()) == {
        "python": "3",
        "settings": settings,
    }


def test_other_settings_are_refused_and_named(begin: Callable[..., Project]) -> None:
    begin().close()
    changed = {"seed": 1, "size": [50, 50], "selection": {"name": "top-k"}}
    with pytest.raises(ProjectChangedError) as caught:
        begin(config=changed)
    assert "seed: 0 then, 1 now" in str(caught.value)
    assert "selection.name: random then, top-k now" in str(caught.value)
    assert "size" not in str(caught.value)
    begin().close()  # the refusal left the run as it was, and free


def test_what_a_run_began_with_is_not_what_its_edited_settings_say(
    begin: Callable[..., Project], tmp_path: Path
) -> None:
    """A live project reads its settings from the file that they would be held against."""
    begin().close()
    path = tmp_path / "run" / "config.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: 1"))
    edited = yaml.safe_load(path.read_text())
    with pytest.raises(ProjectChangedError, match="seed: 0 then, 1 now"):
        begin(config=edited)
    begin().close()  # by what it began with it goes on, and its file says so again
    assert yaml.safe_load(path.read_text())["seed"] == 0


@pytest.mark.parametrize("kept", [None, "seed", ["seed"]], ids=["absent", "text", "list"])
def test_a_run_whose_settings_were_not_kept_apart_goes_on_and_keeps_them_from_then_on(
    begin: Callable[..., Project], tmp_path: Path, kept: object
) -> None:
    """As those of earlier versions."""
    begin().close()
    path, now = tmp_path / "run" / "environment.json", {"seed": 1}
    environment = json.loads(path.read_text())
    settings = environment.pop("settings")
    path.write_text(json.dumps(environment | ({"settings": kept} if kept else {})))
    with pytest.raises(ProjectChangedError, match="seed: 0 then, 1 now"):
        begin(config=settings | now)
    begin().close()
    assert json.loads(path.read_text())["settings"] == settings


def test_other_data_or_versions_are_refused_unless_accepted_and_then_recorded(
    begin: Callable[..., Project],
) -> None:
    begin().close()
    with pytest.raises(ProjectChangedError, match="python: 3 then, 4 now"):
        begin(environment={"python": "4"})
    with begin(environment={"python": "4"}, accept_changes=True) as project:
        kept = json.loads((project.folder / "environment.json").read_text())
    assert kept.pop("settings")
    assert kept == {"python": "4", "changes": [["python: 3 then, 4 now"]]}
    begin(environment={"python": "4"}).close()
    with pytest.raises(ProjectChangedError, match="python: 4 then, 3 now"):
        begin()


def _with_code(own: dict[str, str], others: dict[str, str] | None = None) -> dict[str, object]:
    return {"python": "3", "code": {"nextslice": own, "others": others or {}}}


def test_code_that_changed_is_named_by_its_files_in_a_few_words(
    begin: Callable[..., Project],
) -> None:
    files = [f"data/file_{k}.py" for k in range(9)]
    then = _with_code(dict.fromkeys(files, "a1"), {"mine.selection": "a1", "gone": "a1"})
    now = _with_code(
        dict.fromkeys(files, "b2") | {"learner.py": "b2"},
        {"mine.selection": "b2", "new": "b2"},
    )
    begin(environment=then).close()
    with pytest.raises(ProjectChangedError) as caught:
        begin(environment=now)
    assert str(caught.value).splitlines()[1:5] == [
        "  code: 10 files of nextslice are not as they were: data/file_0.py, data/file_1.py, "
        "data/file_2.py, data/file_3.py, data/file_4.py and 5 more",
        "  code: gone is no longer used, or gone",
        "  code: mine.selection is not as it was",
        "  code: new is used now, and was not",
    ]
    assert "a1" not in str(caught.value)
    with begin(environment=now, accept_changes=True) as project:
        kept = json.loads((project.folder / "environment.json").read_text())
    (recorded,) = kept.pop("changes")
    assert kept.pop("settings")
    assert kept == now
    assert len(recorded) == 13
    assert "code.nextslice.data/file_8.py: a1 then, b2 now" in recorded
    assert "code.nextslice.learner.py: (absent) then, b2 now" in recorded
    begin(environment=now).close()


def test_a_run_whose_code_was_not_kept_goes_on_and_keeps_it_from_then_on(
    begin: Callable[..., Project],
) -> None:
    """Runs of earlier versions kept no hashes: nobody knows, which is no difference."""
    begin().close()
    with begin(environment=_with_code({"learner.py": "a1"})) as project:
        kept = json.loads((project.folder / "environment.json").read_text())
    assert kept.pop("settings")
    assert kept == _with_code({"learner.py": "a1"})
    with pytest.raises(
        ProjectChangedError, match=r"1 file of nextslice is not as it was: learner\.py\b"
    ):
        begin(environment=_with_code({"learner.py": "b2"}))


@pytest.mark.parametrize(
    "leftover",
    ["environment.json", ".config.yaml.k3j.tmp", ".lock", "..lock-holder.json.x.tmp"],
)
def test_a_run_that_was_killed_while_it_began_begins_again(
    begin: Callable[..., Project], tmp_path: Path, leftover: str
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / leftover).write_text("{}" if leftover.endswith("json") else "")
    begin().close()


def test_tables_that_a_crash_left_behind_are_written_at_the_next_start(
    begin: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    with begin() as project:
        project.add_query(_query(0, 5), score_seconds=0, select_seconds=0)
        before = (project.folder / "queries.csv").read_text()
        monkeypatch.setattr(project, "write_tables", lambda: None)
        project.add_query(_query(1, 6), score_seconds=0, select_seconds=0)
        assert (project.folder / "queries.csv").read_text() == before
    with begin() as project:
        assert "case-1,2" in (project.folder / "queries.csv").read_text()


def test_a_damaged_database_is_told_and_left_as_it_is(begin: Callable[..., Project]) -> None:
    with begin() as project:
        database = project.folder / "project.db"
    database.write_bytes(damaged := database.read_bytes()[:3000])
    with pytest.raises(ProjectError, match="cannot be read"):
        begin()
    assert database.read_bytes() == damaged


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProjectError, match="which failed"):
        Project(tmp_path / "file" / "run", config={}, environment={}, pool=POOL)


def test_a_database_of_another_version_is_refused(begin: Callable[..., Project]) -> None:
    with begin() as project:
        database = project.folder / "project.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ProjectError, match="got version 99"):
        begin()


@pytest.mark.parametrize("name", ["run?mode=memory", "run#1", "läufe und mehr", "50%"])
def test_any_name_of_a_folder_holds_its_own_database(tmp_path: Path, name: str) -> None:
    Project(tmp_path / name, config={}, environment={}, pool=POOL).close()
    assert (tmp_path / name / "project.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_setting_that_may_change_changes(begin: Callable[..., Project]) -> None:
    begin().close()
    config = {"seed": 1, "size": (50, 50), "selection": {"name": "random"}}
    with begin(config=config, may_change=frozenset({"seed"})) as project:
        assert yaml.safe_load((project.folder / "config.yaml").read_text())["seed"] == 1


def test_another_pool_is_refused_by_the_names_of_its_cases_and_leaves_the_run_as_it_was(
    begin: Callable[..., Project],
) -> None:
    begin().close()
    other = [SliceId("case-0", k) for k in range(3)] + [SliceId("new", 0)]
    changed = {"pool": other, "environment": {"python": "4"}, "accept_changes": True}
    with pytest.raises(ProjectChangedError, match=r"new: new\n  missing: case-1") as caught:
        begin(**changed)
    assert "put missing ones back" in caught.value.remedy
    begin().close()  # what was accepted was not written down


def test_data_that_changed_are_told_without_fingerprints(
    begin: Callable[..., Project],
) -> None:
    begin(environment={"data": "0a1b"}).close()
    with pytest.raises(ProjectChangedError, match="scans or labels are not as") as caught:
        begin(environment={"data": "2c3d"})
    assert "2c3d" not in str(caught.value)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ProjectError, match="holds other files"):
        Project(tmp_path, config={}, environment={}, pool=POOL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


_HOLD = """
import sys, time
from nextslice.project.lock import ProjectLock
from pathlib import Path
lock = ProjectLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.promise(
    "Two processes never share a run: the second is told who the first is, and a lock left "
    "by a kill is no obstacle.",
    fault="a second process, SIGKILL of the first",
)
def test_a_second_process_is_told_who_the_first_is_and_a_killed_one_is_no_obstacle(
    begin: Callable[..., Project], tmp_path: Path
) -> None:
    begin().close()
    first = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ProjectLockedError, match=f"process {first.pid} on"):
            begin()
    finally:
        first.kill()
        first.communicate()
    begin().close()


def test_a_damaged_mask_is_named_and_not_used(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    name = store.put(_mask(3))
    assert np.array_equal(store.get(name), _mask(3))
    path = next(tmp_path.rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ProjectError, match="damaged"):
        store.get(name)
    path.unlink()
    with pytest.raises(ProjectError, match="cannot be read"):
        store.get(name)


def test_names_stand_in_the_tables_as_they_are_for_the_programs_that_read_them(
    tmp_path: Path,
) -> None:
    """SECURITY.md says what a spreadsheet makes of such a name."""
    names = ["=1+1", "+a", "-b", "@c", '=HYPERLINK("x,y")', "d\te"]
    pool = [SliceId(name, 0) for name in names]
    with Project(tmp_path / "run", config={}, environment={}, pool=pool) as project:
        asked = tuple(QueriedSlice(row, pool[row]) for row in range(len(pool)))
        project.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
        project.write_tables()
    with (tmp_path / "run" / "queries.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["case"] for row in csv.DictReader(stream)] == names
