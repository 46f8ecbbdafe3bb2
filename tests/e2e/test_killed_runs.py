"""A run that is killed, at whatever moment, ends as if it had never been."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

_SETTINGS = (
    *("--preset", "quick", "--size", 32, 32, "--test", 2, "--uncertainty", "dropout"),
    *("--cycles", 2, "--budget", 3, "--initial", 3),
    *("--set", "training.steps=60", "--set", "training.steps_per_epoch=20"),
    *("--set", "network.channels=[4, 8, 16]"),
)


@pytest.fixture(scope="module")
def whole(run: Run, phantom_scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = run("simulate", phantom_scans, "--out", folder, *_SETTINGS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{folder}/cycles.csv"
    return folder


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Look often, so that the kill falls close behind the moment when `path` appears."""
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.002)


@pytest.mark.parametrize(
    "moment",
    [
        "project.db",  # the folder is being made
        "queries.csv",  # the initial set is asked for
        "annotations",  # its masks are being written
        "models/cycle-00/weights.safetensors",  # trained, the manifest not yet written
        "models/cycle-00/manifest.json",  # trained, the database not yet told
        "cycles.csv",  # in the first evaluation or just after
        "scores/cycle-01.npz",  # scored, the query not yet selected
        "models/cycle-01",  # cycle 1 is being saved
        "models/cycle-02/manifest.json",  # in the last evaluation
    ],
)
def test_killed_at(
    moment: str, run: Run, start: Start, phantom_scans: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    process = start("simulate", phantom_scans, "--out", folder, *_SETTINGS)
    _wait_for(folder / moment, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = run("simulate", phantom_scans, "--out", folder, *_SETTINGS)
    assert done.returncode == 0, done.stderr
    _assert_equal(folder, whole)


def test_killed_again_and_again_in_the_midst_of_training(
    run: Run, start: Start, phantom_scans: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    for delay in (0.0, 0.3, 0.6):
        process = start("simulate", phantom_scans, "--out", folder, *_SETTINGS)
        assert process.stdout is not None
        while "train" not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = run("simulate", phantom_scans, "--out", folder, *_SETTINGS)
    assert done.returncode == 0, done.stderr
    _assert_equal(folder, whole)


@pytest.mark.promise(
    "Two processes never share a run: the second is told who the first is, and a lock left "
    "by a kill is no obstacle.",
    fault="a second process, SIGKILL of the first",
)
def test_a_second_process_is_refused_and_ctrl_c_says_how_to_go_on(
    run: Run, start: Start, phantom_scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    long = (*_SETTINGS, "--set", "training.steps=1000000")  # nobody waits for its end
    process = start("simulate", phantom_scans, "--out", folder, *long)
    try:
        _wait_for(folder / "queries.csv", process)
        second = run("simulate", phantom_scans, "--out", folder, *long)
        assert second.returncode == 2
        assert f"process {process.pid} on" in second.stderr
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130, output
        assert "The same command goes on" in output
        assert "Traceback" not in output
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("command", ["simulate", "check"])
@pytest.mark.parametrize("delay", [1.5, 2.5])  # in the midst of the long imports
def test_ctrl_c_while_a_command_starts_leaves_one_line(
    start: Start, phantom_scans: Path, tmp_path: Path, command: str, delay: float
) -> None:
    out = ("--out", tmp_path / "run", *_SETTINGS) if command == "simulate" else ()
    process = start(command, phantom_scans, *out)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    if process.returncode != 0:  # a check may be over already
        assert process.returncode in (130, -signal.SIGINT), output
        assert "Traceback" not in output


def _assert_equal(folder: Path, whole: Path) -> None:
    """Queries to the byte; weights and metrics exactly; timings may differ."""
    assert (folder / "queries.csv").read_bytes() == (whole / "queries.csv").read_bytes()
    assert _metrics(folder) == _metrics(whole)
    assert _weights(folder) == _weights(whole)


def _metrics(folder: Path) -> list[str]:
    lines = (folder / "cycles.csv").read_text().splitlines()
    return [",".join(line.split(",")[:6]) for line in lines]


def _weights(folder: Path) -> list[str]:
    manifests = sorted((folder / "models").glob("*/manifest.json"))
    assert len(manifests) == 3
    return [json.loads(path.read_text())["sha256"] for path in manifests]
