"""The code that results come from is told by a hash for each of its files."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import nextslice
from nextslice.code_hashes import (
    OF_RESULTS,
    OF_SLICES,
    OF_TRAINING,
    WITHOUT_A_SAY,
    differing_files,
    hashes_of_nextslice,
)

SOURCE = Path(nextslice.__file__).parent

IMPORTED_WITHOUT_A_SAY = {
    "code_hashes.py",  # what is held against what, not a result
    "code_of_others.py",  # the same
    "code_names.py",  # finds the classes that others bring, whose code is told by itself
    "discretion.py",  # words in a log
    "environment.py",
    "errors.py",  # words
    "failpoints.py",  # does nothing outside of tests
    "files.py",  # how bytes come to the disk, not which
    "plain_files.py",  # the same of reading: all of them, or an error
    "path_names.py",  # whom it refuses, not what is made of the others
    "progress.py",
    "types.py",
    "wording.py",
    "yaml_text.py",  # what it reads of settings is kept, and compared
}
"""Files outside of the rooms of results that the loop imports all the same."""

OF_FOLDERS = {
    f"project/{name}.py"
    for name in (
        *("changes", "connections", "events", "folders", "journal", "lock", "opening"),
        "tables",
    )
}
"""What the loop's folder is kept by, which the loop imports."""


def test_nothing_that_the_loop_imports_is_left_out() -> None:
    """Except for what is named here one by one."""
    imported = _closure("nextslice.simulation", "nextslice.live")
    assert len(imported) > 80
    assert imported - hashes_of_nextslice().keys() == IMPORTED_WITHOUT_A_SAY | OF_FOLDERS


def test_nothing_has_a_say_that_the_loop_does_not_import() -> None:
    """Nor the ways in to it: answers of people, and the process that reads scans."""
    ways_in = ("annotators.answering", "data.gate.reader_process", "live", "simulation")
    imported = _closure(*(f"nextslice.{name}" for name in ways_in))
    assert hashes_of_nextslice().keys() - imported == set()


def test_the_maps_of_rooms_hand_on_names_and_hold_no_code() -> None:
    for place in OF_RESULTS:
        for path in (SOURCE / place).rglob("__init__.py") if place.endswith("/") else ():
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                is_words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                is_list = isinstance(node, ast.Assign) and ast.unparse(node).startswith(
                    "__all__"
                )
                assert is_words or is_list or isinstance(node, ast.ImportFrom), path


def test_nothing_that_a_training_imports_is_left_out() -> None:
    imported = _closure("nextslice.trainings")
    without = IMPORTED_WITHOUT_A_SAY | OF_FOLDERS
    assert imported - hashes_of_nextslice(OF_TRAINING).keys() <= without


def test_nothing_that_prepares_slices_is_left_out() -> None:
    imported = _closure("nextslice.data.building", "nextslice.data.gate.reader_process")
    assert len(imported) > 20
    without = imported - hashes_of_nextslice(OF_SLICES).keys()
    assert without <= IMPORTED_WITHOUT_A_SAY


def test_what_people_see_of_results_has_no_say() -> None:
    tops = {name.partition("/")[0] for name in hashes_of_nextslice()}
    assert not tops & {"cli", "web", "report", "exports", "benchmark", "testing", "status.py"}


def test_every_name_in_the_lists_is_there() -> None:
    known = hashes_of_nextslice()
    for place in OF_RESULTS:
        assert (SOURCE / place).exists()
        assert any(name.startswith(place) for name in known)
    for name in WITHOUT_A_SAY:
        assert (SOURCE / name).is_file()
        assert name.startswith(OF_RESULTS)
        assert name not in known


def test_the_hashes_are_those_of_the_bytes_whatever_the_ends_of_lines(tmp_path: Path) -> None:
    here, there = hashes_of_nextslice(), tmp_path / "nextslice"
    shutil.copytree(SOURCE, there, ignore=shutil.ignore_patterns("__pycache__"))
    for path in there.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (there / "selection" / ".#top_k.py").symlink_to("nobody@nowhere")  # as Emacs leaves them
    (there / "selection" / "top_k (copy).py").write_text("!")
    assert _hashes_below(tmp_path) == here
    with (there / "selection" / "top_k.py").open("a") as stream:
        stream.write("#")
    (there / "selection" / "mine.py").touch()
    (there / "learner.py").unlink()
    (there / "cli" / "app.py").write_text("other words")
    changed = differing_files(here, _hashes_below(tmp_path))
    assert changed == ["learner.py", "selection/mine.py", "selection/top_k.py"]


def test_hashing_takes_no_time_that_people_notice() -> None:
    code = (
        "from time import perf_counter as now\n"
        "from nextslice import code_hashes\n"
        "took = []\n"
        "for _ in range(5):\n"
        "    code_hashes._own.cache_clear()\n"
        "    began = now()\n"
        "    code_hashes.hashes_of_nextslice()\n"
        "    took.append(now() - began)\n"
        "assert min(took) < 0.1, took"  # 3 ms on two cores that nobody else uses
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _hashes_below(folder: Path) -> dict[str, str]:
    """What the copy of nextslice in a folder says of itself."""
    code = (
        "import importlib.util as u, json, sys\n"
        "spec = u.spec_from_file_location('copied', sys.argv[1])\n"
        "module = u.module_from_spec(spec)\n"
        "sys.modules['copied'] = module\n"
        "spec.loader.exec_module(module)\n"
        "print(json.dumps(module.hashes_of_nextslice()))"
    )
    path = folder / "nextslice" / "code_hashes.py"
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=True, capture_output=True, text=True
    )
    found: dict[str, str] = ast.literal_eval(done.stdout)
    return found


def _closure(*modules: str) -> set[str]:
    """The files that modules import, and those that these import; maps of rooms aside.

    A name that a room's map hands on is looked for where it is made.
    """
    found: set[str] = set()
    waiting = [_file_of(module) for module in modules]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(SOURCE).as_posix()
        if name not in found:
            found.add(name)
            for module, names in _imports(path).items():
                waiting += [_made_in(module, name) for name in names]
    return {name for name in found if not name.endswith("__init__.py")}


def _file_of(module: str) -> Path:
    path = SOURCE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _made_in(module: str, name: str) -> Path:
    path = _file_of(module)
    if path.name == "__init__.py":
        if _file_of(f"{module}.{name}").is_file():
            return _file_of(f"{module}.{name}")
        for other, names in _imports(path).items():
            if name in names:
                return _made_in(other, name)
    return path


def _imports(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nextslice."):
            found.setdefault(str(node.module), set()).update(a.name for a in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("nextslice."):
                    found.setdefault(alias.name, set()).add("")
    return found
