"""Whatever of a project is damaged is named, with what it means and what to do."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.faults import flows

from nextslice.annotators import Desk
from nextslice.errors import ProjectError
from nextslice.live import LiveProject
from nextslice.project import Records
from nextslice.project.verifying import verify

Command = Callable[..., tuple[int | None, str]]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextslice.project.verifying._PAUSE", 0.02)


def _mask(project: Path) -> Path:
    """The native mask of one answer."""
    with Records.look(project) as records:
        answer = next(iter(records.newest_answers().values()))
        assert answer.native_sha256 is not None
        return records.mask_file(answer.native_sha256)


def _flip(path: Path, position: int = -1) -> str:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    return path.name


def _flipped_mask(project: Path) -> str:
    return _flip(_mask(project))


def _lost_mask(project: Path) -> str:
    path = _mask(project)
    path.unlink()
    return path.name


def _another_mask(project: Path) -> str:
    """Whole, but not the one of its name."""
    path = _mask(project)
    np.save(path, np.zeros((3, 3), np.uint8))
    return path.name


def _flipped_weights(project: Path) -> str:
    _flip(project / "models/cycle-00/weights.safetensors", 5000)
    return "models/cycle-00"


def _lost_manifest(project: Path) -> str:
    (project / "models/cycle-00/manifest.json").unlink()
    return "models/cycle-00"


def _edited_manifest(project: Path) -> str:
    """One loss of its history another: nothing but its own hash tells."""
    path = project / "models/cycle-00/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["history"][0] += 0.5
    path.write_text(json.dumps(manifest))
    return "models/cycle-00"


def _manifest_with_more(project: Path) -> str:
    path = project / "models/cycle-00/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"more": 1}))
    return "models/cycle-00"


def _nested_manifest(project: Path) -> str:
    (project / "models/cycle-00/manifest.json").write_text("[" * 200_000)
    return "models/cycle-00"


def _another_model(project: Path) -> str:
    """Whole, but not the one that the database names."""
    folder = project / "models/cycle-00"
    (folder / "weights.safetensors").write_bytes(b"other weights")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"] = "51f7d02d8aff0fd7c0a33ad2b0e0f4c5d3b7a8dbb1d4d38ec1fc9b0b5e0a1b2c"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return "models/cycle-00"


def _changed_table(project: Path) -> str:
    path = project / "queries.csv"
    path.write_text(path.read_text().replace("0,", "1,", 1))
    return "queries.csv"


def _lost_table(project: Path) -> str:
    (project / "cycles.csv").unlink()
    return "cycles.csv"


def _cut_scores(project: Path) -> str:
    path = project / "scores/cycle-01.npz"
    path.write_bytes(path.read_bytes()[:-40])
    return "scores/cycle-01.npz"


def _other_scores(project: Path) -> str:
    path = project / "scores/cycle-01.npz"
    with np.load(path) as kept:
        changed = dict(kept) | {"score": kept["score"] + 1}
    np.savez(path, **changed)
    return "scores/cycle-01.npz"


def _cut_proposals(project: Path) -> str:
    path = project / "proposals/cycle-01.npz"
    path.write_bytes(path.read_bytes()[:100])
    return "proposals/cycle-01.npz"


def _empty_config(project: Path) -> str:
    (project / "config.yaml").write_text("")
    return "config.yaml"


def _cut_environment(project: Path) -> str:
    path = project / "environment.json"
    path.write_text(path.read_text()[:-10])
    return "environment.json"


def _loose_row(project: Path) -> str:
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        connection.execute("UPDATE queries SET row = 999 WHERE cycle = 1 AND rank = 0")
    return "project.db"


def _hidden_trigger(project: Path) -> str:
    """Somebody's, that would throw answers away."""
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        connection.execute(
            "CREATE TRIGGER t AFTER INSERT ON answers BEGIN DELETE FROM answers; END"
        )
    return "project.db"


