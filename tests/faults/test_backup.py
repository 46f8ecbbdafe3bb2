"""A project in one file and back; a file that is not whole, or not ours, leaves nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sqlite3
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
from tests.faults import flows
from tests.faults.scenes import files_of

from nextslice.annotators import Desk
from nextslice.errors import NextsliceError, ProjectError, SettingsError, StorageError
from nextslice.failpoints import VARIABLE
from nextslice.files import write_atomically
from nextslice.live import LiveProject
from nextslice.models.checkpoints import read_manifest
from nextslice.models.manifest import sealed_manifest
from nextslice.plain_files import read_plain
from nextslice.progress import Progress
from nextslice.project import Records
from nextslice.project.backup import CONTENTS, back_up
from nextslice.project.lock import take_lock
from nextslice.project.restoring import restore
from nextslice.project.verifying import verify

NOTHING_LEFT = pytest.mark.promise(
    "A backup that is damaged, cut or made by somebody else leaves nothing behind.",
    fault="bytes flipped or cut, foreign names, links, false sizes and hashes, bombs",
)

Command = Callable[..., tuple[int | None, str]]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextslice.project.verifying._PAUSE", 0.02)
    monkeypatch.setattr("nextslice.project.backup._PAUSE", 0.02)


@pytest.fixture(scope="module")
def backup(answered_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "kidneys.zip"
    back_up(answered_folder, file)
    return file


def _go_on(folder: Path) -> str:
    """Finish the open query; the weights that come of it."""
    with Desk(LiveProject.open(folder)) as desk:
        desk.finish_query()
        assert desk.wait(60)
        assert desk.overview().error == ""
    return str(read_manifest(folder / "models" / "cycle-01")["sha256"])


@pytest.mark.promise(
    "A backup restored is the same project, and goes on as the original does.",
    fault="the original is gone",
)
def test_a_restored_project_goes_on_as_the_original_does(
    project: Path, answered: str, result_of: Callable[[Path], str], tmp_path: Path
) -> None:
    made = back_up(project, tmp_path / "kidneys.zip")
    assert made.left_out == ()
    expected = _go_on(project)
    shutil.rmtree(project)
    seen = restore(tmp_path / "kidneys.zip", tmp_path / "restored")
    assert (seen.answers, seen.masks, seen.models, seen.findings) == (4, 8, 1, ())
    assert result_of(tmp_path / "restored") == answered
    assert _go_on(tmp_path / "restored") == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kidneys.zip", "restored"]


def test_a_project_with_a_write_ahead_log_comes_back_too(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nextslice.project.connections.journal_mode", lambda path: "WAL")
    with Desk(LiveProject.open(project)) as desk:
        view = desk.overview().slices[0]
        mask = flows.drawn(view.case, 100, view.shape)
        desk.save(view.id, mask, annotator="Ada", base_version=1, key="key-100")
        back_up(project, tmp_path / "kidneys.zip")
    seen = restore(tmp_path / "kidneys.zip", tmp_path / "restored")
    assert (seen.answers, seen.findings) == (5, ())
    assert not list((tmp_path / "restored").glob("project.db-*"))


def test_the_same_project_gives_the_same_file(project: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        back_up(project, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.promise(
    "A backup made while people annotate holds all that was acknowledged before it began.",
    fault="backups while answers are saved and a training runs",
)
def test_backups_while_people_annotate_hold_all_that_was_acknowledged_before(
    project: Path, tmp_path: Path
) -> None:
    backups: list[tuple[int, Path]] = []
    acknowledged, ended = [1], threading.Event()

    def take() -> None:
        while not ended.is_set():
            file = tmp_path / f"{len(backups)}.zip"
            before = acknowledged[0]
            back_up(project, file)
            backups.append((before, file))

    with Desk(LiveProject.open(project)) as desk:
        view = desk.overview().slices[0]
        taking = threading.Thread(target=take)
        taking.start()
        for number in range(60):
            if number == 20:
                desk.finish_query()
            mask = flows.drawn(view.case, 100 + number, view.shape)
            saved = desk.save(
                view.id, mask, annotator="Ada", base_version=1 + number, key=f"many-{number}"
            )
            acknowledged[0] = saved.version
        desk.wait(60)
        ended.set()
        taking.join()
        row = desk._row(view.id)
    assert len(backups) > 3
    assert backups[-1][0] > backups[0][0]
    for before, file in backups[:: max(1, len(backups) // 6)]:
        folder = tmp_path / f"of-{file.stem}"
        assert restore(file, folder).findings == ()
        with Records.look(folder) as records:
            versions = [answer.version for answer in records.versions(row)]
        assert versions == list(range(1, len(versions) + 1))
        assert len(versions) >= before


def test_a_damaged_mask_is_named_and_the_older_backup_stays(
    project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "kidneys.zip"
    back_up(project, file)
    before = file.read_bytes()
    path = next((project / "annotations").rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ProjectError, match=f"annotations/../{path.name}: the mask of slice"):
        back_up(project, file)
    assert file.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kidneys.zip", "project"]


def test_what_can_be_made_again_is_left_out_where_it_is_damaged(
    project: Path, tmp_path: Path
) -> None:
    whole = _go_on(shutil.copytree(project, tmp_path / "copy"))
    (project / "models/cycle-00/manifest.json").unlink()
    (project / "scores/cycle-01.npz").write_bytes(b"")
    made = back_up(project, tmp_path / "kidneys.zip")
    assert made.left_out == ("models/cycle-00", "scores/cycle-01.npz")
    seen = restore(tmp_path / "kidneys.zip", tmp_path / "restored")
    assert {finding.path for finding in seen.findings} == set(made.left_out)
    assert _go_on(tmp_path / "restored") == whole


@pytest.mark.promise(
    "A backup replaces nothing but an older backup.",
    fault="the names of a scan, of an archive of other things, of a folder and of files of the "
    "project, typed for it",
)
@pytest.mark.parametrize(
    "typed",
    ["scan.nii.gz", "other.zip", "folder", "project/project.db", "project/new.zip", "link.zip"],
)
def test_nothing_else_is_replaced_by_a_backup(
    project: Path, tmp_path: Path, typed: str
) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(b"voxels"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.zip").symlink_to(project / "project.db")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("letters.txt", "to somebody")
    before = files_of(tmp_path)
    with pytest.raises(SettingsError) as raised:
        back_up(project, tmp_path / typed)
    assert str(tmp_path / typed) in raised.value.problem
    assert raised.value.remedy
    assert files_of(tmp_path) == before


def test_a_disk_that_does_not_take_it_leaves_the_older_backup(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kidneys.zip"
    back_up(project, file)
    older = file.read_bytes()
    (project / "README").write_text("something new")
    for step in ("opened", "written", "fsynced"):
        monkeypatch.setenv(VARIABLE, f"backup.{step}:enospc")
        with pytest.raises(StorageError):
            back_up(project, file)
        assert file.read_bytes() == older
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.name]


def test_where_there_are_no_locks_restoring_leaves_nothing(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise ProjectError("There are no locks here.", remedy="Use another file system.")

    monkeypatch.setattr("nextslice.project.scratch.take_lock", refuse)
    with pytest.raises(ProjectError, match="no locks"):
        restore(backup, tmp_path / "restored")
    assert list(tmp_path.iterdir()) == []


def _refused(file: Path, folder: Path, words: str = "") -> None:
    """It is, with a cause and what to do, and nothing is left."""
    around = sorted(path.name for path in folder.parent.iterdir())
    with pytest.raises(NextsliceError, match=words or None) as raised:
        restore(file, folder)
    assert raised.value.remedy or "there is none" in raised.value.problem
    assert not folder.exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == around


@NOTHING_LEFT
@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.8, 0.95, 0.999])
def test_a_backup_that_was_cut_leaves_nothing(
    backup: Path, tmp_path: Path, share: float
) -> None:
    content = backup.read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(content[: int(share * len(content))])
    _refused(cut, tmp_path / "restored", "cannot be restored")


@NOTHING_LEFT
@pytest.mark.parametrize(
    "place", [*range(8), *(pytest.param(n, marks=pytest.mark.faults) for n in range(8, 64))]
)
def test_a_backup_with_a_flipped_bit_is_refused_or_was_not_hurt(
    backup: Path,
    tmp_path: Path,
    answered: str,
    result_of: Callable[[Path], str],
    place: int,
) -> None:
    """A bit that means nothing, such as a date, may flip; one that means something may not."""
    content = bytearray(backup.read_bytes())
    rng = np.random.default_rng(place)
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    flipped = tmp_path / "flipped.zip"
    flipped.write_bytes(content)
    try:
        restore(flipped, tmp_path / "restored")
    except ProjectError:
        _refused(flipped, tmp_path / "restored")
    else:
        assert result_of(tmp_path / "restored") == answered
        assert verify(tmp_path / "restored").findings == ()


def _contents(backup: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    with zipfile.ZipFile(backup) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return files, json.loads(files.pop(CONTENTS))


def _write(file: Path, files: dict[str, bytes], contents: dict[str, Any]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(CONTENTS, json.dumps(contents))
    return file


def _entry(content: bytes) -> dict[str, object]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@NOTHING_LEFT
@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        "/tmp/outside.txt",  # noqa: S108
        "annotations/../../outside.txt",
        "C:\\outside.txt",
        "..\\outside.txt",
        "annotations/ab/../../../outside.npy",
        "models/cycle-00/../../outside",
        "models/cycle-00/model.pt",
        "tensorboard/../outside",
        "tensorboard/.lock",
        ".lock",
        "project.db-wal",
        "project.db-journal",
        "config.yaml/",
        "config.yaml\n",
        "CONFIG.YAML",
        "annotations/",
        "sitecustomize.py",
    ],
)
def test_a_name_that_no_project_has_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    files, contents = _contents(backup)
    files[name] = b"hostile"
    contents["files"][name] = _entry(b"hostile")
    (tmp_path / "in").mkdir()
    file = _write(tmp_path / "hostile.zip", files, contents)
    _refused(file, tmp_path / "in" / "restored", "cannot be restored")
    assert not list(tmp_path.rglob("outside*"))


def _no_database(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    del files["project.db"], contents["files"]["project.db"]


def _unnamed_file(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    files["scores/cycle-07.npz"] = b"x"


def _lost_file(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    del files["config.yaml"]


def _other_size(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    contents["files"]["config.yaml"]["size"] += 1


def _size_in_words(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    contents["files"]["config.yaml"]["size"] = "much"


def _other_hash(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    contents["files"]["config.yaml"]["sha256"] = "0" * 64


def _other_format(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    contents["format"] = 99


def _left_out(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    """What nothing can make again is said to be damaged, and is."""
    contents["left_out"] = ["config.yaml"]
    files["config.yaml"] = b""
    contents["files"]["config.yaml"] = _entry(b"")


def _no_files(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    contents["files"] = []


def _other_mask(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    """Whole by the backup's own hashes, but not the mask of its name."""
    name = next(name for name in files if name.startswith("annotations"))
    files[name] = b"another"
    contents["files"][name] = _entry(b"another")


