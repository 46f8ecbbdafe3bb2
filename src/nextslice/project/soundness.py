"""Is what the database says sound? Its values, its pages, and its rows beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import Column, Connection, func, select

from nextslice.errors import ProjectError
from nextslice.project.answers import STATE_AFTER, AnswerKind, statement_of_newest
from nextslice.project.damage import Finding
from nextslice.project.masks import is_mask_name
from nextslice.project.named_masks import named_masks
from nextslice.project.query import SliceState
from nextslice.project.records import DATABASE
from nextslice.project.schema import answers, metadata, queries, slices
from nextslice.wording import a_few, clause, counted

__all__ = ["damaged_database"]

_ORDINALS: Final = (("slices", slices.c.row, 0), ("answers", answers.c.id, 1))
"""Rows that are numbered without a gap, for they are only ever added."""


def damaged_database(connection: Connection) -> Iterator[Finding]:
    """What of the database is damaged, in one finding.

    Args:
        connection: To it, or to a copy of it.
    """
    wrong = [*_said_by(_of_pages, connection), *_of_values(connection)]
    # Rows whose values cannot be read would only say the same again.
    wrong = wrong or _said_by(_of_rows, connection)
    if wrong:
        yield Finding(
            DATABASE,
            f"it is damaged: {a_few([clause(what) for what in wrong])}.",
            "What it says of slices, queries and answers cannot be relied on.",
            "Stop working on the project, and restore it from a backup (nextslice restore "
            "FILE NEW_FOLDER). The masks in annotations/ are files of their own.",
        )


def _said_by(check: Callable[[Connection], Iterator[str]], connection: Connection) -> list[str]:
    said: list[str] = []
    try:
        for what in check(connection):
            said.append(what)  # noqa: PERF402 - what was said before it cannot go on counts
    except ProjectError as error:
        said.append(error.problem)
    return said


def _of_pages(connection: Connection) -> Iterator[str]:
    said = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    yield from (line for line in said if line != "ok")
    loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if loose:
        yield f"{counted(len(loose), 'row')} of others that are not there"


def _of_values(connection: Connection) -> Iterator[str]:
    """Have every value looked at: a line for each column that holds what it may not."""
    for table in metadata.sorted_tables:
        if _said_of(connection, *table.columns):
            said = {_said_of(connection, column): column for column in table.columns}
            yield from (f"{column}: {what}" for what, column in said.items() if what)


def _said_of(connection: Connection, *columns: Column[Any]) -> str:
    try:
        for _ in connection.execute(select(*columns)):
            pass
    except ProjectError as error:
        return error.problem
    return ""


def _of_rows(connection: Connection) -> Iterator[str]:
    """Whether they fit each other, which no page and no value of its own can tell."""
    for what, number, first in _ORDINALS:
        last, count = connection.execute(select(func.max(number), func.count())).one()
        if count and last - first + 1 != count:
            yield f"{what} are missing"
    foreign = [name for name in named_masks(connection) if not is_mask_name(name)]
    if foreign:
        yield f"{foreign[0]!r:.80} is named as a mask, which no mask is called"
    asked = {tuple(row) for row in connection.execute(select(queries.c.cycle, queries.c.row))}
    for row, cycle in connection.execute(
        select(answers.c.row, answers.c.cycle).where(answers.c.cycle.is_not(None))
    ):
        if (cycle, row) not in asked:
            yield f"an answer to row {row} says that cycle {cycle} asked for it, which did not"
    yield from _of_states(connection, {row for _, row in asked})


def _of_states(connection: Connection, asked: set[int]) -> Iterator[str]:
    """An answer that counts no longer, or counts again, leaves another state than is kept."""
    newest = connection.execute(statement_of_newest(None, None))
    after = {entry.row: STATE_AFTER[AnswerKind(entry.kind)] for entry in newest}
    for entry in connection.execute(select(slices).order_by(slices.c.row)):
        before = SliceState.QUERIED if entry.row in asked else SliceState.UNLABELLED
        state = after.get(entry.row, before)
        if entry.state != state:
            yield (
                f"slice {entry.slice} of {entry.case} is kept as {entry.state}, which by its "
                f"queries and the answers that count is {state}"
            )
