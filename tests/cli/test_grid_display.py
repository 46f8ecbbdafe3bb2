"""A benchmark can be watched on a terminal of any size, and in a log."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console
from rich.text import Text

from nextslice.benchmark import Job, Outcome
from nextslice.cli.grid_display import GridDisplay, grid_display
from nextslice.config import Config, resolve_config
from nextslice.progress import Progress


@pytest.fixture(scope="module")
def config() -> Config:
    settings = {"data": {"folder": "scans"}, "selection": "random", "cycles": 6}
    return resolve_config("quick", settings)


def _jobs(config: Config, strategies: int = 3, seeds: int = 2) -> list[Job]:
    return [
        Job(f"strategy-{k}/seed-{seed}", config, Path("run"))
        for seed in range(seeds)
        for k in range(strategies)
    ]


def _shown(grid: GridDisplay, width: int = 80, height: int = 24) -> list[str]:
    stream = io.StringIO()
    where = Console(file=stream, width=width, height=height, color_system=None)
    where.print(grid)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test sets."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_every_state_is_shown_in_its_row_and_column(config: Config) -> None:
    jobs = _jobs(config)
    grid = GridDisplay(jobs)
    grid.on_progress(Progress(jobs[0].name, 3 * 1500 + 10, 7 * 1500))
    grid.on_outcome(Outcome(jobs[1], None, 60.0))
    grid.on_outcome(Outcome(jobs[2], "no memory", 60.0))
    header, *rows = _shown(grid)
    assert header.split() == ["0", "1"]
    marks = "✓✗·" if "✓" in "".join(rows) else "+x."
    assert [row.split() for row in rows[:3]] == [
        ["strategy-0", "3/6", marks[2]],
        ["strategy-1", marks[0], marks[2]],
        ["strategy-2", marks[1], marks[2]],
    ]
    assert "1 of 6 runs finished, 1 at work, 1 failed" in rows[-1]


@pytest.mark.parametrize(("strategies", "seeds"), [(45, 25), (3, 25), (60, 2)])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 12), (200, 60)])
def test_a_grid_of_any_size_fits_the_terminal(
    config: Config, strategies: int, seeds: int, width: int, height: int
) -> None:
    jobs = _jobs(config, strategies, seeds)
    grid = GridDisplay(jobs)
    grid.on_progress(Progress(jobs[strategies // 2].name, 10, 7 * 1500))
    lines = _shown(grid, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert any(f"strategy-{strategies // 2}" in line for line in lines)  # what is at work


def test_the_time_left_follows_from_the_pace_of_this_call(
    config: Config, clock: list[float]
) -> None:
    jobs = _jobs(config, 2, 2)
    total = 7 * 1500
    grid = GridDisplay(jobs)
    assert grid.seconds_left() is None
    grid.on_outcome(Outcome(jobs[0]))  # finished before: it says nothing about the pace
    grid.on_progress(Progress(jobs[1].name, 1500, total))  # nor do cycles done before
    assert grid.seconds_left() is None
    clock[0] += 100
    grid.on_progress(Progress(jobs[1].name, 3000, total))
    assert grid.seconds_left() == pytest.approx((5 * 1500 + 2 * total) / 15)
    clock[0] += 100
    for job in jobs[1:]:
        grid.on_outcome(Outcome(job, None, 100.0))
    assert grid.seconds_left() == 0
    assert grid.summary() == "4 of 4 runs finished, 3:20 elapsed"


def test_the_last_run_takes_its_own_time(config: Config, clock: list[float]) -> None:
    jobs = _jobs(config, 2, 1)
    total = 7 * 1500
    grid = GridDisplay(jobs)
    for job in jobs:
        grid.on_progress(Progress(job.name, 0, total))
    clock[0] += 70
    grid.on_outcome(Outcome(jobs[0], None, 70.0))
    grid.on_progress(Progress(jobs[1].name, 1500, total))
    assert grid.seconds_left() == pytest.approx(6 * 70)


def test_a_log_gets_a_line_for_each_cycle_and_each_end(config: Config) -> None:
    stream = io.StringIO()
    jobs = _jobs(config, 1, 3)
    with grid_display(jobs, Console(file=stream, width=100)) as display:
        display.on_outcome(Outcome(jobs[0]))
        for done in range(0, 7 * 1500 + 1, 50):
            display.on_progress(Progress(jobs[1].name, done, 7 * 1500))
        display.on_outcome(Outcome(jobs[1], None, 9.0))
        display.on_outcome(Outcome(jobs[2], "The disk [sda] is full.\nWhat to do: ...", 9.0))
    lines = stream.getvalue().splitlines()
    assert [line.partition(";")[0] for line in lines] == [
        *(f"strategy-0/seed-1: cycle {cycle} of 6" for cycle in range(7)),
        "strategy-0/seed-1: finished",
        "strategy-0/seed-2: failed, The disk [sda] is full",
    ]
    assert "2 of 3 runs finished, 1 failed" in lines[-1]


def test_a_terminal_gets_the_grid(config: Config) -> None:
    stream = io.StringIO()
    jobs = _jobs(config, 2, 2)
    where = Console(file=stream, force_terminal=True, width=80, height=24, color_system=None)
    with grid_display(jobs, where) as display:
        for job in jobs:
            display.on_outcome(Outcome(job, None, 1.0))
    assert "strategy-1" in stream.getvalue()
    assert "4 of 4 runs finished" in stream.getvalue()


@pytest.mark.parametrize("colours", ["truecolor", "standard", None])
def test_the_time_left_has_a_line_of_its_own_below_the_bar(
    config: Config, clock: list[float], colours: Literal["truecolor", "standard"] | None
) -> None:
    jobs = _jobs(config, 9, 9)
    grid = GridDisplay(jobs)
    grid.on_progress(Progress(jobs[0].name, 0, 7 * 1500))
    clock[0] += 60
    grid.on_progress(Progress(jobs[0].name, 1500, 7 * 1500))
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=80, height=24, color_system=colours).print(
        grid
    )
    *_, bar, summary = Text.from_ansi(stream.getvalue()).plain.splitlines()
    assert set(bar.strip()) <= {"━", "╸", "╺"} or set(bar.strip()) <= {"-", " "}
    assert summary == "0 of 81 runs finished, 1 at work, 1:00 elapsed, about 9:26:00 left"
