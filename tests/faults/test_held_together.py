"""What lies in a project is held together: rows with rows, files with rows, and settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.faults.rebacked import exchange

from nextslice.annotators import Desk
from nextslice.errors import ProjectChangedError, ProjectError
from nextslice.live import LiveProject
from nextslice.project.backup import back_up
from nextslice.project.restoring import restore
from nextslice.project.verifying import verify

PROPOSALS = "proposals/cycle-01.npz"

TOGETHER = pytest.mark.promise(
    "What is whole by itself and does not fit the rest is named, and no backup is made of it.",
    fault="states, marks and cycles of answers changed, answers and slices taken away",
)
NOT_HIDDEN = pytest.mark.promise(
    "nextslice verify names what is damaged, what that means and what to do.",
    fault="a value, a mask, a model, scores and proposals at once",
)
OTHER_PROPOSALS = pytest.mark.promise(
    "Damaged scores and proposals count as missing; no command ends on them.",
    fault="proposals for other slices, of another model, of a class that there is not",
)
SETTINGS = pytest.mark.promise(
    "nextslice verify names what is damaged, what that means and what to do.",
    fault="settings and names edited: a config.yaml that opening refuses, one that it takes",
)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextslice.project.verifying._PAUSE", 0.0)
    monkeypatch.setattr("nextslice.project.backup._PAUSE", 0.0)


def _change(project: Path, statement: str) -> None:
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        connection.execute(statement)


def _refused(project: Path, file: Path, name: str, words: str) -> None:
    """By `verify`, by `backup`, and by `restore` where somebody made a backup all the same."""
    (finding,) = verify(project).findings
    assert finding.path == name
    assert words in finding.problem
    older = file.read_bytes()
    with pytest.raises(ProjectError, match="cannot be backed up"):
        back_up(project, file)
    assert file.read_bytes() == older
    exchange(file, project, name)
    with pytest.raises(ProjectError, match="cannot be restored") as told:
        restore(file, file.with_name("restored"))
    assert words in told.value.problem
    assert not file.with_name("restored").exists()


NOT_TOGETHER = {
    "an answer that counts no longer": (
        "UPDATE answers SET conflicting = 1 WHERE id = 1",
        "is kept as labelled, which by its queries and the answers that count is queried",
    ),
    "a slice that says it is labelled": (
        "UPDATE slices SET state = 'labelled' WHERE row = "
        "(SELECT min(row) FROM slices WHERE state = 'unlabelled')",
        "is kept as labelled, which by its queries and the answers that count is unlabelled",
    ),
    "a slice that says it was skipped": (
        "UPDATE slices SET state = 'skipped' WHERE row = "
        "(SELECT row FROM answers WHERE id = 1)",
        "is kept as skipped, which by its queries and the answers that count is labelled",
    ),
    "an answer to another query": (
        "UPDATE answers SET cycle = 1 - cycle WHERE id = 1",
        "asked for it, which did not",
    ),
    "an answer that is gone": ("DELETE FROM answers WHERE id = 2", "answers are missing"),
}


@TOGETHER
@pytest.mark.parametrize("what", NOT_TOGETHER)
def test_rows_that_do_not_fit_each_other_are_named_and_not_backed_up_nor_restored(
    project: Path, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "kidneys.zip"
    back_up(project, file)
    statement, words = NOT_TOGETHER[what]
    _change(project, statement)
    _refused(project, file, "project.db", words)


def test_a_slice_whose_answer_counts_no_longer_is_named(project: Path) -> None:
    with closing(sqlite3.connect(project / "project.db")) as connection:
        found = connection.execute(
            'SELECT slice, "case" FROM slices JOIN answers USING (row) WHERE id = 1'
        )
        index, case = found.fetchone()
    _change(project, "UPDATE answers SET conflicting = 1 WHERE id = 1")
    (finding,) = verify(project).findings
    assert f"slice {index} of {case}" in finding.problem


@NOT_HIDDEN
def test_one_damaged_value_hides_no_other_damage(project: Path) -> None:
    _change(project, "UPDATE answers SET seconds = 'x', annotator = x'00' WHERE id = 1")
    mask = next((project / "annotations").rglob("*.npy"))
    damaged = [mask.relative_to(project).as_posix(), "models/cycle-00/weights.safetensors"]
    damaged += ["scores/cycle-01.npz", PROPOSALS]
    for name in damaged:
        (project / name).write_bytes((project / name).read_bytes() + b"x")
    (project / PROPOSALS).write_bytes(b"")
    (project / "scores/cycle-01.npz").write_bytes(b"")
    seen = verify(project)
    damaged[1] = "models/cycle-00"
    assert [finding.path for finding in seen.findings] == ["project.db", *damaged]
    assert "answers.seconds: Expected a finite number" in seen.findings[0].problem
    assert "answers.annotator: Expected a text" in seen.findings[0].problem
    assert (seen.answers, seen.masks, seen.models) == (4, 8, 1)


def test_a_database_that_cannot_be_read_hides_no_damaged_settings(project: Path) -> None:
    (project / "project.db").write_bytes((project / "project.db").read_bytes()[:3000])
    (project / "environment.json").write_text("{")
    assert [f.path for f in verify(project).findings] == ["project.db", "environment.json"]


def _for_other_slices(kept: dict[str, np.ndarray]) -> None:
    kept["row"] = kept["row"][::-1].copy()


def _of_another_model(kept: dict[str, np.ndarray]) -> None:
    kept["weights_sha256"] = np.array("0" * 64)


def _of_a_class_that_there_is_not(kept: dict[str, np.ndarray]) -> None:
    kept["mask"][-1, 0, 0] = 3


@OTHER_PROPOSALS
@pytest.mark.parametrize(
    "change", [_for_other_slices, _of_another_model, _of_a_class_that_there_is_not]
)
def test_proposals_that_are_not_the_querys_are_named_left_out_and_computed_again(
    project: Path, tmp_path: Path, change: Callable[[dict[str, np.ndarray]], None]
) -> None:
    file = tmp_path / "kidneys.zip"
    back_up(project, file)
    with np.load(project / PROPOSALS) as whole:
        wanted = {name: whole[name] for name in whole.files}
    changed = {name: value.copy() for name, value in wanted.items()}
    change(changed)
    np.savez(project / PROPOSALS, **changed)
    (finding,) = verify(project).findings
    assert finding.path == PROPOSALS
    made = back_up(project, tmp_path / "newer.zip")
    assert made.left_out == (PROPOSALS,)
    assert restore(tmp_path / "newer.zip", tmp_path / "newer").findings == ()
    exchange(file, project, PROPOSALS)
    with pytest.raises(ProjectError, match=f"{PROPOSALS}: it is damaged, or not what"):
        restore(file, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()
    with Desk(LiveProject.open(project)) as desk:
        assert desk.wait(60)
        shown = [desk.proposal(view.id) for view in desk.overview().slices]
    assert all(view is not None and view.mask.max() <= 2 for view in shown)
    assert verify(project).findings == ()
    with np.load(project / PROPOSALS) as again:
        assert all(np.array_equal(again[name], value) for name, value in wanted.items())


def _edit(project: Path, **settings: object) -> None:
    path = project / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | settings))


@SETTINGS
def test_settings_that_opening_refuses_are_named_and_those_that_may_change_are_not(
    project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "kidneys.zip"
    back_up(project, file)
    _edit(project, budget=7)
    assert verify(project).findings == ()
    training = yaml.safe_load((project / "config.yaml").read_text())["training"]
    _edit(project, training=training | {"steps": 5})
    _refused(project, file, "config.yaml", "training.steps: 6 then, 5 now")
    with pytest.raises(ProjectChangedError, match=r"training\.steps: 6 then, 5 now"):
        LiveProject.open(project)
    LiveProject.open(project, accept_changes=True).close()
    assert verify(project).findings == ()
    back_up(project, file)


@SETTINGS
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("environment.json", b"[]"),
        ("environment.json", b"\xff\xfe{}"),
        ("identity.txt", b"\xff"),
        ("identity.txt", b"0123456789abcde"),
        ("identity.txt", b"an order of somebody else's\n"),
    ],
)
def test_settings_and_a_name_that_are_no_text_of_ours_are_named(
    project: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    (project / name).write_bytes(content)
    (finding,) = verify(project).findings
    assert finding.path == name
    with pytest.raises(ProjectError, match=name):
        back_up(project, tmp_path / "kidneys.zip")
