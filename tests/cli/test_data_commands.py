"""`phantom` and `fetch` from the outside: results on stdout, progress on stderr."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from nextslice.cli.fetch import fetch
from nextslice.cli.phantom import phantom
from nextslice.errors import SettingsError


def invoke(command: Callable[..., None], *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


def test_phantom_writes_and_says_what(tmp_path: Path) -> None:
    out = tmp_path / "phantom"
    result = invoke(phantom, str(out), "--patients", "2", "--seed", "5")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"2 patients, labels cortex and medulla: {out}\n"
    assert "phantom 2/2 (100 %)" in result.stderr
    assert len(list((out / "imagesTr").iterdir())) == 2


def test_phantom_refuses_no_patients(tmp_path: Path) -> None:
    result = invoke(phantom, str(tmp_path / "phantom"), "--patients", "0")
    assert result.exit_code == 2
    assert not (tmp_path / "phantom").exists()


def test_fetch_says_that_a_data_set_is_already_there(tmp_path: Path) -> None:
    there = tmp_path / "Task04_Hippocampus"
    there.mkdir()
    (there / "dataset.json").write_text("{}")
    result = invoke(fetch, "hippocampus", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"Already there, nothing to do: {there}\n"


def test_fetch_passes_a_clear_error_on(tmp_path: Path) -> None:
    result = invoke(fetch, "elbow", "--out", str(tmp_path))
    assert isinstance(result.exception, SettingsError)
    with pytest.raises(SettingsError, match=r"'elbow'; known are .*hippocampus"):
        raise result.exception
