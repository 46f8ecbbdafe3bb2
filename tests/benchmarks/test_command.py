from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.rows import ROWS, Row

from benchmarks import __main__ as command

_ROOT = Path(__file__).resolve().parents[2]


def test_a_row_is_measured_and_all_its_targets_stand_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--smoke", "--rows", "1", "--out", str(page)],
        cwd=_ROOT,
        env=os.environ | {"PYTHONPATH": str(_ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    text = page.read_text(encoding="utf-8")
    assert f"of {ROWS[1].targets} targets are met" in text
    assert "these numbers mean nothing" in text
    assert (tmp_path / "images" / "benchmarks.png").is_file()


def test_a_row_that_crashes_leaves_its_targets_unmet_and_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setitem(ROWS, 99, Row("no_such_row", "nothing at all", 4, 1))
    monkeypatch.setattr(
        sys, "argv", ["benchmarks", "--smoke", "--rows", "99", "--out", str(page)]
    )
    with pytest.raises(SystemExit, match="Not measured: 99"):
        command.main()
    text = page.read_text(encoding="utf-8")
    assert "0 of 4 targets are met. 4 could not be measured" in text
