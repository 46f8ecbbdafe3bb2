"""A benchmark while it runs: the grid on a terminal, a line for each cycle in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nextslice.benchmark.executor import Job, Outcome
from nextslice.cli.display import clock, console
from nextslice.progress import Progress
from nextslice.wording import clause, counted

__all__ = ["GridDisplay", "grid_display"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_STYLES = {"pending": "dim", "at work": "cyan", "finished": "green", "failed": "bold red"}
_ASIDE = 6  # lines of the display that are no row of the grid
_NAMES = 40  # most columns that a strategy's name takes


@dataclass
class _Run:
    """What is known of one run.

    Attributes:
        done: Training steps that are done, of `total`.
        began_at: How many were done when it was first heard of.
        began: When that was; None before.
    """

    job: Job
    total: int
    state: Literal["pending", "at work", "finished", "failed"] = "pending"
    done: int = 0
    began_at: int = 0
    began: float | None = None

    @property
    def cycle(self) -> int:
        """The cycle that is worked on."""
        steps = self.job.config.training.steps
        return min(self.done // steps, self.job.config.cycles)


@dataclass
class GridDisplay:
    """Listens to a benchmark. Render it to see the grid.

    Attributes:
        jobs: All runs of the benchmark.
    """

    jobs: Sequence[Job]
    _runs: dict[str, _Run] = field(init=False)
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._runs = {
            job.name: _Run(job, job.config.training.steps * (job.config.cycles + 1))
            for job in self.jobs
        }

    def on_progress(self, progress: Progress) -> None:
        """Take in how far a run is."""
        run = self._runs[progress.stage]
        if run.began is None:
            run.began, run.began_at = time.monotonic(), progress.done
        run.state, run.done = "at work", progress.done

    def on_outcome(self, outcome: Outcome) -> None:
        """Take in how a run ended."""
        run = self._runs[outcome.job.name]
        run.state = "finished" if outcome.error is None else "failed"
        if outcome.error is None:
            run.done = run.total

    def counts(self) -> str:
        """How many runs are in which state, in words."""
        states = [run.state for run in self._runs.values()]
        told = [
            f"{states.count(state)} {state}"
            for state in ("at work", "failed")
            if states.count(state)
        ]
        ended = states.count("finished")
        return ", ".join([f"{ended} of {counted(len(states), 'run')} finished", *told])

    def seconds_left(self) -> float | None:
        """A rough guess from what was done so far; None before there is anything to go by."""
        now = time.monotonic()
        seen = [run for run in self._runs.values() if run.began is not None]
        steps = sum(run.done - run.began_at for run in seen)
        if steps <= 0:
            return None
        ahead = [run for run in self._runs.values() if run.state in {"pending", "at work"}]
        together = sum(run.total - run.done for run in ahead) * (now - self._began) / steps
        alone = [  # the last runs do not get faster by a free worker beside them
            (run.total - run.done) * (now - run.began) / (run.done - run.began_at)
            for run in ahead
            if run.began is not None and run.done > run.began_at
        ]
        return max([together, *alone])

    def summary(self) -> str:
        """Counts, time taken and time left, in a line."""
        left = self.seconds_left()
        told = [self.counts(), f"{clock(time.monotonic() - self._began)} elapsed"]
        if left:
            told.append(f"about {clock(left)} left")
        return ", ".join(told)

    def __rich_console__(self, where: Console, options: ConsoleOptions) -> RenderResult:
        """The grid: a row for each strategy, a column for each seed and initial set."""
        rows: dict[str, dict[str, _Run]] = {}
        for run in self._runs.values():
            row, _, column = run.job.name.partition("/")
            rows.setdefault(row, {})[column] = run
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        names = min(_NAMES, max(map(len, rows)))
        wide = names + sum(len(_short(name)) + 2 for name in columns) <= options.max_width
        shown = _worth_showing(rows, (options.height or where.height) - _ASIDE)
        table = Table(box=None, padding=(0, 1 if wide else 0, 0, 0), show_header=wide)
        table.add_column("", max_width=names, no_wrap=True, overflow="ellipsis")
        if not wide:
            table.add_column("", width=1)
        for name in columns:
            table.add_column(_short(name), justify="right", min_width=3 if wide else 1)
        marks = ("✓", "✗", "·") if where.encoding.startswith("utf") else ("+", "x", ".")
        for name in shown:
            cells = [_cell(rows[name].get(column), wide, marks) for column in columns]
            table.add_row(Text(name), *([] if wide else [Text()]), *cells)
        yield table
        if len(shown) < len(rows):
            yield Text(f"and {counted(len(rows) - len(shown), 'row')} more", style="dim")
        yield Text(
            f"{marks[0]} finished  {marks[1]} failed  {marks[2]} pending  "
            + ("2/6 in cycle 2 of 6" if wide else "2 in cycle 2"),
            style="dim",
        )
        total = sum(run.total for run in self._runs.values())
        done = sum(run.done for run in self._runs.values())
        bar = Table.grid()  # a bar by itself ends without a line break
        bar.add_row(ProgressBar(total=total, completed=done, width=min(60, options.max_width)))
        yield bar
        yield Text(self.summary())


class _Log:
    """Writes a line when a run begins a cycle, and when it ends."""

    def __init__(self, grid: GridDisplay, where: Console) -> None:
        self._grid = grid
        self._where = where
        self._told: dict[str, int] = {}

    def on_progress(self, progress: Progress) -> None:
        self._grid.on_progress(progress)
        run = self._grid._runs[progress.stage]
        if progress.done < run.total and self._told.get(progress.stage) != run.cycle:
            self._told[progress.stage] = run.cycle
            self._say(f"{progress.stage}: cycle {run.cycle} of {run.job.config.cycles}")

    def on_outcome(self, outcome: Outcome) -> None:
        self._grid.on_outcome(outcome)
        name = outcome.job.name
        if outcome.error is not None:
            self._say(f"{name}: failed, {clause(outcome.error.splitlines()[0])}")
        elif outcome.seconds is not None:
            self._say(f"{name}: finished")

    def _say(self, text: str) -> None:
        self._where.print(
            f"{text}; {self._grid.summary()}", markup=False, highlight=False, soft_wrap=True
        )


@contextmanager
def grid_display(jobs: Sequence[Job], where: Console = console) -> Iterator[GridDisplay | _Log]:
    """Show a benchmark at work while the block runs.

    Args:
        jobs: All of its runs.
        where: The console to show it on; elsewhere than on a terminal, plain lines.

    Yields:
        Whom to tell about progress and outcomes.
    """
    grid = GridDisplay(jobs)
    if where.is_terminal:
        with Live(grid, console=where, refresh_per_second=4):
            yield grid
    else:
        yield _Log(grid, where)


def _short(column: str) -> str:
    """A column's name without what all of them share: "seed-3.set-1" becomes "3.1"."""
    return column.replace("seed-", "").replace("set-", "")


def _cell(run: _Run | None, wide: bool, marks: tuple[str, str, str]) -> Text:
    if run is None:
        return Text()
    finished, failed, pending = marks
    at_work = f"{run.cycle}/{run.job.config.cycles}" if wide else _DIGITS[min(run.cycle, 35)]
    texts = {"finished": finished, "failed": failed, "pending": pending, "at work": at_work}
    return Text(texts[run.state], style=_STYLES[run.state])


def _worth_showing(rows: dict[str, dict[str, _Run]], most: int) -> list[str]:
    """All rows; where there is no room for all, first those where something happens."""
    if len(rows) <= most:
        return list(rows)

    def rank(name: str) -> int:
        states = {run.state for run in rows[name].values()}
        return 0 if "at work" in states else 1 if "failed" in states else 2

    chosen = set(sorted(rows, key=rank)[: max(1, most)])
    return [name for name in rows if name in chosen]
