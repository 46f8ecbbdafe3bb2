"""Progress can be read on a terminal and in a log, and never reaches stdout."""

from __future__ import annotations

import ast
import io
import logging
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from nextslice.cli import display
from nextslice.cli.display import (
    Screen,
    print_line,
    print_table,
    progress_bar,
    say,
    say_error,
)
from nextslice.errors import DataError
from nextslice.logs import inert, tame_logs
from nextslice.progress import Progress


def shown(*reports: Progress, terminal: bool = False) -> str:
    stream = io.StringIO()
    where = Screen(file=stream, force_terminal=terminal, width=100, color_system=None)
    with progress_bar(where) as on_progress:
        for report in reports:
            on_progress(report)
    return stream.getvalue()


def test_a_log_gets_about_one_line_per_tenth() -> None:
    lines = shown(*(Progress("train", k, 1500) for k in range(1501))).splitlines()
    assert len(lines) == 11
    assert lines[0] == "train 0/1500 (0 %)"
    assert lines[5].startswith("train 750/1500 (50 %), 0:0")
    assert lines[5].endswith("left")
    assert lines[-1].startswith("train 1500/1500 (100 %)")


def test_a_stage_that_starts_over_is_shown_again() -> None:
    once = [Progress("train", k, 10) for k in range(11)]
    assert len(shown(*once, *once).splitlines()) == 22


def test_stages_are_counted_apart_and_notes_are_shown() -> None:
    lines = shown(
        Progress("train", 1, 2, "loss 0.31 [a]"),
        Progress("score", 1, 2),
        Progress("train", 2, 2),
    ).splitlines()
    assert [line.split()[0] for line in lines] == ["train", "score", "train"]
    assert "loss 0.31 [a]" in lines[0]


def test_an_unknown_total_is_one_line_not_thousands() -> None:
    lines = shown(*(Progress("download", 250_000 * k, 0) for k in range(100))).splitlines()
    assert lines == ["download 0"]


@pytest.mark.parametrize(("done", "text"), [(28_400_000, "28.4M"), (99_000, "99000")])
def test_large_numbers_are_short(done: int, text: str) -> None:
    assert f"download {text}/{text}" in shown(Progress("download", done, done))


def test_a_terminal_gets_one_bar_per_stage_with_the_time_left() -> None:
    text = shown(
        Progress("train", 5, 10, "loss [0.5]"),
        Progress("score", 0, 4),
        Progress("train", 1, 10, "loss 2"),
        Progress("train", 10, 10, "loss [0.1]"),
        Progress("score", 3, 4),
        terminal=True,
    )
    bars = [line for line in text.splitlines() if "eta" in line]
    assert len(bars) >= 2
    train, score = bars[-2:]
    assert "train" in train
    assert "10/10" in train
    assert "loss [0.1]" in train
    assert "score" in score
    assert "3/4" in score


def test_an_error_in_the_work_comes_through() -> None:
    for terminal in (True, False):
        where = Console(file=io.StringIO(), force_terminal=terminal)
        with pytest.raises(ZeroDivisionError), progress_bar(where):
            raise ZeroDivisionError


def test_messages_and_errors_go_to_stderr_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("10 cases [all] of 10")
    say_error(DataError("No [scans].", remedy="Look again."))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "10 cases [all] of 10\nError: No [scans].\nWhat to do: Look again.\n"


def test_tables_go_to_stdout_and_keep_long_cells_on_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table("case", "why")
    table.add_row("case_1", "a long reason " * 8)
    print_table(table)
    out, err = capsys.readouterr()
    assert err == ""
    assert ("a long reason " * 8).strip() in out


# Renames the window, clears the screen, moves the cursor, hides what follows, turns the text
# around, and begins a line of its own.
HOSTILE = "a\x1b]0;owned\x07\x1b[2J\x1b[8m\x9b31m\r\x08\u202e\u2028\x85 b"
STEERING = set(HOSTILE) - set("a]0;owned[2J8m31m b")

STEERS_NOTHING = pytest.mark.promise(
    "Names and messages steer no terminal",
    fault="control characters in names, errors, progress, tables and warnings",
)


@STEERS_NOTHING
@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_that_is_shown_steers_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    stream = io.StringIO()
    screen = Screen(file=stream, force_terminal=terminal, width=400, color_system=None)
    monkeypatch.setattr(display, "console", screen)
    monkeypatch.setattr(display, "_results", screen)
    say(HOSTILE)
    say_error(DataError(HOSTILE, cause=HOSTILE, remedy=HOSTILE))
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    print_table(table)
    print_line(HOSTILE)
    told = stream.getvalue() + capsys.readouterr().out
    assert told.count("]0;owned") >= 8
    assert not STEERING & set(told)


@STEERS_NOTHING
def test_progress_steers_the_terminal_in_its_own_way_alone() -> None:
    told = (
        shown(Progress(HOSTILE, 1, 2, HOSTILE)),
        shown(Progress(HOSTILE, 1, 2, HOSTILE), terminal=True),
    )
    for text in told:
        assert "]0;owned" in text
        assert "\x1b]" not in text
        assert not (STEERING - {"\x1b", "\r"}) & set(text)
    assert "\x1b" not in told[0]


@STEERS_NOTHING
def test_warnings_are_shown_inert_with_their_traces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    last = logging.StreamHandler(stream)
    monkeypatch.setattr(logging, "lastResort", last)
    tame_logs()
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        record = logging.LogRecord(
            "n", logging.WARNING, "f", 1, "%s", (HOSTILE,), sys.exc_info()
        )
    last.handle(record)
    told = stream.getvalue()
    assert told.count("]0;owned") == 2
    assert "Traceback" in told.splitlines()[1]
    assert not STEERING & set(told)


@given(st.text())
def test_an_inert_text_has_its_lines_and_stays_as_it_is(text: str) -> None:
    told = inert(text)
    assert told.count("\n") == text.count("\n")
    assert told.replace("\n", "").isprintable()
    assert inert(told) == told
    if text.replace("\n", "").isprintable():
        assert told == text


def test_commands_show_things_in_no_other_way() -> None:
    for path in Path(display.__file__).parent.glob("*.py"):
        calls = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        ways = {
            "print",
            "typer.echo",
            "typer.secho",
            "Console",
            "rich.print",
            "sys.stdout.write",
        }
        assert not calls & ways or path.name == "display.py", path
