"""No place is forgotten: what the tests of this folder stop at is held against all there is."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from nextslice.failpoints import FAILPOINTS

NO_FILE = {
    "commit.before",  # SQLite's own writes: tests/project/test_connections.py has them fail
    "commit.after",
    "upload.received",  # nothing is written there
    "reply.before",
}


def _parameters() -> Iterator[str]:
    """Every text among the parameters of the tests in this folder, run or not."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.faults.{path.stem}")
        for test in vars(module).values():
            for mark in getattr(test, "pytestmark", ()) if callable(test) else ():
                for values in mark.args[1] if mark.name == "parametrize" else ():
                    # A set of parameters is a tuple, too: its values, marks and id.
                    found = values[0] if hasattr(values, "marks") else (values,)
                    yield from (value for value in found if isinstance(value, str))


def _stopped_at(ways: set[str]) -> set[str]:
    named = (text.split(":") for text in _parameters() if ":" in text)
    return {name for name, way, *_ in named if way in ways}


@pytest.mark.promise(
    "No write is forgotten by these tests.",
    fault="each place at which the program can be stopped, held against their parameters",
)
def test_the_process_is_killed_at_every_place_there_is() -> None:
    assert _stopped_at({"kill"}) == set(FAILPOINTS)


@pytest.mark.promise(
    "No write is forgotten by these tests.",
    fault="each place at which the program can be stopped, held against their parameters",
)
def test_the_disk_fails_at_every_place_where_something_is_written() -> None:
    assert _stopped_at({"enospc", "eio"}) == set(FAILPOINTS) - NO_FILE
