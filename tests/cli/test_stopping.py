"""Ctrl-C in the midst of an import."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SLOW = """
import time

print("begun", flush=True)
time.sleep(2)
print("whole", flush=True)
"""
PROGRAM = """
import sys, time
from nextslice.cli.stopping import imports_in_peace

try:
    with imports_in_peace():
        print("ready", flush=True)
        import slow
        print("imported", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("stopped", "slow" in sys.modules, flush=True)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def _wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


@pytest.mark.skipif(sys.platform == "win32", reason="no Ctrl-C is sent to one process there")
def test_an_import_that_has_begun_comes_to_its_end(process: subprocess.Popen[str]) -> None:
    _wait_for(process, "ready")
    _wait_for(process, "begun")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert said.split("\n")[0] == "whole"
    assert "stopped True" in said


@pytest.mark.skipif(sys.platform == "win32", reason="no Ctrl-C is sent to one process there")
def test_what_is_no_import_ends_at_once(process: subprocess.Popen[str]) -> None:
    for word in ("ready", "begun", "whole", "imported"):
        _wait_for(process, word)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert said.strip() == "stopped True"
