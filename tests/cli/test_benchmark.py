"""``nextslice benchmark``: what is typed wrong, what is listed, and what a failure does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from nextslice.cli import main
from nextslice.data.phantom import Phantom, write_phantom

Typed = Callable[..., int]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Type a command; its exit code comes back."""

    def typed(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["nextslice", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code

    return typed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "Expected a recipe"),
        (("tabel-1-prostate",), "Did you mean table-1-prostate"),
        (("demo", "--data", "nowhere"), "--data FOLDER"),
        (("demo", "--set", "seedz=3"), "Did you mean seeds?"),
        (("demo", "--strategies", "rnadom"), "Did you mean random?"),
        (("demo", "--seeds", "one"), "Expected seeds as 0,1,2"),
        (("demo", "--workers", 99), "99 workers of 1 thread"),
        (("demo", "--set", "workers=99"), "99 workers of 1 thread"),
        (("demo", "--set", "workers=99", "--workers", 98), "98 workers of 1 thread"),
        (("demo", "--workers", 1, "--ray", "local"), "got both"),
    ],
)
def test_what_is_typed_wrong_is_explained_and_nothing_is_begun(
    typed: Typed,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[object, ...],
    expected: str,
) -> None:
    assert typed("benchmark", *arguments, "--out", tmp_path / "out") == 2
    assert expected in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_the_recipes_that_come_along_are_listed_with_their_size(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("benchmark", "--list") == 0
    said = capsys.readouterr()
    sizes = {
        line.split()[0]: line.split()[-3:] for line in said.out.splitlines() if line.split()
    }
    assert sizes["table-1-prostate"] == ["250", "1,750", "16,666"]
    assert sizes["table-1-hippocampus-quick"] == ["30", "210", "2"]
    assert "Core hours: roughly" in said.err


def test_a_run_that_fails_makes_the_exit_code_1_and_the_others_are_reported(
    typed: Typed, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    values = {
        "title": "one that fails",
        "data": {"folder": str(write_phantom(tmp_path / "scans", Phantom(patients=3)))},
        "split": {"test": 1},
        "preset": "quick",
        "settings": {"network": {"channels": [4, 8]}, "training": {"steps": 5}},
        "cycles": 0,
        "seeds": [0],
        "strategies": {"fails": {"selection": "random"}, "works": {"selection": "core-set"}},
    }
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "out"
    recipe.write_text(yaml.safe_dump(values))
    (out / "runs/fails/seed-0").mkdir(parents=True)
    (out / "runs/fails/seed-0/notes.txt").touch()
    assert typed("benchmark", recipe, "--out", out) == 1
    said = capsys.readouterr()
    assert "fails/seed-0 failed: Expected an empty folder" in said.err
    assert (out / "report" / "report.html").is_file()
    assert [entry["state"] for entry in json.loads((out / "outcomes.json").read_text())] == [
        "failed",
        "finished",
    ]
