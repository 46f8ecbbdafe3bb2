"""What a run's files hold: the rows of its CSV files, and settings by name."""

from __future__ import annotations

import csv
import errno
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from nextslice.errors import ProjectError
from nextslice.plain_files import read_text

__all__ = ["CycleRow", "QueryRow", "read_mapping", "read_rows"]

_HIGHEST: Final = 10**12  # no count and no measurement is beyond


@dataclass(frozen=True, slots=True)
class CycleRow:
    """A row of ``cycles.csv``: one cycle and one class. NaN where nothing was measured."""

    cycle: int
    n_labelled: int
    name: str
    dice_3d: float
    dice_2d: float
    hd95_3d_mm: float
    train_seconds: float
    score_seconds: float
    select_seconds: float
    eval_seconds: float


@dataclass(frozen=True, slots=True)
class QueryRow:
    """A row of ``queries.csv``: one queried slice. NaN where nothing was measured."""

    cycle: int
    rank: int
    case: str
    slice: int
    score: float
    batch_score: float
    strength: float
    volumes_in_query: int


Row = TypeVar("Row", CycleRow, QueryRow)


def read_mapping(
    path: Path, parse: Callable[[str], Any], failure: type[Exception]
) -> Mapping[str, Any]:
    """A file of settings; `failure` is what `parse` raises.

    Raises:
        ProjectError: It cannot be read, or holds something else.
    """
    try:
        loaded = parse(read_text(path))
    except (OSError, UnicodeDecodeError, failure) as error:
        raise _unreadable(path, error) from error
    if not isinstance(loaded, Mapping):
        raise ProjectError(f"Expected settings by name in {path}, got {loaded!r:.60}.")
    return loaded


def read_rows(path: Path, kind: type[Row], renamed: Mapping[str, str]) -> tuple[Row, ...]:
    """The rows of a CSV file; columns that are not known are left alone.

    Args:
        path: The file.
        kind: What a row becomes.
        renamed: Its fields whose columns have other names.

    Raises:
        ProjectError: The file cannot be read, or a column is missing.
    """
    columns = {renamed.get(f.name, f.name): f for f in fields(kind)}
    readers: Mapping[str, Callable[[str], Any]] = {
        "int": _whole,
        "float": _number,
        "str": str,
    }
    try:
        table = csv.DictReader(io.StringIO(read_text(path), newline=""))
        missing = [name for name in columns if name not in (table.fieldnames or ())]
        if missing:
            raise ProjectError(
                f"Expected the columns {', '.join(columns)} in {path}; "
                f"{', '.join(missing)} is not there.",
                cause="the file was written by another version, or changed by hand.",
            )
        return tuple(
            kind(**{f.name: readers[str(f.type)](row[c]) for c, f in columns.items()})
            for row in table
        )
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ProjectError:
    told = (isinstance(error, OSError) and error.strerror) or error
    linked = isinstance(error, OSError) and error.errno == errno.ELOOP
    return ProjectError(
        f"Expected to read {path}, got: {told}.",
        remedy="Put the file itself there; runs are gathered by links to their folders."
        if linked
        else "",
    )


def _whole(cell: str) -> int:
    value = int(cell)
    if not 0 <= value <= _HIGHEST:
        raise ValueError(f"the number {cell:.40}")
    return value


def _number(cell: str) -> float:
    value = float(cell) if cell else math.nan
    if abs(value) > _HIGHEST:
        raise ValueError(f"the number {cell:.40}")
    return value
