"""What is made of a labelled data set names no patient: runs, reports, curves, backups."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.canary import CASE, FOLDER, NAME, connections, found_in, labelled, logged
from typer.testing import CliRunner

from nextslice.cli.app import app

PATHS_STAND_IN = {"config.yaml", "environment.json", "recipe.yaml"}
"""Where a run says which data it rests on, by its folder."""


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(autouse=True)
def _nothing_is_connected_to() -> Iterator[None]:
    with connections() as elsewhere:
        yield
    assert elsewhere == []


@pytest.mark.promise(
    "Nothing leaves that names a patient",
    fault="the same name in labels and dataset.json: runs, curves, reports, backups",
)
def test_neither_runs_nor_reports_nor_backups_name_the_patient(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    scans = labelled(tmp_path)
    recipe = {
        "title": "Canaries",
        "data": {"folder": str(scans)},
        "split": {"test": 1},
        "preset": "quick",
        "settings": {
            "network": {"channels": [4, 8]},
            "training": {"steps": 8, "steps_per_epoch": 4},
            "device": "cpu",
            "threads": 1,
        },
        "cycles": 1,
        "budgets": [2],
        "initials": [2],
        "seeds": [0],
        "strategies": {
            "random": {"selection": "random"},
            "entropy": {"uncertainty": "entropy", "selection": "top-k"},
        },
    }
    (tmp_path / "canaries.yaml").write_text(yaml.safe_dump(recipe))
    out, bare = tmp_path / FOLDER / "out", tmp_path / "bare"
    said = [run("check", scans)]
    said += [run("benchmark", tmp_path / "canaries.yaml", "--out", out, "--workers", 1)]
    said += [run("report", out, "--out", bare, "--no-scans")]
    one = out / "runs/entropy/seed-0"
    said += [run("verify", one), run("backup", one, tmp_path / "kept.zip")]
    printed = "\n".join(said) + "".join(capfd.readouterr()) + caplog.text
    assert found_in(printed, NAME) == []
    assert found_in(logged(caplog.records), FOLDER, str(tmp_path)) == []

    written = {
        Path(folder.name) / path.relative_to(folder): path.read_bytes()
        for folder in (out, bare)
        for path in folder.rglob("*")
        if path.is_file()
    } | {Path("kept.zip"): (tmp_path / "kept.zip").read_bytes()}
    names = {path.name for path in written}
    assert {"report.html", "recipe.yaml", "outcomes.json", "cycles.csv"} <= names
    assert any("tfevents" in name for name in names)
    for path, content in written.items():
        wanted = (NAME,) if path.name in PATHS_STAND_IN | {"kept.zip"} else (NAME, FOLDER)
        assert found_in(content, *wanted) == [], path
        assert found_in(str(path), NAME, FOLDER) == [], path

    # Names of cases: in what a run keeps of its slices; in a page without scans nowhere.
    assert found_in(written[Path("out/runs/entropy/seed-0/queries.csv")], CASE)
    for path, content in written.items():
        if path.parts[0] == "bare":
            assert found_in(content, CASE) == [], path
