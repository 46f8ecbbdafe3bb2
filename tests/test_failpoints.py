"""Where tests kill the program: every place is known, and unset none is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nextslice
from nextslice.errors import SettingsError, StorageError
from nextslice.failpoints import FAILPOINTS, PLACES, STREAMED, VARIABLE, WRITTEN, reach
from nextslice.files import write_atomically

SOURCE = Path(nextslice.__file__).parent


WRITERS = {"write_atomically": 2, "writing_atomically": 1, "replacing": 1}
"""Which of their arguments says what is written."""


def _named_in_the_source() -> tuple[set[str], set[str], set[str]]:
    """Places reached by name; kinds of files, those that are streamed apart."""
    places: set[str] = set()
    whole: set[str] = set()
    streamed: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
            if node.func.id == "reach":
                places |= {text for text in texts if isinstance(text, str)}
            elif node.func.id == "put_in_place":
                places |= {
                    f"{text!s}.{step}" for text in texts for step in ("whole", "renamed")
                }
            elif node.func.id in WRITERS and path.name != "files.py":
                what = node.args[WRITERS[node.func.id] :][0]
                assert isinstance(what, ast.Constant), f"{path}: {ast.unparse(node)}"
                kinds = whole if node.func.id == "write_atomically" else streamed
                kinds.add(str(what.value))
    return places, whole, streamed


def test_every_place_is_in_the_source_and_the_source_knows_no_other() -> None:
    places, whole, streamed = _named_in_the_source()
    known = [what for kinds in WRITTEN.values() for what in kinds]
    assert streamed == set(STREAMED)
    assert whole | streamed == set(known)
    assert len(set(known)) == len(known)
    assert len(set(FAILPOINTS)) == len(FAILPOINTS)
    assert places == {name for name in FAILPOINTS if name.partition(".")[0] not in known}
    assert set(PLACES) == set(WRITTEN)


def test_unset_nothing_happens_at_any_place() -> None:
    for name in FAILPOINTS:
        reach(name)


def test_a_write_fails_where_it_is_told_to_and_each_time_or_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "mask"
    monkeypatch.setenv(VARIABLE, "mask.written:enospc")
    for _ in range(2):
        with pytest.raises(StorageError, match="No space left on device"):
            write_atomically(path, b"new", "mask")
    write_atomically(path, b"old", "weights")
    monkeypatch.setenv(VARIABLE, "mask.written:eio:2")
    write_atomically(path, b"newer", "mask")
    with pytest.raises(StorageError, match="the disk, its cable or the network to it fails"):
        write_atomically(path, b"newest", "mask")
    write_atomically(path, b"newest", "mask")
    assert path.read_bytes() == b"newest"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "setting", ["", "mask.fsynced", "mask.fsync:kill", "mask.fsynced:stop", "mask.half:kill:x"]
)
def test_a_setting_that_nobody_understands_is_told(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(VARIABLE, setting)
    with pytest.raises(SettingsError, match="meant for tests"):
        reach("mask.fsynced")
