"""What the files of a project say is believed in nothing: they may come from somebody else."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import sqlite3
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.faults.rebacked import exchange

from nextslice.errors import CheckpointError, ProjectError, StorageError
from nextslice.files import write_atomically
from nextslice.live import LiveProject
from nextslice.models.checkpoints import load_model, save_model
from nextslice.models.inference import SegmentationModel
from nextslice.models.unet import UNet
from nextslice.project import AnswerKind, NewAnswer, Records, SliceState
from nextslice.project.arrays import array_pieces, read_arrays
from nextslice.project.backup import back_up
from nextslice.project.proposals import are_whole, read_proposals
from nextslice.project.restoring import restore
from nextslice.project.scores import read_scores
from nextslice.project.tables import tables_of
from nextslice.project.verifying import verify
from nextslice.status import status_of

Command = Callable[..., tuple[int | None, str]]

NO_MASK = pytest.mark.promise(
    "A mask whose name, row and backup fit is still refused if it is no mask of the project.",
    fault="unknown classes, fractions, another shape, texts, objects, a header of 64 GiB",
)
MADE_AGAIN = pytest.mark.promise(
    "Damaged scores and proposals count as missing; no command ends on them.",
    fault="every bit flipped; arrays that unpack to far more than is expected",
)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextslice.project.verifying._PAUSE", 0.0)


def _npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    content = io.BytesIO()
    said = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(content, said)
    return content.getvalue()


NO_MASKS: dict[str, Callable[[np.ndarray], bytes]] = {
    "a class that there is not": lambda mask: _npy(np.full_like(mask, 200)),
    "fractions": lambda mask: _npy(np.full(mask.shape, 0.5)),
    "another shape": lambda mask: _npy(np.zeros((3, 3), np.uint8)),
    "a volume": lambda mask: _npy(np.zeros((1, *mask.shape), np.uint8)),
    "nothing": lambda mask: _npy(np.zeros((0, 5), np.uint8)),
    "words": lambda mask: _npy(np.full(mask.shape, "a")),
    "objects": lambda mask: _npy(np.array([print], dtype=object)),
    "text": lambda mask: b"not a mask",
    "a header of 64 GiB": lambda mask: _header("|u1", (2**18, 2**18)) + b"x" * 10,
    "more bytes than pixels": lambda mask: _npy(mask) + b"x",
}


def _exchange(project: Path, content_of: Callable[[np.ndarray], bytes]) -> str:
    """Another file for one native mask, with all that names it; the file's name."""
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        (name,) = connection.execute("SELECT native_sha256 FROM answers").fetchone()
        mask = np.load(project / "annotations" / name[:2] / f"{name}.npy")
        content = content_of(mask)
        new = hashlib.sha256(content).hexdigest()
        statement = "UPDATE answers SET native_sha256 = ? WHERE native_sha256 = ?"
        connection.execute(statement, (new, name))
    path = project / "annotations" / new[:2] / f"{new}.npy"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return new


