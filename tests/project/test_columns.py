"""What may stand in a column, whatever SQLite has been told."""

from __future__ import annotations

import pytest
from sqlalchemy import Column
from sqlalchemy.dialects import sqlite

from nextslice.errors import ProjectError
from nextslice.project.columns import Flag
from nextslice.project.schema import metadata

COLUMNS = [column for table in metadata.sorted_tables for column in table.c]
NUMBERS_OF_ROWS = {"slices.row", "answers.id", "cycles.cycle"}
"""SQLite keeps such a column as the number of the row itself: there is none without it."""


def _read(column: Column[object], value: object) -> object:
    processed = column.type.result_processor(sqlite.dialect(), None)
    assert processed is not None
    return processed(value)


@pytest.mark.promise(
    "What must be there is there, or damage is told of.",
    fault="nothing in each column that may not be empty",
)
@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_nothing_is_read_from_a_column_that_may_be_empty_alone(column: Column[object]) -> None:
    if column.nullable or str(column) in NUMBERS_OF_ROWS:
        assert _read(column, None) is None
    else:
        with pytest.raises(ProjectError, match="got None"):
            _read(column, None)


@pytest.mark.parametrize("column", COLUMNS, ids=str)
@pytest.mark.parametrize("value", [b"\x00", float("nan"), "x" * 10_000])
def test_what_is_written_and_what_is_read_are_held_to_the_same(
    column: Column[object], value: object
) -> None:
    written = column.type.bind_processor(sqlite.dialect())
    assert written is not None
    with pytest.raises(ProjectError, match="nothing was kept"):
        written(value)
    with pytest.raises(ProjectError, match="damaged"):
        _read(column, value)


def test_a_flag_comes_back_as_one() -> None:
    flag: Column[object] = Column("flag", Flag())
    assert [_read(flag, value) for value in (0, 1, None)] == [False, True, None]
