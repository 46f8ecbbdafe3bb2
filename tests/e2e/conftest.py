"""The command line as a person meets it: real processes, real files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An empty folder to work in, and a cache that nobody else uses."""
    folder = tmp_path_factory.mktemp("work")
    environment = os.environ | {"NEXTSLICE_CACHE": str(folder / "cache"), "COLUMNS": "120"}
    return {"cwd": folder, "env": environment, "text": True}


@pytest.fixture(scope="session")
def run(workplace: dict[str, Any]) -> Run:
    """Run ``nextslice`` with these arguments to its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nextslice", *map(str, arguments)]
        return subprocess.run(command, **workplace, capture_output=True, check=False)

    return run


@pytest.fixture(scope="session")
def start(workplace: dict[str, Any]) -> Start:
    """Start ``nextslice`` and come back at once."""

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nextslice", *map(str, arguments)]
        return subprocess.Popen(
            command, **workplace, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    return start


@pytest.fixture(scope="session")
def phantom_scans(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight synthetic patients as NIfTI files."""
    folder = tmp_path_factory.mktemp("scans") / "phantom"
    done = run("phantom", folder, "--patients", 8)
    assert done.returncode == 0, done.stderr
    return folder
