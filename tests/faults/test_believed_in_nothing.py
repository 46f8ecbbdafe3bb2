"""What the files of a project say is believed in nothing: they may come from somebody else."""

from __future__ import annotations

import hashlib
import io
import sqlite3
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nextslice.errors import ProjectError
from nextslice.project import Records
from nextslice.project.arrays import check_arrays, read_arrays
from nextslice.project.backup import back_up
from nextslice.project.proposals import are_whole, read_proposals
from nextslice.project.restoring import restore
from nextslice.project.scores import read_scores
from nextslice.project.verifying import verify

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
    name = _exchange(project, NO_MASKS[what])
    findings = verify(project).findings
    (finding,) = (finding for finding in findings if name in finding.path)
    assert "version 1 by" in finding.problem
    assert len(findings) == 1 or what == "another shape"  # of two, either may be wrong
    back_up(project, tmp_path / "kidneys.zip")
    with pytest.raises(ProjectError, match="cannot be restored"):
        restore(tmp_path / "kidneys.zip", tmp_path / "restored")
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
        assert found in (None, scores)
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
        found = read_proposals(path, slices=len(proposals.rows))
        assert are_whole(path, slices=len(proposals.rows)) == (found is not None)
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
            assert records.proposals(1, (16, 16)) is None
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
        check_arrays(path, dict.fromkeys(arrays, lambda found: True))
        with pytest.raises(ValueError, match="not expected"):
            read_arrays(path, dict.fromkeys(arrays, lambda found: found.shape == (2, 3)))
        with pytest.raises(ValueError, match="other arrays"):
            read_arrays(path, {"a": lambda found: True})
