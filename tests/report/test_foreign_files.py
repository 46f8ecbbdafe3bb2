"""Runs come from clusters and other people: what their files hold is believed in nothing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from nextslice.errors import NextsliceError, ProjectError
from nextslice.report import read_runs, write_report
from nextslice.report.folder import SUMS, writing_report
from nextslice.report.outcomes import read_outcomes
from nextslice.report.outlines import OUTLINES, read_outlines

WriteRun = Callable[..., Path]

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.promise(
        "A report names the file that it cannot read, and ends on no file of a run.",
        fault="links, pipes, devices, nests, endless numbers and foreign values in each file",
    ),
]


def _write(content: bytes | str) -> Callable[[Path], object]:
    raw = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(raw)


def _endless(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


NEVER_READ: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a file": lambda path: path.symlink_to("/etc/hosts"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a terabyte": _endless,
    "no text": _write(b"\xff\xfe\x00"),
    "a zero": _write("\0"),
    "nothing": _write(""),
    "a nest without end": _write("[" * 100_000),
    "a nest of mappings without end": _write('{"a": ' * 100_000),
    "a number without end": _write('{"a": ' + "9" * 6000 + "}"),
}
OF_RUN = ("config.yaml", "cycles.csv", "queries.csv", "environment.json")
BESIDE = ("outcomes.json", "recipe.yaml", f"report/{OUTLINES}", f"report/{SUMS}")


def _instead(path: Path, damage: Callable[[Path], object]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    damage(path)


@pytest.fixture
def runs(write_run: WriteRun, tmp_path: Path) -> Path:
    """Two runs in a folder; the first has all files that a run may have."""
    write_run("a", [0.5, 0.6, 0.7], environment={"data": "0123", "seed": 0})
    write_run("b", [0.5, 0.6, 0.6], uncertainty="entropy", selection="top-k", strength=1.2)
    return tmp_path / "runs"


@pytest.mark.parametrize("damage", NEVER_READ)
@pytest.mark.parametrize("name", OF_RUN)
def test_a_file_of_a_run_that_cannot_be_read_is_named(
    runs: Path, name: str, damage: str
) -> None:
    _instead(runs / "a" / name, NEVER_READ[damage])
    with pytest.raises(ProjectError) as caught:
        read_runs(runs)
    assert str(runs / "a" / name) in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("damage", NEVER_READ)
def test_notes_beside_runs_that_cannot_be_read_count_as_missing(
    runs: Path, damage: str
) -> None:
    for name in BESIDE[:3]:
        _instead(runs / name, NEVER_READ[damage])
    assert read_outcomes(runs) == ()
    assert read_outlines(runs / "report" / OUTLINES) == {}


@pytest.mark.parametrize("damage", NEVER_READ)
def test_a_list_of_an_earlier_report_s_files_is_read_or_refused(
    tmp_path: Path, damage: str
) -> None:
    out = tmp_path / "report"
    _instead(out / SUMS, NEVER_READ[damage])
    kept_from_us = damage in {"a pipe", "a folder"}  # what is no file is not replaced by one
    refusal = pytest.raises(OSError, match=r"cannot be written|directory")
    with refusal if kept_from_us else nullcontext(), writing_report(out) as fresh:
        (fresh / "report.html").write_text("a page")
    assert (out / "report.html").exists() != kept_from_us


HARM = {  # in config.yaml, below a seed and a selection that a later line replaces
    "parameters that are none": "selection: {name: random, parameters: 3}",
    "a name that is none": "selection: {name: [1]}",
    "a preset that is none": "preset: []",
    "a preset without end": f"preset: {'a' * 500}\nuncertainty: {{name: entropy}}",
    "a share that is none": "selection: {name: foreground-random, parameters: {fraction: x}}",
    "a distance that is none": "selection: {name: minimum-distance, parameters: "
    "{slices: x, selection: {name: top-k}}}",
    "a cap that is none": "selection: 'VolumeCap(per_volume=[], selection=TopK())'",
    "a set of lists": "selection: 'f(a={[]: 1})'",
    "minus upon minus": f"selection: f(a={'-' * 2000}1)",
    "calls upon calls": f"selection: {'f().' * 3000}g()",
    "brackets upon brackets": f"selection: f{'(' * 3000}",
    "a sum without end": f"selection: f(a={'1+' * 20_000}1)",
    "half a character": r'selection: "\ud800"',
    "half a character, further in": rf'data: {{folder: "{"x" * 80}\ud800"}}',
    "a number in hexadecimal": f"seed: 0x{'f' * 6000}",
    "a number of base 60": f"workers: 1{':1' * 20_000}",
    "a fraction of base 60": f"workers: 1{':1' * 20_000}.5",
}
CELLS = ("", "inf", "-inf", "nan", "1e308", "9" * 30, "9" * 5000, "-1", "x", "\x1b[31m", '"')
OUTCOMES = {
    "a time of 400 digits": f'[{{"run": "c", "state": "failed", "seconds": {"9" * 400}}}]',
    "half a character": r'[{"run": "\ud800", "state": "failed", "cause": "\ud800"}]',
    "a zero in a name": r'[{"run": "a\u0000b", "state": "unfinished"}]',
    "a circle of links": '[{"run": "circle/x", "state": "unfinished"}]',
    "a name without end": f'[{{"run": "{"a" * 5000}", "state": "unfinished"}}]',
    "other types": '[{"run": {"a": 1}, "state": [1], "cause": {}, "seconds": true}]',
}


def _reported(folder: Path) -> str:
    """The page; or what the report was refused for, which has to be an error of ours."""
    try:
        return write_report(folder).read_text(encoding="utf-8")
    except NextsliceError as error:
        return str(error)


def _with_harm(runs: Path, harm: str) -> None:
    key = harm.partition(":")[0]
    kept = {"seed": "seed: 0", "selection": "selection: random"}
    lines = [line for name, line in kept.items() if name != key]
    (runs / "a" / "config.yaml").write_text("\n".join([*lines, harm]))


@pytest.mark.parametrize("harm", HARM)
def test_settings_made_to_do_harm_are_read_or_refused(runs: Path, harm: str) -> None:
    _with_harm(runs, HARM[harm])
    try:
        told = f"{len(read_runs(runs))} runs"
    except ProjectError as error:
        told = str(error)
    assert told == "2 runs" or str(runs / "a" / "config.yaml") in told
    assert len(told) < 1000


def test_a_report_over_foreign_values_is_written_and_holds_them(runs: Path) -> None:
    (runs / "circle").symlink_to("circle")
    parts = ",".join(text[1:-1] for text in OUTCOMES.values())
    (runs / "outcomes.json").write_text(f"[{parts}]")
    (runs / "a" / "environment.json").write_text(
        r'{"data": "\ud800", "code": {"others": {"x": []}, "nextslice": 3}, "changes": [[{}]]}'
    )
    if sys.platform == "linux":  # others have no such names
        (runs / "b").rename(runs / os.fsdecode(b"b\xfc"))
    _instead(runs / "recipe.yaml", os.mkfifo)
    _instead(runs / "report" / OUTLINES, os.mkfifo)
    page = _reported(runs)
    assert page.startswith("<!doctype html>")
    assert "b\N{REPLACEMENT CHARACTER}" in page or sys.platform != "linux"


@pytest.mark.faults
@pytest.mark.parametrize("harm", HARM)
def test_harm_that_is_read_ends_no_report(runs: Path, harm: str) -> None:
    _with_harm(runs, HARM[harm])
    assert _reported(runs)


@pytest.mark.faults
@pytest.mark.parametrize("note", OUTCOMES)
def test_notes_made_to_do_harm_end_no_report(runs: Path, note: str) -> None:
    (runs / "circle").symlink_to("circle")
    (runs / "outcomes.json").write_text(OUTCOMES[note])
    assert _reported(runs).startswith("<!doctype html>")


@pytest.mark.faults
@pytest.mark.parametrize("damage", NEVER_READ)
@pytest.mark.parametrize("name", BESIDE)
def test_damage_beside_runs_ends_no_report(runs: Path, name: str, damage: str) -> None:
    _instead(runs / name, NEVER_READ[damage])
    told = _reported(runs)
    refused = name == BESIDE[3] and told.startswith("Expected to write the report into")
    assert refused or told.startswith("<!doctype html>")


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["cycles.csv", "queries.csv"])
def test_every_cell_of_a_table_may_hold_anything(runs: Path, name: str) -> None:
    lines = (runs / "a" / name).read_text().splitlines()
    kept = runs.parent / "kept"
    shutil.copytree(runs, kept)
    for column in range(lines[0].count(",") + 1):
        for cell in CELLS:
            row = lines[2].split(",")
            row[column] = cell
            changed = [*lines[:2], ",".join(row), *lines[3:]]
            (runs / "a" / name).write_text("\n".join(changed) + "\n")
            assert _reported(runs)