def _lost_mask(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    name = next(name for name in files if name.startswith("annotations"))
    del files[name], contents["files"][name]


def _no_real_database(files: dict[str, bytes], contents: dict[str, Any]) -> None:
    files["project.db"] = b"SQLite format 3\0" + bytes(5000)
    contents["files"]["project.db"] = _entry(files["project.db"])


@NOTHING_LEFT
@pytest.mark.parametrize(
    "change",
    [
        *(_no_database, _unnamed_file, _lost_file, _other_size, _size_in_words, _other_hash),
        *(_other_format, _left_out, _no_files, _other_mask, _lost_mask, _no_real_database),
    ],
)
def test_a_backup_that_is_not_what_it_says_is_refused(
    backup: Path, tmp_path: Path, change: Callable[[dict[str, bytes], dict[str, Any]], None]
) -> None:
    files, contents = _contents(backup)
    change(files, contents)
    (tmp_path / "in").mkdir()
    _refused(_write(tmp_path / "x.zip", files, contents), tmp_path / "in" / "restored")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice_is_refused(backup: Path, tmp_path: Path) -> None:
    shutil.copy(backup, tmp_path / "twice.zip")
    with zipfile.ZipFile(tmp_path / "twice.zip", "a") as archive:
        archive.writestr("config.yaml", b"other: 1")
    _refused(tmp_path / "twice.zip", tmp_path / "restored", "twice")


HARM = pytest.mark.promise(
    "A backup that is damaged, cut or made by somebody else leaves nothing behind.",
    fault="a database with views, triggers and names that lead elsewhere; members packed or "
    "hidden in other ways",
)


def _with_database(backup: Path, file: Path, *statements: str) -> Path:
    """A backup whose database somebody has changed, under hashes that fit."""
    files, contents = _contents(backup)
    database = file.with_suffix(".db")
    database.write_bytes(files["project.db"])
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    files["project.db"] = database.read_bytes()
    database.unlink()
    contents["files"]["project.db"] = _entry(files["project.db"])
    return _write(file, files, contents)


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"


@HARM
@pytest.mark.parametrize(
    "statements",
    [
        (f"CREATE VIEW more AS {ENDLESS}",),
        (
            "ALTER TABLE queries RENAME TO others",
            f"CREATE VIEW queries AS {ENDLESS} LIMIT 30000000",
        ),
        ("CREATE TRIGGER t AFTER INSERT ON answers BEGIN DELETE FROM answers; END",),
        ("CREATE TABLE more (x)",),
        ("CREATE INDEX more ON answers (length(hex(zeroblob(100000000))))",),
        ("ALTER TABLE metrics ADD COLUMN more AS (hex(zeroblob(100000000)))",),
        ("ALTER TABLE metrics ADD COLUMN more TEXT",),
        ("DROP TABLE metrics",),
    ],
    ids=["view", "view-for-table", "trigger", "table", "index", "computed", "column", "less"],
)
def test_a_database_that_is_not_a_projects_is_refused_before_anything_is_asked_of_it(
    backup: Path, tmp_path: Path, statements: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "nextslice.project.restoring.write_tables", lambda *_: asked.append("tables")
    )
    file = _with_database(backup, tmp_path / "hostile.zip", *statements)
    (tmp_path / "in").mkdir()
    _refused(file, tmp_path / "in" / "restored", "its tables are not those of a project")
    assert asked == []


@HARM
@pytest.mark.parametrize(
    "name", ["../../outside", "/etc/outside", "..", "", "0" * 63, "é" * 64]
)
def test_a_mask_whose_name_leads_elsewhere_is_refused_and_not_looked_for(
    backup: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []

    def look(path: Path) -> bytes:
        looked.append(path)
        return read_plain(path)

    monkeypatch.setattr("nextslice.project.masks.read_plain", look)
    file = _with_database(
        backup,
        tmp_path / "x.zip",
        f"UPDATE answers SET mask_sha256 = '{name}'",  # noqa: S608 - as hostile as can be
    )
    (tmp_path / "in").mkdir()
    _refused(file, tmp_path / "in" / "restored", "which no mask is called")
    assert all(
        path.is_relative_to(tmp_path / "in") and ".." not in path.parts for path in looked
    )


def test_a_backup_is_not_made_of_a_project_that_names_a_mask_so(
    project: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        connection.execute("UPDATE answers SET native_sha256 = '/etc/passwd' WHERE id = 1")
    with pytest.raises(ProjectError, match="which no mask is called"):
        back_up(project, tmp_path / "kidneys.zip")
    (finding,) = verify(project).findings
    assert finding.path == "project.db"
    assert "which no mask is called" in finding.problem


@HARM
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack_are_refused_before_anything_is_unpacked(
    backup: Path, tmp_path: Path, method: int
) -> None:
    files, contents = _contents(backup)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(CONTENTS, json.dumps(contents), compress_type=method)
    _refused(tmp_path / "x.zip", tmp_path / "restored", "packed in a way that no backup is")


@HARM
def test_an_encrypted_member_is_refused(backup: Path, tmp_path: Path) -> None:
    content = bytearray(backup.read_bytes())
    directory = content.find(b"PK\x01\x02")
    content[directory + 8] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    _refused(tmp_path / "x.zip", tmp_path / "restored", "is encrypted")


@HARM
def test_a_query_that_takes_far_too_long_is_ended(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nextslice.project.connections._STEPS", 1)
    monkeypatch.setattr("nextslice.project.connections._QUERY", 50)
    monkeypatch.setattr("nextslice.project.connections._BYTES_A_CALL", 2**40)
    _refused(backup, tmp_path / "restored", "interrupted")


def test_a_large_file_is_unpacked_a_little_at_a_time(backup: Path, tmp_path: Path) -> None:
    files, contents = _contents(backup)
    name, size = "tensorboard/events.large", 60_000_000
    files[name] = bytes(size)
    contents["files"][name] = _entry(files[name])
    file = _write(tmp_path / "large.zip", files, contents)
    files.clear()
    tracemalloc.start()
    try:
        restore(file, tmp_path / "restored")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 2
    assert (tmp_path / "restored" / name).stat().st_size == size


def test_a_model_that_is_replaced_meanwhile_is_whole_in_the_backup_or_left_out(
    project: Path, tmp_path: Path
) -> None:
    """Weights of one training beside the manifest of another would be a backup of nothing."""
    checkpoint, other = project / "models" / "cycle-00", tmp_path / "other"
    shutil.copytree(checkpoint, other)
    tensors = safetensors.torch.load_file(other / "weights.safetensors")
    weights = safetensors.torch.save({name: value + 1 for name, value in tensors.items()})
    fields = json.loads((other / "manifest.json").read_text())
    del fields["format"], fields["manifest_sha256"]
    manifest = sealed_manifest(fields | {"sha256": hashlib.sha256(weights).hexdigest()})
    kinds: set[bool] = set()
    steps: list[Progress] = []
    back_up(project, tmp_path / "steps.zip", steps.append)
    for moment in range(len(steps)):
        folder = shutil.copytree(project, tmp_path / f"project-{moment}")

        def replace(done: Progress, folder: Path = folder, moment: int = moment) -> None:
            if done.done == moment + 1:
                there = folder / "models" / "cycle-00"
                write_atomically(there / "weights.safetensors", weights, "weights")
                write_atomically(there / "manifest.json", manifest, "manifest")

        file = tmp_path / f"{moment}.zip"
        made = back_up(folder, file, replace)
        assert made.left_out in ((), ("models/cycle-00",))
        kinds.add(bool(made.left_out))
        seen = restore(file, tmp_path / f"restored-{moment}")
        assert {finding.path for finding in seen.findings} == set(made.left_out)
    assert kinds == {True, False}


def test_a_model_whose_files_are_exchanged_while_they_are_opened_is_left_out(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its weights and its manifest."""
    manifest = project / "models" / "cycle-00" / "manifest.json"
    fields = json.loads(manifest.read_text())
    del fields["format"], fields["manifest_sha256"]
    real = read_plain

    def exchanged(path: Path) -> bytes:
        if path == manifest:
            return sealed_manifest(fields | {"sha256": "0" * 64}).encode()
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr("nextslice.models.checkpoints.read_plain", exchanged)
        made = back_up(project, tmp_path / "kidneys.zip")
    assert made.left_out == ("models/cycle-00",)
    restore(tmp_path / "kidneys.zip", tmp_path / "restored")


def test_a_link_becomes_no_link(backup: Path, tmp_path: Path) -> None:
    """What an archive says of a file's kind is not looked at: bytes are bytes."""
    files, contents = _contents(backup)
    target = b"/etc/passwd"
    contents["files"]["config.yaml"] = _entry(target)
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if name == "config.yaml" else 0o644) << 16
            archive.writestr(info, target if name == "config.yaml" else content)
        archive.writestr(CONTENTS, json.dumps(contents))
    _refused(tmp_path / "link.zip", tmp_path / "restored", "it holds no settings")


def test_a_bomb_is_refused_before_anything_is_unpacked(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, contents = _contents(backup)
    files["tensorboard/bomb"] = bytes(50_000_000)  # 50 kB packed
    contents["files"]["tensorboard/bomb"] = _entry(files["tensorboard/bomb"])
    file = _write(tmp_path / "bomb.zip", files, contents)
    assert file.stat().st_size < 1_000_000
    usage = shutil.disk_usage(tmp_path)._replace(free=40_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    _refused(file, tmp_path / "restored", "takes .* bytes, and the disk of")


def test_what_is_no_backup_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a backup")
    _refused(tmp_path / "text", tmp_path / "restored", "cannot be restored")
    _refused(tmp_path / "none", tmp_path / "restored", "there is none")


def test_nothing_that_is_there_is_replaced(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "restored"
    folder.mkdir()
    restore(backup, folder)  # an empty folder is fine
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(ProjectError, match="new or an empty folder"):
        restore(backup, folder)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_restore_that_was_killed_is_no_obstacle_and_one_at_work_is_left_alone(
    backup: Path, tmp_path: Path
) -> None:
    dead, alive, foreign = (tmp_path / f".restored.restoring-{name}" for name in "abc")
    for folder in (dead, alive, foreign):
        folder.mkdir()
        (folder / "config.yaml").write_text("half")
    (dead / ".lock").touch()
    lock = take_lock(alive / ".lock")
    assert lock is not None
    assert restore(backup, tmp_path / "restored").findings == ()
    lock.release()
    assert {path.name for path in tmp_path.iterdir()} == {
        "restored",
        alive.name,
        foreign.name,  # nobody of ours: it has no lock
    }


def test_the_commands_say_what_they_did(
    project: Path, tmp_path: Path, command: Command
) -> None:
    file = tmp_path / "kidneys.zip"
    code, told = command("backup", project, file)
    assert code == 0, told
    assert "bytes unpacked" in told
    code, told = command("restore", file, tmp_path / "restored")
    assert code == 0, told
    assert "restored, every answer whole (4 answers, 8 masks, 1 model)" in told
    code, told = command("restore", file, tmp_path / "restored")
    assert code == 2
    assert "Choose another one" in told
