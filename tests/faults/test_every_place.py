"""No place is forgotten: what the tests of this folder stop at is held against all there is."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import nextslice
from nextslice.failpoints import FAILPOINTS

NO_FILE = {
    "commit.before",  # SQLite's own writes: tests/project/test_connections.py has them fail
    "commit.after",
    "upload.received",  # nothing is written there
    "reply.before",
}

SOURCE = Path(nextslice.__file__).parent

WRITE_THEMSELVES = {
    "files.py": "the place for it, with a place to stop at after each step",
    "annotators/order_scans.py": "a link to a scan, within a folder that has no order yet",
    "data/archives.py": "brings to the disk what an archive held; unpacking.whole comes after",
    "data/cache.py": "gives a cache its name: building.whole, building.renamed",
    "data/download.py": "an archive that comes piece by piece: part.written, part.renamed",
    "data/formats/readers.py": "writes where its caller says, which is to a temporary name",
    "data/gate/reader_process.py": "no file: its answers, to the process that asked",
    "data/prepared.py": "slices of the cache: array.written, array.fsynced",
    "path_names.py": "empty files in a folder of their own, gone once the disk told them apart",
    "placing.py": "a folder's name, with a place to stop at before and after",
    "models/checkpoints.py": "into memory",
    "project/backup.py": "members of an archive, in a stream that files.py gave it",
    "project/masks.py": "into memory",
    "project/proposals.py": "into memory",
    "project/scores.py": "into memory",
    "project/scratch.py": "an empty folder, gone with the process",
    "report/drawing.py": "into a stream that files.py gave it",
    "report/folder.py": "moves what files.py wrote: moving.begun, moving.midst, moving.done",
    "web/serving.py": "the way into the browser, of no worth once the server has ended",
}
"""Files of the program that write or rename otherwise than by what files.py offers, and why."""

_NAMES = (
    "write_bytes write_text touch rename renames save savez savez_compressed savefig tofile "
    "save_file WriteImage mkstemp mkdtemp NamedTemporaryFile symlink_to hardlink_to link "
    "symlink copy2 copyfile copyfileobj copytree move open_memmap memmap extractall truncate "
)
WRITERS = frozenset(_NAMES.split())


def _parameters() -> Iterator[str]:
    """Every text among the parameters of the tests in this folder, run or not."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.faults.{path.stem}")
        for test in vars(module).values():
            for mark in getattr(test, "pytestmark", ()) if callable(test) else ():
                for values in mark.args[1] if mark.name == "parametrize" else ():
                    # A set of parameters is a tuple, too: its values, marks and id.
                    found = values[0] if hasattr(values, "marks") else (values,)
                    yield from (value for value in found if isinstance(value, str))


def _stopped_at(ways: set[str]) -> set[str]:
    named = (text.split(":") for text in _parameters() if ":" in text)
    return {name for name, way, *_ in named if way in ways}


@pytest.mark.promise(
    "No write is forgotten by these tests.",
    fault="each place at which the program can be stopped, held against their parameters",
)
def test_the_process_is_killed_at_every_place_there_is() -> None:
    assert _stopped_at({"kill"}) == set(FAILPOINTS)


@pytest.mark.promise(
    "No write is forgotten by these tests.",
    fault="each place at which the program can be stopped, held against their parameters",
)
def test_the_disk_fails_at_every_place_where_something_is_written() -> None:
    assert _stopped_at({"enospc", "eio"}) == set(FAILPOINTS) - NO_FILE


def _writes(call: ast.Call) -> bool:
    """Whether this may make, change or rename a file."""
    function = call.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    texts = [
        each.value
        for each in (*call.args, *(keyword.value for keyword in call.keywords))
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    if name in ("open", "fdopen", "ZipFile"):
        flags = {each.attr for each in ast.walk(call) if isinstance(each, ast.Attribute)}
        modes = [text for text in texts if set(text) <= set("rwxabt+")]
        chosen = any(isinstance(each, ast.IfExp) for each in call.args)
        return (
            chosen
            or any(set(text) & set("wxa+") for text in modes)
            or bool(flags & {"O_WRONLY", "O_RDWR", "O_CREAT"})
        )
    if name in ("replace", "copy"):  # of a path: text and arrays have such, too
        of_module = isinstance(function, ast.Attribute) and (
            isinstance(function.value, ast.Name) and function.value.id in {"os", "shutil"}
        )
        plain = name == "replace" and isinstance(function, ast.Attribute)
        return of_module or (plain and len(call.args) == 1 and not call.keywords)
    return name in WRITERS and not (name == "save" and isinstance(function, ast.Name))


@pytest.mark.promise(
    "No write is forgotten by these tests.",
    fault="each call in the program that may write or rename, held against a list of files",
)
def test_files_are_written_where_the_process_can_be_stopped_and_nowhere_else() -> None:
    writing = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _writes(node)
    }
    assert writing == set(WRITE_THEMSELVES)


@pytest.mark.parametrize(
    "text",
    [
        *("path.open('w')", "path.open(mode='xb')", "open(path, 'a')", "path.open('r+b')"),
        *(
            "path.write_text(x)",
            "path.replace(other)",
            "os.replace(a, b)",
            "path.rename(other)",
        ),
        *("np.save(path, x)", "tempfile.mkstemp()", "path.open('ab' if more else 'wb')"),
        "os.open(path, os.O_WRONLY)",
    ],
)
def test_a_call_that_writes_is_seen(text: str) -> None:
    assert _writes(next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)))
