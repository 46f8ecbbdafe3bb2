"""Runs side by side: the same results, and one that fails stops no other."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from nextslice.benchmark import Job, LocalProcesses
from nextslice.benchmark.executor import do
from nextslice.config import Config, resolve_config
from nextslice.errors import SettingsError
from nextslice.logs import tame_logs
from nextslice.progress import Progress
from nextslice.selection.base import Context, Requirement
from nextslice.simulation import open_splits, simulate
from nextslice.types import Rows, Scores

Results = Callable[[Path], object]

HOSTILE = "a\x1b]0;owned\x07"


@dataclass(frozen=True)
class Breaks:
    """A plug-in with a mistake; it may take its process along, as lack of memory does."""

    process_too: bool = False
    requires: ClassVar[frozenset[Requirement]] = frozenset()

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        if self.process_too:
            os._exit(9)
        raise RuntimeError("a mistake in a plug-in")


def _config(scans: Path, selection: str | dict[str, object], **changes: object) -> Config:
    settings: dict[str, object] = {
        "data": {"folder": str(scans), "size": [32, 32]},
        "split": {"test": 1},
        "network": {"channels": [4, 8]},
        "training": {"steps": 20},
        "selection": selection,
        "cycles": 1,
        "budget": 3,
        "initial": 3,
    }
    return resolve_config("quick", settings | changes)


def test_side_by_side_or_alone_the_results_are_the_same(
    scans: Path, tmp_path: Path, results: Results
) -> None:
    config = _config(scans, "top-k")
    simulate(config, open_splits(config), tmp_path / "alone")
    jobs = [Job(f"run {k}", config, tmp_path / f"side-{k}", tmp_path / "first") for k in (0, 1)]
    heard: list[Progress] = []
    outcomes = LocalProcesses(2).run(jobs, on_progress=heard.append)
    assert [outcome.error for outcome in outcomes] == [None, None]
    for job in jobs:
        assert results(job.out) == results(tmp_path / "alone")
        told = [progress for progress in heard if progress.stage == job.name]
        assert told[-1].done == told[-1].total == 40
        assert [p.done for p in told] == sorted(p.done for p in told)


def test_runs_that_fail_say_why_and_stop_no_other(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # the plug-ins' package
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    name = f"{Path(__file__).stem}:Breaks"
    dying: dict[str, object] = {"name": name, "process_too": True}
    jobs = [
        Job("dies", _config(scans, dying), tmp_path / "dies"),
        Job("raises", _config(scans, name), tmp_path / "raises"),
        Job("few", _config(scans, "random", split={"test": 4}), tmp_path / "few"),
        Job("works", _config(scans, "random"), tmp_path / "works"),
    ]
    outcomes = LocalProcesses(1).run(jobs, on_progress=lambda _: None)
    dies, raises, few, works = (outcome.error for outcome in outcomes)
    assert dies is not None
    assert "exit code 9" in dies
    assert "1 retry did not help" in dies
    assert raises == "RuntimeError: a mistake in a plug-in"
    assert few is not None
    assert "leave none" in few
    assert works is None


def test_never_more_threads_than_cores(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    jobs = [Job(f"run {k}", _config(scans, "random", threads=3), Path("run")) for k in (0, 1)]
    assert LocalProcesses().workers_for(jobs) == 2
    assert LocalProcesses(1).workers_for(jobs) == 1
    with pytest.raises(SettingsError, match="3 workers of 3 threads are more than 8 cores"):
        LocalProcesses(3).workers_for(jobs)
    on_gpu = [
        replace(job, config=job.config.model_copy(update={"device": "cuda:0"})) for job in jobs
    ]
    assert LocalProcesses().workers_for(on_gpu) == 1
    with pytest.raises(SettingsError, match="1 worker or more"):
        LocalProcesses(0)


def test_a_run_that_goes_on_tells_where_it_is(scans: Path, tmp_path: Path) -> None:
    config = _config(scans, "random")
    job = Job("run", config, tmp_path / "run")
    do(job, lambda _: None)
    longer = replace(job, config=config.model_copy(update={"cycles": 2}))
    heard: list[Progress] = []
    assert do(longer, heard.append).error is None
    assert (heard[0].done, heard[0].total) == (40, 60)
    assert heard[-1].done == 60


@dataclass(frozen=True)
class Warns(Breaks):
    """A plug-in that warns of what it met, in words from elsewhere."""

    requires: ClassVar[frozenset[Requirement]] = frozenset()

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        logging.getLogger("plug-in").warning("met %s", HOSTILE)
        warnings.warn(f"met {HOSTILE} in /home/anna/Mrs Miller", stacklevel=1)
        return np.arange(budget or 1)


@pytest.mark.promise(
    "Names and messages steer no terminal",
    fault="commands for a terminal in what the workers of a benchmark warn of",
)
def test_what_workers_warn_of_steers_no_terminal(
    scans: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    job = Job("warns", _config(scans, f"{Path(__file__).stem}:Warns"), tmp_path / "warns")
    (outcome,) = LocalProcesses(1).run([job], on_progress=lambda _: None)
    assert outcome.error is None
    said = capfd.readouterr().err
    assert said.count(r"met a\x1b]0;owned\x07") == 2
    assert "test_local.py:" in said
    assert "Miller" not in said
    assert not {"\x1b", "\x07"} & set(said)


def test_warnings_of_libraries_are_told_without_folders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("warnings.formatwarning", warnings.formatwarning)
    tame_logs()
    said = warnings.formatwarning(
        UserWarning("\x1b[31m /home/anna/Mrs Miller/x.nii"), UserWarning, "/home/anna/lib.py", 7
    )
    assert said == "lib.py:7: UserWarning: \\x1b[31m [elsewhere on this machine]\n"