def _damaged_page(project: Path) -> str:
    """A page in the midst of the database: it opens, and is wrong inside."""
    path = project / "project.db"
    content = bytearray(path.read_bytes())
    page = 4096 * (len(content) // 4096 // 2)
    content[page : page + 200] = bytes(200)
    path.write_bytes(content)
    return "project.db"


def _damaged_index(project: Path) -> str:
    """That of the keys of answers: all rows are sound, but what is sent again is not found."""
    path = project / "project.db"
    with closing(sqlite3.connect(path)) as connection:
        asked = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_answers_2'"
        ((root,),) = connection.execute(asked)
        ((size,),) = connection.execute("PRAGMA page_size")
    _flip(path, root * size - 1)  # the end of its page: of the key that came first
    return "project.db"


def _cut_database(project: Path) -> str:
    path = project / "project.db"
    path.write_bytes(path.read_bytes()[:3000])
    return "project.db"


DAMAGES = [
    *(_flipped_mask, _lost_mask, _another_mask),
    *(_flipped_weights, _lost_manifest, _another_model),
    *(_edited_manifest, _manifest_with_more, _nested_manifest),
    *(_changed_table, _lost_table, _cut_scores, _other_scores, _cut_proposals),
    *(_empty_config, _cut_environment, _loose_row, _hidden_trigger),
    *(_damaged_page, _damaged_index, _cut_database),
]


@pytest.mark.promise(
    "nextslice verify names what is damaged, what that means and what to do.",
    fault="bits flipped, files lost, cut, exchanged or edited, rows and pages damaged",
)
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_named_with_what_it_means_and_what_to_do(
    project: Path, damage: Callable[[Path], str]
) -> None:
    assert verify(project).findings == ()
    name = damage(project)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    findings = verify(project).findings
    named = [finding for finding in findings if finding.path.endswith(name)]
    assert len(named) == 1, findings
    assert all(finding.problem and finding.meaning and finding.remedy for finding in findings)
    if name != "project.db":  # all else rests on it
        assert findings == tuple(named)
    assert {path: path.read_bytes() for path in before} == before  # it looks, no more


def test_a_damaged_mask_is_named_by_its_slice_and_who_drew_it(project: Path) -> None:
    name = _flipped_mask(project)
    (finding,) = verify(project).findings
    assert name in finding.path
    assert "version 1 by Dr Ada" in finding.problem
    with Records.look(project) as records:
        assert any(f"of {slice_id.case}," in finding.problem for slice_id in records.states())


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is none"):
        verify(tmp_path)


@pytest.mark.promise(
    "A newest model that is damaged or lost is made again, with the same end result.",
    fault="a manifest that was edited, or is nested without end",
)
@pytest.mark.parametrize("damage", [_edited_manifest, _nested_manifest])
def test_a_model_whose_manifest_is_damaged_is_trained_again_to_the_same(
    project: Path,
    damage: Callable[[Path], str],
    answered: str,
    result_of: Callable[[Path], str],
) -> None:
    damage(project)
    with LiveProject.open(project) as live:
        assert live.learner.model.classes == 3
    assert verify(project).findings == ()
    assert result_of(project) == answered


def test_what_is_tidied_up_or_made_again_is_whole_after_the_next_start(
    project: Path, answered: str, result_of: Callable[[Path], str]
) -> None:
    """Tables are written anew, leftovers of a killed process are gone."""
    _changed_table(project)
    _lost_table(project)
    leftovers = [
        project / ".config.yaml.x1.tmp",
        project / "annotations" / "ab" / ".abc.npy.x2.tmp",
        project / "models" / "cycle-00" / ".weights.safetensors.x3.tmp",
    ]
    for path in leftovers:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    Desk(LiveProject.open(project), go_on=False).close()
    assert verify(project).findings == ()
    assert not any(path.exists() for path in leftovers)
    assert result_of(project) == answered


@pytest.mark.promise(
    "Training refuses a damaged mask by name; once it is put back, it goes on.",
    fault="a bit flipped in a mask",
)
def test_training_refuses_a_damaged_mask_by_name(project: Path) -> None:
    with Records.look(project) as records:
        answer = next(iter(records.newest_answers().values()))
        path = records.mask_file(str(answer.mask_sha256))  # what training uses
        whole = path.read_bytes()
    with Desk(LiveProject.open(project)) as desk:
        _flip(path)
        desk.finish_query()
        assert desk.wait(60)
        assert desk.overview().phase == "failed"
        assert f"{path} is damaged" in desk.overview().error
        assert desk._project.weights_of(1) is None
        path.write_bytes(whole)
        desk.finish_query(cycle=1)
        assert desk.wait(60)
        assert desk.overview().error == ""
        assert desk.overview().cycle == 2
    assert verify(project).findings == ()


def test_a_damaged_mask_is_mended_by_saving_the_same_again(project: Path) -> None:
    """What is acknowledged then is whole, though a file of its name was there."""
    path = _mask(project)
    with Records.look(project) as records:
        row, answer = next(iter(records.newest_answers().items()))
        name = list(records.states())[row]
    with Desk(LiveProject.open(project)) as desk:
        _flip(path)
        slice_id = desk.id_of(name)
        mask = flows.drawn(name.case, name.index, desk.shape(slice_id))
        saved = desk.save(
            slice_id, mask, annotator="Dr Ada", base_version=answer.version, key="again-again"
        )
        assert saved.version == 2
    assert verify(project).findings == ()


def test_people_may_go_on_annotating_while_a_project_is_verified(project: Path) -> None:
    ended = threading.Event()
    looked: list[int] = []

    def look() -> None:
        while not ended.is_set():
            seen = verify(project)
            assert seen.findings == ()
            looked.append(seen.answers)

    with Desk(LiveProject.open(project)) as desk:
        watcher = threading.Thread(target=look)
        watcher.start()
        view = desk.overview().slices[0]
        for number in range(60):
            mask = flows.drawn(view.case, 100 + number, view.shape)
            desk.save(
                view.id, mask, annotator="Ada", base_version=1 + number, key=f"many-{number}"
            )
        desk.finish_query()
        desk.wait(60)
        ended.set()
        watcher.join()
    assert looked[-1] > looked[0]
    assert verify(project).answers == 64


def test_the_command_says_it_and_exits_with_1(project: Path, command: Command) -> None:
    code, told = command("verify", project)
    assert (code, told.splitlines()[-1]) == (
        0,
        f"{project}: whole (4 answers, 8 masks, 1 model)",
    )
    name = _flipped_mask(project)
    shutil.rmtree(project / "models")
    code, told = command("verify", project)
    assert code == 1
    assert f"{name}: the mask of slice" in told
    assert "What it means: " in told
    assert "What to do: " in told
    assert told.splitlines()[-1] == (
        f"{project}: 2 files or folders damaged (looked at 4 answers, 8 masks, 1 model)"
    )
    code, told = command("verify", project / "nowhere")
    assert code == 2
    assert "there is none" in told
