"""`status`, `predict` and `export` as a person meets them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.annotated import Annotated, copied
from typer.testing import CliRunner, Result

from nextslice.cli.export import export
from nextslice.cli.predict import predict
from nextslice.cli.status import status
from nextslice.errors import DataError, ProjectError, SettingsError
from nextslice.live import LiveProject


def call(command: Callable[..., Any], *arguments: object) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "100"})


def test_status_shows_states_cycles_and_the_next_command(annotated: Annotated) -> None:
    result = call(status, annotated.folder)
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert "3 cases, classes cortex, medulla" in text
    assert "cycle 2: 2 of 5 slices of the open query are answered" in text
    assert "time spent annotating: 3:00" in text
    assert f"nextslice serve {annotated.folder}" in text
    [row] = [line for line in text.splitlines() if line.split()[:1] == ["1"]]
    assert row.split()[2:5] == ["5", "4", "1"]
    assert "█" in row or "·" in row


def test_status_for_programs_is_json_alone(annotated: Annotated, tmp_path: Path) -> None:
    result = call(status, annotated.folder, "--json", "--figure", tmp_path / "a.svg")
    assert json.loads(result.stdout)["cycle"] == 2
    assert (tmp_path / "a.svg").stat().st_size > 1000


def test_status_says_why_there_is_no_figure(annotated: Annotated, tmp_path: Path) -> None:
    LiveProject.create(
        tmp_path / "new", images=annotated.scans / "imagesTr", labels="organ"
    ).close()
    result = call(status, tmp_path / "new", "--figure", tmp_path / "a.png")
    assert "nothing is asked yet" in result.stdout
    assert "No figure" in result.stderr
    assert not (tmp_path / "a.png").exists()


def test_a_figure_of_another_kind_is_refused(annotated: Annotated, tmp_path: Path) -> None:
    result = call(status, annotated.folder, "--figure", tmp_path / "a.docx")
    assert isinstance(result.exception, SettingsError)


def test_predict_ends_with_1_where_a_scan_is_refused(
    annotated: Annotated, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(annotated.scans / "imagesTr", other)
    (other / "[red]x.nii.gz").write_bytes(b"")
    out = tmp_path / "out"
    result = call(predict, annotated.folder, "--out", out, "--scans", other)
    assert result.exit_code == 1
    assert "refused: [red]x: the image" in result.stderr
    assert "3 cases predicted by the model of cycle 1" in result.stdout
    assert "1 refused" in result.stdout
    assert "3 cases larger than the 40 x 36 pixels" in result.stderr
    assert len(list((out / "uncertainty").iterdir())) == 3


def test_predict_takes_names_of_cases(annotated: Annotated, tmp_path: Path) -> None:
    chosen = "phantom_000, phantom_002"
    result = call(
        predict,
        annotated.folder,
        "--out",
        tmp_path / "o",
        "--cases",
        chosen,
        "--no-uncertainty",
    )
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "o" / "masks").iterdir())) == 2
    assert isinstance(
        call(predict, annotated.folder, "--out", tmp_path / "p", "--cases", "q").exception,
        SettingsError,
    )


def test_export_says_where_it_is_and_what_comes_next(
    annotated: Annotated, tmp_path: Path
) -> None:
    copy = copied(annotated, tmp_path)
    result = call(export, copy.folder, tmp_path / "raw", "--dataset-id", 12)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "raw" / "Dataset012_cortex_medulla"
    assert str(folder) in result.stdout
    assert "nnUNetv2_plan_and_preprocess -d 12" in result.stderr
    again = call(export, copy.folder, tmp_path / "raw", "--dataset-id", 12)
    assert isinstance(again.exception, DataError)
    msd = call(export, copy.folder, tmp_path / "raw", "--layout", "msd", "--name", "Kidney")
    assert msd.exit_code == 0, msd.output
    assert "not labelled throughout" in msd.stderr
    assert "nnUNet" not in msd.output
    assert (tmp_path / "raw" / "Task501_Kidney" / "dataset.json").is_file()
    assert call(export, copy.folder, tmp_path / "raw", "--layout", "coco").exit_code == 2


@pytest.mark.parametrize("command", [status, predict, export])
def test_a_folder_without_a_project_is_told_so(
    tmp_path: Path, command: Callable[..., Any]
) -> None:
    rest: dict[str, list[object]] = {
        "predict": ["--out", tmp_path / "o"],
        "export": [tmp_path / "o"],
    }
    result = call(command, tmp_path, *rest.get(command.__name__, []))
    assert isinstance(result.exception, ProjectError)
    assert "nextslice init" in result.exception.remedy
