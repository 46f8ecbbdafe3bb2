"""What people see while they wait: bars on a terminal, a few plain lines in a log.

Progress and messages go to stderr, so that results on stdout can be piped. All that is shown
goes through here, and what would steer a terminal (a file's name may hold its commands) is
written as its number.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from nextslice.errors import NextsliceError
from nextslice.logs import inert
from nextslice.progress import OnProgress, Progress

__all__ = [
    "Screen",
    "clock",
    "console",
    "print_line",
    "print_table",
    "progress_bar",
    "say",
    "say_error",
]


class Screen(Console):
    """A console on which no text that it is given steers the terminal; its own colours do."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """See :meth:`rich.console.Console.render`."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else inert(text), style, control)


console = Screen(stderr=True)
"""Where progress and messages go; results are printed to stdout instead."""

_results = Screen()


def say(text: str) -> None:
    """A message to the person who waits; names in it are shown as they are."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def say_error(error: NextsliceError) -> None:
    """What went wrong, and what to do."""
    console.print(Text("Error: ", style="bold red") + Text(str(error)), soft_wrap=True)


def print_line(text: object = "") -> None:
    """A result, on stdout."""
    typer.echo(inert(str(text)))


def print_table(table: Table) -> None:
    """A result, on stdout; in a file or a pipe it is as wide as it needs to be."""
    if _results.is_terminal:
        _results.print(table)
    else:
        # A console never measures wider than itself, so a wide one is asked.
        width = Screen(width=10_000).measure(table).maximum
        Screen(width=max(80, width)).print(table)


@contextmanager
def progress_bar(where: Console = console) -> Iterator[OnProgress]:
    """Show the progress of the block's work.

    One bar per stage on a terminal: steps, note, time taken and time left. Elsewhere at most
    about one plain line per tenth of a stage. A stage that starts over (the training of the
    next cycle) starts its bar over.

    Args:
        where: The console to show it on.

    Yields:
        The listener to hand to the work.
    """
    if not where.is_terminal:
        yield _Lines(where)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Count(),
        TimeElapsedColumn(),
        TextColumn("eta", style="dim"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    with Bars(*columns, console=where) as bars:
        yield _Bars(bars)


class _Bars:
    """Keeps one bar per stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}

    def __call__(self, progress: Progress) -> None:
        stage, total = progress.stage, progress.total or None
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(escape(stage), total=total, note="")
        elif progress.done < self._done[stage]:
            self._bars.reset(self._tasks[stage], total=total)
        self._done[stage] = progress.done
        self._bars.update(
            self._tasks[stage],
            completed=progress.done,
            total=total,
            note=escape(progress.note),
        )


class _Count(ProgressColumn):
    """Steps done of all; large numbers in thousands and millions."""

    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else _short(task.total)
        return Text(f"{_short(task.completed)}/{total}", justify="right")


@dataclass
class _Stage:
    began: float
    began_at: int
    done: int
    tenth: int


class _Lines:
    """Writes a line when a stage begins, crosses a tenth, or ends."""

    def __init__(self, where: Console) -> None:
        self._where = where
        self._stages: dict[str, _Stage] = {}

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        tenth = 10 * progress.done // progress.total if progress.total else 0
        stage = self._stages.get(progress.stage)
        if stage is None or progress.done < stage.done:
            stage = _Stage(began=now, began_at=progress.done, done=progress.done, tenth=-1)
            self._stages[progress.stage] = stage
        stage.done = progress.done
        if tenth > stage.tenth:
            stage.tenth = tenth
            self._where.print(
                _line(progress, now - stage.began, progress.done - stage.began_at),
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def _line(progress: Progress, elapsed: float, steps: int) -> str:
    parts = [f"{progress.stage} {_short(progress.done)}"]
    if progress.total:
        share = 100 * progress.done // progress.total
        parts[0] += f"/{_short(progress.total)} ({share} %)"
    if steps:
        parts.append(f"{clock(elapsed)} elapsed")
        if progress.done < progress.total:
            left = elapsed / steps * (progress.total - progress.done)
            parts.append(f"{clock(left)} left")
    if progress.note:
        parts.append(progress.note)
    return ", ".join(parts)


def _short(number: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e5, "k")):
        if number >= size:
            return f"{number / (1e3 if unit == 'k' else size):.1f}{unit}"
    return f"{number:.0f}"


def clock(seconds: float) -> str:
    """A time as a clock shows it: 0:07, 12:30, 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
