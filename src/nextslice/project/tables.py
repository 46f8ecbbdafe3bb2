"""The CSV files of a run: a contract that other programs read, derived from the database."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, func, select

from nextslice.files import write_atomically
from nextslice.plain_files import read_plain
from nextslice.project.schema import cycles, metrics, queries, slices

__all__ = ["CYCLES_COLUMNS", "QUERIES_COLUMNS", "recorded_cycles", "tables_of", "write_tables"]

CYCLES_COLUMNS = (
    "cycle",
    "n_labelled",
    "class",
    "dice_3d",
    "dice_2d",
    "hd95_3d_mm",
    "train_seconds",
    "score_seconds",
    "select_seconds",
    "eval_seconds",
)
QUERIES_COLUMNS = (
    "cycle",
    "rank",
    "case",
    "slice",
    "score",
    "batch_score",
    "strength",
    "volumes_in_query",
)


def write_tables(folder: Path, connection: Connection) -> None:
    """Write ``queries.csv`` and ``cycles.csv`` anew."""
    for name, text in tables_of(connection).items():
        write_atomically(folder / name, text, "table")


def tables_of(connection: Connection) -> dict[str, str]:
    """What the files hold, by their names."""
    return {
        "queries.csv": _table(QUERIES_COLUMNS, _query_rows(connection)),
        "cycles.csv": _table(CYCLES_COLUMNS, _cycle_rows(connection)),
    }


def recorded_cycles(folder: Path) -> frozenset[int]:
    """The cycles that the run in a folder has recorded, by its ``cycles.csv`` alone."""
    try:
        table = read_plain(folder / "cycles.csv").decode()
        rows = csv.DictReader(io.StringIO(table, newline=""))
        return frozenset(int(row["cycle"]) for row in rows)
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()  # not begun, or no table of ours: the project will say


def _query_rows(connection: Connection) -> Iterable[tuple[object, ...]]:
    asked = connection.execute(
        select(
            queries.c.cycle,
            queries.c.rank,
            slices.c.case,
            slices.c.slice,
            queries.c.score,
            cycles.c.batch_score,
            cycles.c.strength,
        )
        .join(slices, slices.c.row == queries.c.row)
        .join(cycles, cycles.c.cycle == queries.c.cycle)
        .order_by(queries.c.cycle, queries.c.rank)
    ).all()
    volumes: dict[int, set[str]] = {}
    for row in asked:
        volumes.setdefault(row.cycle, set()).add(row.case)
    for row in asked:
        yield (*row, len(volumes[row.cycle]))


def _cycle_rows(connection: Connection) -> Iterable[tuple[object, ...]]:
    seconds = (
        cycles.c.train_seconds,
        cycles.c.score_seconds,
        cycles.c.select_seconds,
        cycles.c.eval_seconds,
    )
    columns = (metrics.c.dice_3d, metrics.c.dice_2d, metrics.c.hd95_3d_mm)
    # A cycle without metrics has a row of its own, so that its seconds are not lost.
    name = func.coalesce(metrics.c["class"], "mean")
    for row in connection.execute(
        select(
            cycles.c.cycle,
            cycles.c.n_labelled,
            name.label("name"),
            *columns,
            *seconds,
        )
        .join(metrics, metrics.c.cycle == cycles.c.cycle, isouter=True)
        .where(cycles.c.recorded)
        .order_by(cycles.c.cycle, metrics.c.position)
    ):
        yield tuple(row)


def _table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """Seven digits are more than any measurement here carries; nothing is an empty cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.7g}" if isinstance(value, float) else value
