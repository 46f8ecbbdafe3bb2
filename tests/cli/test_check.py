"""`check`: a verdict for every case, and for those refused all that is needed to help."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from nextslice.cli.check import check
from nextslice.data.formats.readers import write_volume
from nextslice.data.geometry import Geometry
from nextslice.errors import DataError

GRID = Geometry((6, 5, 4), (1.0, 1.0, 3.0))


def put(root: Path, case: str, *, grid: Geometry = GRID, label: bool = True) -> None:
    """One case of paired folders."""
    image = np.random.default_rng(list(case.encode())).normal(size=grid.shape)
    write_volume(root / "images" / f"{case}.nii.gz", image.astype(np.float32), grid)
    if label:
        mask = (image > 0).astype(np.uint8)
        write_volume(root / "labels" / f"{case}.nii.gz", mask, grid)


def declare(root: Path, cases: str) -> None:
    """Make an MSD data set of it, so that its label values have names."""
    pairs = []
    for case in cases:
        label = f"labels/{case}.nii.gz"
        there = {"label": label} if (root / label).exists() else {}
        pairs.append({"image": f"images/{case}.nii.gz"} | there)
    content = {"training": pairs, "labels": {"0": "background", "1": "organ"}}
    (root / "dataset.json").write_text(json.dumps(content))


def checked(folder: Path, columns: int = 0) -> Result:
    app = typer.Typer()
    app.command()(check)
    environment = {"COLUMNS": str(columns) if columns else None}
    return CliRunner().invoke(app, [str(folder)], env=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five sound cases, one without a label, and a damaged one that comes first by name."""
    root = tmp_path / "scans"
    for case in "abcdef":
        put(root, case, label=case != "f")
    (root / "images" / "a.nii.gz").write_bytes(b"")
    return root


def row(result: Result, case: str) -> str:
    (line,) = [x for x in result.stdout.splitlines() if x.startswith(f"│ {case} ")]
    return line


def test_a_case_without_a_label_is_not_refused_but_counted(folder: Path) -> None:
    put(folder, "a")
    result = checked(folder)
    assert result.exit_code == 0, result.output
    assert "no label" in row(result, "f")
    assert "accepted" in row(result, "a")
    assert result.stdout.splitlines()[-1] == "5 accepted, 1 without a label, 0 refused"
    put(folder, "f")
    assert checked(folder).stdout.splitlines()[-1] == "6 accepted, 0 refused"


def test_refused_cases_come_last_and_are_explained_in_full_below(folder: Path) -> None:
    result = checked(folder)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    cases = [line.split()[1] for line in lines if line.startswith("│")]
    assert cases == ["b", "c", "d", "e", "f", "a"]
    assert "the image images/a.nii.gz is empty" in row(result, "a")  # relative to the folder
    below = " ".join(result.stdout.partition("└")[2].split())
    path = folder / "images" / "a.nii.gz"
    assert f"a: the image {path} is empty. Copy or download the file again" in below
    assert lines[-1] == "4 accepted, 1 without a label, 1 refused"


def test_every_reason_is_explained(folder: Path) -> None:
    label = np.full((6, 5, 3), 0.5, np.float32)
    write_volume(folder / "labels" / "b.nii.gz", label, Geometry((6, 5, 3), GRID.spacing))
    below = " ".join(checked(folder).stdout.partition("└")[2].split())
    assert "b: image and label differ in shape 6 x 5 x 4 and 6 x 5 x 3. Resample" in below
    assert "b: the label b.nii.gz has values that are not whole numbers: 0.5. Export" in below


@pytest.mark.parametrize("columns", [0, 110])
def test_lines_are_no_wider_than_they_need_to_be(folder: Path, columns: int) -> None:
    put(folder, "a-case-with-a-name-of-some-length", label=False)
    (folder / "images" / "b.nii.gz").write_bytes(b"not a scan at all")
    result = checked(folder, columns)
    long_path = str(folder / "images" / "b.nii.gz")
    assert long_path in result.stdout  # a word is never broken, so that a path can be copied
    for line in result.stdout.splitlines():
        assert len(line) <= (columns or 120) or long_path in line or str(folder) in line


def test_names_are_shown_as_they_are(folder: Path) -> None:
    """Square brackets are a name's own, not somebody's markup."""
    for name in ("[red]x", "s[0]", "[link]"):
        put(folder, name)
    (folder / "images" / "[link].nii.gz").write_bytes(b"")
    result = checked(folder)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "accepted" in row(result, "[red]x")
    assert "accepted" in row(result, "s[0]")
    assert "images/[link].nii.gz is empty" in row(result, "[link]")
    assert f"{folder}/images/[link].nii.gz is empty" in " ".join(result.stdout.split())


def test_what_the_classes_will_be_is_said_only_where_none_are_declared(folder: Path) -> None:
    told = "no label values are declared; found 0, 1: they become label 1"
    assert told in " ".join(checked(folder).stdout.split())
    declare(folder, "bcdef")
    result = checked(folder)
    assert result.exit_code == 0, result.output
    assert "declared" not in result.stdout
    assert "MSD layout, 5 cases" in result.stderr
    assert result.stdout.splitlines()[-1] == "4 accepted, 1 without a label, 0 refused"


def test_cases_that_would_be_sliced_differently_are_noted(folder: Path) -> None:
    put(folder, "g", grid=Geometry((6, 5, 4), (3.0, 1.0, 1.0)))
    words = "cases g would be sliced along axis 0, b, c, d, e, f along axis 2"
    assert words in " ".join(checked(folder).stdout.split())


def test_one_case_is_one_case(tmp_path: Path) -> None:
    put(tmp_path, "a")
    assert "layout, 1 case\n" in checked(tmp_path).stderr


def test_a_file_is_not_a_folder(folder: Path) -> None:
    result = checked(folder / "images" / "b.nii.gz")
    assert isinstance(result.exception, DataError)
    assert "is a file" in result.exception.problem


def test_sheared_scans_are_let_in_where_it_is_asked_for(tmp_path: Path) -> None:
    tilted = Geometry((6, 5, 4), (1.0, 1.0, 3.0), (0, 0, 0), (1, 0, 0, 0, 1, 0.6, 0, 0, 0.8))
    (tmp_path / "images").mkdir()
    image = np.random.default_rng(0).normal(size=tilted.shape).astype(np.float32)
    write_volume(tmp_path / "images" / "a.mha", image, tilted)
    app = typer.Typer()
    app.command()(check)
    refused = CliRunner().invoke(app, [str(tmp_path)], env={"COLUMNS": "200"})
    assert refused.exit_code == 1
    assert "--accept-sheared" in refused.stdout
    let_in = CliRunner().invoke(app, [str(tmp_path), "--accept-sheared"])
    assert let_in.exit_code == 0, let_in.output
    assert "1 without a label, 0 refused" in let_in.stdout
