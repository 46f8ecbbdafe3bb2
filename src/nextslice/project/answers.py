"""What annotators answer: one row for each answer, and rows are only ever added.

A slice's versions count from 1. One that was given on an old version of its slice conflicts:
it is kept, but does not count. The slice's state follows from its newest answer that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, true, update
from sqlalchemy.sql.selectable import Select

from nextslice.errors import AnnotationError
from nextslice.project.query import AnswerKind, SliceState
from nextslice.project.schema import answers, queries, slices

__all__ = [
    "STATE_AFTER",
    "Answer",
    "AnswerKind",
    "NewAnswer",
    "add_answer",
    "add_changed",
    "asked_in",
    "newest_answers",
    "statement_of_newest",
    "versions_of",
]


STATE_AFTER: Final = {
    AnswerKind.MASK: SliceState.LABELLED,
    AnswerKind.GIVEN: SliceState.LABELLED,
    AnswerKind.SKIP: SliceState.SKIPPED,
    AnswerKind.WITHDRAWN: SliceState.QUERIED,
}
"""The state of a slice whose newest answer is of this kind."""


@dataclass(frozen=True, kw_only=True)
class NewAnswer:
    """An answer on its way into the database; its masks are on the disk already.

    Attributes:
        row: The slice's position in the pool.
        kind: What it says.
        annotator: Who or what gives it.
        cycle: Whose query it answers; None for the newest that asked for the slice.
        mask_sha256: Names the mask on the pool's grid.
        native_sha256: Names the mask as it was drawn; None where it was drawn on the pool's.
        seconds: Spent by the annotator, if known.
        reason: Why the slice is skipped.
        key: The sender's own; sent again, the answer is the one that is there.
        base_version: The version that the annotator saw, 0 for none; None asks for no check.
        agreement: Dice of the model's proposal with the mask; None without a proposal.
    """

    row: int
    kind: AnswerKind
    annotator: str
    cycle: int | None = None
    mask_sha256: str | None = None
    native_sha256: str | None = None
    seconds: float | None = None
    reason: str | None = None
    key: str | None = None
    base_version: int | None = None
    agreement: float | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer as it is kept; see the table ``answers`` in :mod:`nextslice.project.schema`."""

    row: int
    version: int
    kind: AnswerKind
    cycle: int | None
    mask_sha256: str | None
    native_sha256: str | None
    annotator: str
    seconds: float | None
    reason: str | None
    conflicting: bool
    agreement: float | None
    created: str

    @property
    def state(self) -> SliceState:
        """The state of its slice, if it is the newest that counts."""
        return STATE_AFTER[self.kind]


_MOST_NAMED: Final = 500
"""A statement of SQLite may name some thousand rows; for more all are read."""

_COLUMNS: Final = tuple(answers.c[name] for name in Answer.__dataclass_fields__)


def newest_answers(
    connection: Connection, rows: Iterable[int] | None = None, *, through: int | None = None
) -> dict[int, Answer]:
    """Row -> its newest answer that counts; rows never answered are left out.

    Args:
        connection: To the project's database.
        rows: Only these; None for all.
        through: As it was when the answer of this id was the newest; None as it is.
    """
    wanted = None if rows is None else set(rows)
    few = wanted if wanted is not None and len(wanted) <= _MOST_NAMED else None
    found = connection.execute(statement_of_newest(few, through))
    return {r.row: _answer(r) for r in found if wanted is None or r.row in wanted}


def statement_of_newest(rows: Iterable[int] | None, through: int | None) -> Select[Any]:
    """The statement behind :func:`newest_answers`."""
    counting = (
        select(answers.c.row, func.max(answers.c.version).label("version"))
        .where(~answers.c.conflicting)
        .where(true() if through is None else answers.c.id <= through)
        .where(true() if rows is None else answers.c.row.in_(list(rows)))
        .group_by(answers.c.row)
        .subquery()
    )
    return select(*_COLUMNS).join(
        counting,
        (counting.c.row == answers.c.row) & (counting.c.version == answers.c.version),
    )


