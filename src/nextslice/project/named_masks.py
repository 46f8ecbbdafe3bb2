"""The masks that the database names, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, select, type_coerce
from sqlalchemy.types import NullType

from nextslice.project.schema import answers, slices

__all__ = ["named_masks", "on_one_grid"]


def named_masks(connection: Connection) -> dict[Any, str]:
    """The name of each mask that an answer has -> whose it is, in words.

    A name may be none: no value is held against its column here, so that one that is damaged
    keeps nobody from looking at the others.
    """
    found = connection.execute(
        select(
            *_as_kept(answers.c.mask_sha256, answers.c.native_sha256),
            *_as_kept(answers.c.version, answers.c.annotator, slices.c.case, slices.c.slice),
        )
        .join(slices, slices.c.row == answers.c.row)
        .order_by(answers.c.id)
    )
    named: dict[Any, str] = {}
    for *names, version, annotator, case, index in found:
        for name in names:
            if name is not None:
                what = (
                    f"slice {index} of {case!s:.200}, version {version} by {annotator!s:.100}"
                )
                named.setdefault(name, what)
    return named


def on_one_grid(connection: Connection) -> Iterator[list[Any]]:
    """The names of masks that have one shape: those on the pool's grid, and those of a case."""
    drawn: dict[Any, list[Any]] = {}
    pool: list[Any] = []
    for name, native, case in connection.execute(
        select(*_as_kept(answers.c.mask_sha256, answers.c.native_sha256, slices.c.case))
        .join(slices, slices.c.row == answers.c.row)
        .order_by(answers.c.id)
    ):
        if name is not None:
            pool.append(name)
        if native is not None:
            drawn.setdefault(case, []).append(native)
    yield pool
    yield from drawn.values()


def _as_kept(*columns: Column[Any]) -> Iterator[Any]:
    return (type_coerce(column, NullType()).label(column.name) for column in columns)
