"""What a run's files hold: the rows of its CSV files, and settings by name."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from nextslice.errors import ProjectError

__all__ = ["CycleRow", "QueryRow", "read_mapping", "read_rows"]


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
        loaded = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, failure) as error:
        raise ProjectError(f"Expected to read {path}, got: {error}.") from error
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
    readers: Mapping[str, Callable[[str], Any]] = {"int": int, "float": _number, "str": str}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
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
        raise ProjectError(f"Expected to read {path}, got: {error}.") from error


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan
