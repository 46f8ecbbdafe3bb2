"""``nextslice benchmark`` as a person meets it, and as a power cut does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nextslice.benchmark import open_benchmark, read_recipe
from nextslice.benchmark.executor import do
from nextslice.report import write_report

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

RECIPE = """
title: A tiny grid
data: {{folder: {scans}, size: [32, 32]}}
split: {{test: 2}}
preset: quick
settings:
  network: {{channels: [4, 8, 16]}}
  training: {{steps: {steps}, steps_per_epoch: 20}}
cycles: 2
seeds: [0, 1]
budgets: [3]
initials: [3]
strategies:
  random: {{selection: random}}
  dropout-sb: {{uncertainty: dropout, selection: stochastic-batches}}
"""
STEPS = 60


@pytest.fixture(scope="module")
def recipe(phantom_scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(RECIPE.format(scans=phantom_scans, steps=STEPS))
    return path


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmark that nobody stopped, its runs one after the other in this process."""
    out = tmp_path_factory.mktemp("whole") / "out"
    for job in open_benchmark(read_recipe(recipe), out):
        assert do(job, lambda _: None).error is None
    return out


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_stopped_killed_and_robbed_of_a_worker_it_ends_as_if_nothing_had_been(
    start: Start, run: Run, recipe: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("benchmark", recipe, "--out", out)

    process = start(*command)  # Ctrl-C in the first training
    _wait_for(out / "runs/random/seed-0/queries.csv", process)
    workers = _workers(process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "The same command goes on" in output
    assert "Traceback" not in output
    assert workers
    assert not _alive(workers)
    assert {entry["state"] for entry in _outcomes(out)} == {"unfinished"}

    process = start(*command)  # a power cut in a later cycle, in mid-grid
    _wait_for(out / "runs/random/seed-0/models/cycle-00/manifest.json", process)
    workers = _workers(process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert workers
    _wait_until(lambda: not _alive(workers))

    process = start(*command)  # a worker alone, as when the memory runs out
    _wait_until(lambda: len(_workers(process)) > 0)
    os.kill(_workers(process)[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "exit code -9; it was killed, or the memory ran out. Later it goes on." in output

    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 runs are finished already" in done.stderr
    assert f"report: {out}/report/report.html" in done.stdout
    assert (out / "report" / "report.html").is_file()
    assert [entry["state"] for entry in _outcomes(out)] == ["finished"] * 4
    runs = sorted(path.relative_to(whole) for path in (whole / "runs").glob("*/*"))
    assert len(runs) == 4
    for name in runs:
        assert _results(out / name) == _results(whole / name), name
    write_report(whole, scans=False)
    tables = _tables(whole)
    assert {"table-1.csv", "against-random-sampling.csv", "summary.csv"} < set(tables)
    assert "penalties.csv" in tables
    assert _tables(out) == tables


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


def _wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _workers(process: subprocess.Popen[str]) -> list[int]:
    """The processes that do runs, by their number."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if "spawn_main" in _command(int(child))]


def _alive(processes: list[int]) -> list[int]:
    return [number for number in processes if "spawn_main" in _command(number)]


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:  # it is gone
        return ""


def _outcomes(out: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((out / "outcomes.json").read_text())
    return entries


def _tables(out: Path) -> dict[str, str]:
    """Every table of a benchmark's report, but those of times."""
    found = (out / "report" / "tables").glob("*.csv")
    return {p.name: p.read_text() for p in found if not p.name.startswith("table-2")}


def _results(folder: Path) -> tuple[bytes, list[str], list[str]]:
    """What must be equal: queries to the byte, metrics and weights; times may differ."""
    cycles = (folder / "cycles.csv").read_text().splitlines()
    manifests = sorted((folder / "models").glob("*/manifest.json"))
    assert len(manifests) == 3
    return (
        (folder / "queries.csv").read_bytes(),
        [",".join(line.split(",")[:6]) for line in cycles],
        [json.loads(path.read_text())["sha256"] for path in manifests],
    )