@NO_MASK
@pytest.mark.parametrize("what", NO_MASKS)
def test_what_is_no_mask_of_the_project_is_named_refused_and_never_handed_out(
    project: Path, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "kidneys.zip"
    back_up(project, file)
    older = file.read_bytes()
    name = _exchange(project, NO_MASKS[what])
    findings = verify(project).findings
    (finding,) = (finding for finding in findings if name in finding.path)
    assert "version 1 by" in finding.problem
    assert len(findings) == 1 or what == "another shape"  # of two, either may be wrong
    with pytest.raises(ProjectError, match="cannot be backed up"):
        back_up(project, file)
    assert file.read_bytes() == older
    exchange(file, project, "project.db", f"annotations/{name[:2]}/{name}.npy")
    with pytest.raises(ProjectError, match="cannot be restored"):
        restore(file, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()
    with (
        Records.look(project) as records,
        pytest.raises(ProjectError, match="which holds none") as told,
    ):
        records.mask(name, shape=(16, 16), classes=2)
    assert told.value.remedy


@NO_MASK
def test_export_says_so_too(project: Path, tmp_path: Path, command: Command) -> None:
    _exchange(project, NO_MASKS["another shape"])
    code, said = command("export", project, tmp_path / "out")
    assert code not in (0, None)
    assert "Traceback" not in said
    assert "which holds none" in " ".join(said.split())


def _swept(path: Path, bits: range, same: Callable[[], bool]) -> int:
    """Flip bits of a file one by one; how often nothing was read that is the same."""
    content = bytearray(path.read_bytes())
    refused = 0
    for place in range(len(content)):
        for bit in bits:
            content[place] ^= 1 << (bit + place) % 8
            path.write_bytes(content)
            refused += not same()
            content[place] ^= 1 << (bit + place) % 8
    return refused


FEW_AND_ALL = pytest.mark.parametrize(
    "bits", [range(1), pytest.param(range(8), marks=pytest.mark.faults)], ids=["few", "all"]
)


@MADE_AGAIN
@FEW_AND_ALL
def test_a_flipped_bit_in_the_scores_makes_them_missing_or_changes_nothing(
    project: Path, bits: range
) -> None:
    path = project / "scores/cycle-01.npz"
    with Records.look(project) as records:
        count = len(records.states())
    scores = read_scores(path, count)
    assert scores is not None

    def same() -> bool:
        found = read_scores(path, count)
        if found is not None:
            assert np.array_equal(found.case, scores.case)
            assert np.array_equal(found.index, scores.index)
            assert np.array_equal(found.score, scores.score)
        return found is not None

    assert _swept(path, bits, same) > 0


@MADE_AGAIN
@FEW_AND_ALL
def test_a_flipped_bit_in_the_proposals_makes_them_missing_or_changes_nothing(
    project: Path, bits: range
) -> None:
    path = project / "proposals/cycle-01.npz"
    proposals = read_proposals(path)
    assert proposals is not None

    def same() -> bool:
        found = read_proposals(path, rows=proposals.rows, classes=2)
        assert are_whole(path, rows=proposals.rows, classes=2) == (found is not None)
        if found is not None:
            assert found.rows == proposals.rows
            assert np.array_equal(found.masks, proposals.masks)
            assert np.array_equal(found.uncertainties, proposals.uncertainties)
        return found is not None

    assert _swept(path, bits, same) > 0


def _bomb(path: Path, *arrays: tuple[str, str, tuple[int, ...]]) -> None:
    """Arrays of zeros, each of as many bytes as its header says, packed to next to nothing."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, dtype, shape in arrays:
            left = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
            with archive.open(f"{name}.npy", "w") as member:
                member.write(_header(dtype, shape))
                while left:
                    left -= member.write(bytes(min(left, 2**20)))


@MADE_AGAIN
def test_what_unpacks_to_more_than_is_expected_takes_no_memory(project: Path) -> None:
    scores, proposals = project / "scores/cycle-01.npz", project / "proposals/cycle-01.npz"
    n = 2**23
    _bomb(scores, ("case", "<U1", (n,)), ("slice", "<i8", (n,)), ("score", "<f8", (n,)))
    maps = (2, 8192, 8192)
    sha256 = ("weights_sha256", "<U64", ())
    _bomb(
        proposals,
        ("row", "<i8", (2,)),
        ("mask", "|u1", maps),
        ("uncertainty", "|u1", maps),
        sha256,
    )
    tracemalloc.start()
    try:
        assert {finding.path for finding in verify(project).findings} >= {"scores/cycle-01.npz"}
        back_up(project, project.parent / "kidneys.zip")
        with Records.look(project) as records:
            assert records.scores(1) is None
            assert records.proposals(1, shape=(16, 16)) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20


def test_arrays_are_read_as_numpy_writes_them(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "a": np.arange(6, dtype=np.int64).reshape(2, 3),
        "b": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "c": np.array("word"),
        "d": np.zeros((0, 4), np.uint8),
    }
    path = tmp_path / "arrays.npz"
    for write in (np.savez, np.savez_compressed):
        write(path, **arrays)
        read = read_arrays(path, dict.fromkeys(arrays, lambda found: True))
        assert all(np.array_equal(read[name], array) for name, array in arrays.items())
        assert all(read[name].dtype == array.dtype for name, array in arrays.items())
        pieces = [*array_pieces(path, dict.fromkeys(arrays, lambda found: True))]
        assert [name for name, _ in pieces] == list(arrays)
        assert all(set(piece.flat) == set(arrays[name].flat) for name, piece in pieces)
        with pytest.raises(ValueError, match="not expected"):
            read_arrays(path, dict.fromkeys(arrays, lambda found: found.shape == (2, 3)))
        with pytest.raises(ValueError, match="other arrays"):
            read_arrays(path, {"a": lambda found: True})


NO_VALUE = pytest.mark.promise(
    "What no column of the database may hold is named, and no command ends on it.",
    fault="states, kinds, numbers, times and texts exchanged; single bits flipped",
)

NO_VALUES = {
    "a state that there is not": "UPDATE slices SET state = 'foo' WHERE row = 0",
    "a kind that there is not": "UPDATE answers SET kind = 'zzz'",
    "bytes for a text": "UPDATE answers SET annotator = x'ff00ff'",
    "a text that is none": "UPDATE answers SET annotator = CAST(x'ff00ff' AS TEXT)",
    "a text without end": "UPDATE answers SET annotator = printf('%.*c', 30000000, 'x')",
    "a text that is too long": "UPDATE answers SET annotator = printf('%.*c', 101, 'x')",
    "a word for seconds": "UPDATE answers SET seconds = 'x'",
    "a word for a time": "UPDATE answers SET created = 'yesterday'",
    "a slice before the first": "UPDATE slices SET slice = -1 WHERE row = 0",
    "a slice that is missing": "UPDATE slices SET row = 100000 WHERE row = "
    "(SELECT max(row) FROM slices)",
    "a version too large": "UPDATE answers SET version = 9223372036854775807 WHERE id = 1",
    "a cycle too large": "UPDATE cycles SET trained_through = 1 << 40",
    "a word for a score": "UPDATE queries SET score = 'abc' WHERE cycle = 1",
    "an endless score": "UPDATE queries SET score = 9e999 WHERE cycle = 1",
    "neither true nor false": "UPDATE answers SET conflicting = 2 WHERE id = 1",
}


def _read_all(project: Path) -> None:
    """All that commands read of a project."""
    status_of(project)
    with Records.look(project) as records:
        for cycle in range((records.last_cycle() or 0) + 1):
            records.query(cycle)
            records.weights_of(cycle)
            records.is_recorded(cycle)
            records.answers_since(cycle)
            records.scores(cycle)
            records.proposals(cycle)
        records.newest_answers()
        for row in records.rows_in(*SliceState).tolist():
            records.versions(row)
            records.asked_in(row)
        records.labelled()
        with records.reading() as connection:
            tables_of(connection)


@NO_VALUE
@pytest.mark.parametrize("what", NO_VALUES)
def test_a_value_that_no_column_may_hold_is_named_and_refused(
    project: Path, tmp_path: Path, what: str
) -> None:
    shutil.copytree(project, tmp_path / "edited")
    with closing(sqlite3.connect(tmp_path / "edited/project.db")) as connection, connection:
        connection.execute(NO_VALUES[what])
    findings = verify(tmp_path / "edited").findings
    assert "project.db" in {finding.path for finding in findings}
    with contextlib.suppress(ProjectError):
        _read_all(tmp_path / "edited")
    file = tmp_path / "kidneys.zip"
    back_up(project, file)
    older = file.read_bytes()
    with pytest.raises(ProjectError):
        back_up(tmp_path / "edited", file)
    assert file.read_bytes() == older
    exchange(file, tmp_path / "edited", "project.db")
    with pytest.raises(ProjectError, match="cannot be restored"):
        restore(tmp_path / "kidneys.zip", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


@NO_VALUE
def test_the_status_of_a_damaged_project_is_a_clear_error(
    project: Path, command: Command
) -> None:
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        connection.execute("UPDATE slices SET state = 'unlabelldd' WHERE row = 0")
    code, said = command("status", project)
    assert code == 2
    assert "'unlabelldd'" in said
    assert "nextslice verify" in " ".join(said.split())


def test_a_text_that_would_not_come_back_is_not_kept(project: Path) -> None:
    with LiveProject.open(project) as live:
        before = live.project.newest_answers()
        row = live.project.query(1).slices[0].row
        new = NewAnswer(row=row, kind=AnswerKind.SKIP, annotator="x" * 101, reason="no")
        with pytest.raises(ProjectError, match="at most 100 characters"):
            live.project.add_answers([new])
        assert live.project.newest_answers() == before


@NO_VALUE
@pytest.mark.parametrize(
    "flips", [40, pytest.param(1500, marks=pytest.mark.faults)], ids=["few", "many"]
)
def test_a_flipped_bit_in_the_database_is_named_or_every_command_reads_on(
    project: Path, flips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nextslice.project.verifying._LOOKS", 1)
    path = project / "project.db"
    content = bytearray(path.read_bytes())
    filled = [place for place, byte in enumerate(content) if byte]
    rng = np.random.default_rng(3)
    named = 0
    for place, bit in zip(rng.choice(filled, flips), rng.integers(8, size=flips), strict=True):
        content[place] ^= 1 << int(bit)
        path.write_bytes(content)
        content[place] ^= 1 << int(bit)
        found = bool(verify(project).findings)
        named += found
        try:
            _read_all(project)
        except ProjectError:
            assert found, (int(place), int(bit))
    assert named


ELSEWHERE = pytest.mark.promise(
    "A link or a pipe in a project is no file of it: nothing is read through it or waits.",
    fault="links to other files and folders, pipes without anybody at their other end",
)


@ELSEWHERE
@pytest.mark.parametrize("name", ["tensorboard/events.out.x", "scores/cycle-01.npz"])
def test_a_link_out_of_a_project_is_not_followed_into_a_backup(
    project: Path, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("what nobody else may read")
    (project / name).unlink(missing_ok=True)
    (project / name).symlink_to(secret)
    back_up(project, tmp_path / "kidneys.zip")
    with zipfile.ZipFile(tmp_path / "kidneys.zip") as archive:
        assert name not in archive.namelist()
        assert not any(b"nobody else" in archive.read(entry) for entry in archive.namelist())


@ELSEWHERE
def test_a_link_in_the_place_of_the_name_of_a_project_is_told_and_not_read(
    project: Path, tmp_path: Path
) -> None:
    """Left out without a word, work orders would come back to a project of another name."""
    (tmp_path / "secret").write_text("0123456789abcdef")
    (project / "identity.txt").unlink(missing_ok=True)
    (project / "identity.txt").symlink_to(tmp_path / "secret")
    (finding,) = verify(project).findings
    assert finding.path == "identity.txt"
    with pytest.raises(ProjectError, match=r"identity\.txt"):
        back_up(project, tmp_path / "kidneys.zip")
    assert not (tmp_path / "kidneys.zip").exists()


@ELSEWHERE
@pytest.mark.parametrize("name", ["annotations", "models", "models/cycle-00", "scores"])
def test_a_folder_that_is_a_link_is_named_and_the_rest_is_looked_at(
    project: Path, tmp_path: Path, name: str
) -> None:
    (project / name).rename(tmp_path / "away")
    (tmp_path / "elsewhere").mkdir()  # what is looked for there is missing
    (project / name).symlink_to(tmp_path / "elsewhere")
    (project / "proposals/cycle-01.npz").write_bytes(b"")
    seen = verify(project)
    assert [finding.path for finding in seen.findings] == [name, "proposals/cycle-01.npz"]
    assert (seen.answers, seen.masks, seen.models) == (4, 8, 1)


@ELSEWHERE
@pytest.mark.parametrize("name", ["annotations", "models", "models/cycle-00", "project.db"])
def test_a_part_of_a_project_that_is_a_link_is_refused(
    project: Path, tmp_path: Path, name: str
) -> None:
    (project / name).rename(tmp_path / "elsewhere")
    (project / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProjectError):
        Records.look(project)
    with pytest.raises(ProjectError):
        back_up(project, tmp_path / "kidneys.zip")


@ELSEWHERE
@pytest.mark.parametrize(
    "name",
    [
        "environment.json",
        "config.yaml",
        "cycles.csv",
        "scores/cycle-01.npz",
        "proposals/cycle-01.npz",
        "models/cycle-00/manifest.json",
    ],
)
def test_a_pipe_in_a_project_is_named_and_nobody_waits_for_it(
    project: Path, name: str, command: Command
) -> None:
    (project / name).unlink()
    os.mkfifo(project / name)
    code, said = command("verify", project)
    assert code == 1
    assert name.removesuffix("/manifest.json") in "".join(said.split())
    command("status", project)


def test_a_project_whose_own_folder_is_a_link_is_a_project(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(project)
    assert verify(tmp_path / "link").findings == ()


@pytest.mark.promise(
    "Weights that are no finite numbers make no model: it is trained again.",
    fault="a weight that is not a number; hash, manifest and database fit",
)
def test_weights_that_are_not_finite_are_no_model(tmp_path: Path) -> None:
    network = UNet(classes=2, channels=(4, 8))
    model = SegmentationModel(network, classes=2, device="cpu")
    with torch.no_grad():
        next(iter(model.network.parameters())).view(-1)[0] = torch.nan
    save_model(model, tmp_path)
    with pytest.raises(CheckpointError, match="no finite number"):
        load_model(tmp_path, network, device="cpu")


def test_what_is_no_file_is_never_replaced_and_a_long_name_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="no file, but a device"):
        write_atomically(tmp_path / "pipe", "text", "table")
    assert (tmp_path / "pipe").is_fifo()
    with pytest.raises(StorageError) as told:
        write_atomically(tmp_path / ("x" * 300), "text", "table")
    assert "shorter name" in told.value.remedy
    (tmp_path / "target").write_text("as it was")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", "text", "table")
    assert (tmp_path / "target").read_text() == "as it was"
    assert not (tmp_path / "link").is_symlink()