def versions_of(connection: Connection, row: int) -> tuple[Answer, ...]:
    """All answers to a slice, conflicting ones too, in order."""
    found = select(*_COLUMNS).where(answers.c.row == row).order_by(answers.c.version)
    return tuple(_answer(entry) for entry in connection.execute(found))


def asked_in(connection: Connection, row: int) -> int | None:
    """The newest cycle whose query has this slice; None if it was never asked for."""
    newest = select(queries.c.cycle).where(queries.c.row == row)
    found: int | None = connection.execute(newest.order_by(queries.c.cycle.desc())).scalar()
    return found


def add_answer(connection: Connection, new: NewAnswer) -> Answer:
    """Add an answer, or find it where its key is known already.

    Raises:
        AnnotationError: The slice was never asked for, there is nothing to withdraw, or the
            key belongs to another answer.
    """
    if new.key is not None:
        known = connection.execute(select(*_COLUMNS).where(answers.c.key == new.key)).first()
        if known is not None:
            return _the_same(_answer(known), new)
    earlier = versions_of(connection, new.row)
    counting = [answer for answer in earlier if not answer.conflicting]
    current = counting[-1] if counting else None
    cycle = new.cycle
    if cycle is None and new.kind is not AnswerKind.GIVEN:
        cycle = asked_in(connection, new.row)
        if cycle is None and current is None:
            raise AnnotationError(
                "Expected an answer to a slice of a query, got one to a slice that was never "
                "asked for.",
            )
    base = 0 if current is None else current.version
    conflicting = new.base_version is not None and new.base_version != base
    nothing_there = current is None or current.kind is AnswerKind.WITHDRAWN
    if new.kind is AnswerKind.WITHDRAWN and nothing_there and not conflicting:
        raise AnnotationError(
            "Expected an answer to withdraw, but the slice has none.",
            cause="it was withdrawn before.",
        )
    version = earlier[-1].version + 1 if earlier else 1
    values: dict[str, Any] = {
        "row": new.row,
        "version": version,
        "kind": new.kind,
        "cycle": cycle,
        "mask_sha256": new.mask_sha256,
        "native_sha256": new.native_sha256,
        "annotator": new.annotator,
        "seconds": new.seconds,
        "reason": new.reason,
        "conflicting": conflicting,
        "agreement": new.agreement,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    connection.execute(insert(answers).values(**values, key=new.key))
    answer = Answer(**values)
    if not conflicting:
        connection.execute(
            update(slices).where(slices.c.row == new.row).values(state=answer.state)
        )
    return answer


def add_changed(
    connection: Connection,
    masks: Mapping[int, str],
    *,
    kind: AnswerKind,
    annotator: str,
    cycle: int | None,
) -> None:
    """Add masks on the pool's grid, but for those that are the newest of their slices already.

    Args:
        connection: To the project's database.
        masks: Row -> the name of its mask.
        kind: Drawn, or given.
        annotator: Who or what drew them.
        cycle: Whose query they answer, if any.
    """
    known = newest_answers(connection, masks)
    for row, name in masks.items():
        if row not in known or known[row].mask_sha256 != name:
            new = NewAnswer(
                row=row, kind=kind, annotator=annotator, cycle=cycle, mask_sha256=name
            )
            add_answer(connection, new)


def _the_same(known: Answer, new: NewAnswer) -> Answer:
    """`known`, if `new` is the same answer sent again."""
    parts = ("row", "kind", "mask_sha256", "native_sha256", "annotator", "reason")
    if any(getattr(known, name) != getattr(new, name) for name in parts):
        raise AnnotationError(
            "Expected a new key for a new answer; the key belongs to another one that is "
            "already kept.",
            cause="a program sent two answers with one key.",
        )
    return known


def _answer(row: Row[Any]) -> Answer:
    facts = row._asdict()
    return Answer(**(facts | {"kind": AnswerKind(facts["kind"])}))
