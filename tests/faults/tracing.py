"""What a process does to bring things to the disk, in its order, and the law of that order.

Wrapped are the functions of the system that nextslice calls; SQLite calls its own, so of a
commit it is known when it came and how careful the connection was told to be.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nextslice import failpoints

__all__ = ["Event", "disorder", "tracing"]

Node = tuple[int, int]
"""A file or folder, whatever it is called at the moment."""

EXTRA = 3


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: "fsync", "rename", "mkdir", "commit" or "reply".
        node: What it happened to.
        place: Under which name it is now, where it got one.
        above: The folder in which that name is.
        inside: Of a folder that was renamed, all in it.
        early: What of a renamed file or folder was not brought to the disk as it is now:
            never, or before the last was written to it.
        careful: Whether a commit is on the disk when SQLite says so.
    """

    kind: str
    node: Node | None = None
    place: str = ""
    above: Node | None = None
    inside: tuple[tuple[str, Node], ...] = ()
    early: tuple[str, ...] = ()
    careful: bool = True


def _node(status: os.stat_result) -> Node:
    return status.st_dev, status.st_ino


def _state(status: os.stat_result) -> tuple[int, int] | None:
    """What differs once more was written to a file; folders have names of their own here."""
    if stat.S_ISDIR(status.st_mode):
        return None
    return status.st_size, status.st_mtime_ns


@contextmanager
def tracing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Event]]:
    """All that happens in this process while the block runs."""
    events: list[Event] = []
    on_disk: dict[Node, tuple[int, int] | None] = {}  # as it was when it was brought there
    fsync, mkdir, reach = os.fsync, os.mkdir, failpoints.reach

    def traced_fsync(handle: int) -> None:
        before = os.fstat(handle)
        fsync(handle)
        on_disk[_node(before)] = _state(before)
        events.append(Event("fsync", _node(before)))

    def is_early(path: Path) -> bool:
        status = path.stat()
        return on_disk.get(_node(status), ()) != _state(status)

    def traced_mkdir(path: Any, *arguments: Any, **settings: Any) -> None:
        mkdir(path, *arguments, **settings)
        place = Path(path)
        events.append(
            Event("mkdir", _node(place.stat()), str(place), _node(place.parent.stat()))
        )

    def renaming(real: Any) -> Any:
        def traced(source: Any, target: Any, **settings: Any) -> None:
            real(source, target, **settings)
            place = Path(target)
            inside = list(place.rglob("*")) if place.is_dir() else []
            events.append(
                Event(
                    "rename",
                    _node(place.stat()),
                    str(place),
                    _node(place.parent.stat()),
                    tuple((str(path), _node(path.stat())) for path in inside),
                    tuple(str(path) for path in inside or [place] if is_early(path)),
                )
            )

        return traced

    class Traced(sqlite3.Connection):
        def commit(self) -> None:
            level = super().execute("PRAGMA synchronous").fetchone()[0]
            super().commit()
            events.append(Event("commit", careful=level >= EXTRA))

    connect = sqlite3.connect

    def traced_connect(database: Any, *arguments: Any, **settings: Any) -> Any:
        if database != ":memory:":
            settings["factory"] = Traced
        return connect(database, *arguments, **settings)

    def traced_reach(name: str) -> None:
        if name == "reply.before":
            events.append(Event("reply"))
        reach(name)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", traced_fsync)
        patch.setattr(os, "mkdir", traced_mkdir)
        for name in ("rename", "replace"):
            patch.setattr(os, name, renaming(getattr(os, name)))
        for module in (sqlite3, sqlite3.dbapi2):
            patch.setattr(module, "connect", traced_connect)
        for caller in ("annotators.desk", "annotators.returned"):
            patch.setattr(f"nextslice.{caller}.reach", traced_reach)
        yield events


def disorder(events: list[Event], folder: Path) -> list[str]:
    """What of all that was not in the order in which nothing can get lost.

    Args:
        events: What happened.
        folder: Below it, and its own name.
    """
    wrong: list[str] = []
    not_yet: dict[Node, str] = {}  # a folder -> a name in it that is not on the disk

    def within(place: str) -> bool:
        return Path(place).is_relative_to(folder)

    for event in events:
        if event.kind == "fsync" and event.node is not None:
            not_yet.pop(event.node, None)
        elif event.kind in ("rename", "mkdir") and within(event.place):
            wrong += [
                f"{place} was not on the disk as it is when {event.place} got its name"
                for place in event.early
            ]
            if event.above is not None:
                not_yet[event.above] = event.place
        elif event.kind in ("commit", "reply"):
            wrong += [f"a {event.kind} before {n} was on the disk" for n in not_yet.values()]
            if not event.careful:
                wrong.append("a commit that may not be on the disk when it returns")
    return wrong + [f"{name} is not on the disk in the end" for name in not_yet.values()]
