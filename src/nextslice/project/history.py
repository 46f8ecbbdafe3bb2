"""What became of each query: how much was answered, and how far the model agreed.

Without a test set this is how well the model does: before the expert draws, the model that
selected the query proposes a mask; the agreement is the Dice of that proposal with what the
expert made of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from nextslice.project.answers import Answer, AnswerKind, newest_answers
from nextslice.project.query import SliceState
from nextslice.project.schema import answers, cycles, queries, slices

__all__ = ["CycleView", "cycle_views"]


@dataclass(frozen=True, slots=True)
class CycleView:
    """One cycle, seen from the annotator's side.

    Attributes:
        cycle: Its number.
        labelled: Slices that its model is trained on; of the open cycle, those labelled now.
        asked: Slices in its query.
        answered: How many of them have a mask that was drawn for this query.
        skipped: How many of them were skipped.
        agreement: Mean Dice of the proposals with the masks, 0 to 1; None where nothing was
            proposed.
        seconds: What its annotators spent, over all versions.
        train_seconds: How long the training of its model took; None until it is trained.
    """

    cycle: int
    labelled: int
    asked: int
    answered: int
    skipped: int
    agreement: float | None
    seconds: float
    train_seconds: float | None


def cycle_views(connection: Connection) -> tuple[CycleView, ...]:
    """All cycles in order."""
    asked: dict[int, list[int]] = {}
    for entry in connection.execute(select(queries.c.cycle, queries.c.row)):
        asked.setdefault(entry.cycle, []).append(entry.row)
    newest = newest_answers(connection)
    spent = {
        entry.cycle: entry.seconds
        for entry in connection.execute(
            select(answers.c.cycle, func.sum(answers.c.seconds).label("seconds")).group_by(
                answers.c.cycle
            )
        )
    }
    labelled = connection.execute(
        select(func.count()).where(slices.c.state == SliceState.LABELLED)
    ).scalar_one()
    found = connection.execute(
        select(cycles.c.cycle, cycles.c.n_labelled, cycles.c.train_seconds).order_by(
            cycles.c.cycle
        )
    ).all()
    return tuple(
        _view(
            entry.cycle,
            labelled if entry.n_labelled is None else entry.n_labelled,
            [newest.get(row) for row in asked.get(entry.cycle, [])],
            spent.get(entry.cycle) or 0.0,
            entry.train_seconds,
        )
        for entry in found
    )


def _view(
    cycle: int,
    labelled: int,
    newest: list[Answer | None],
    seconds: float,
    train_seconds: float | None,
) -> CycleView:
    of_this = [answer for answer in newest if answer is not None and answer.cycle == cycle]
    drawn = [answer for answer in of_this if answer.kind is AnswerKind.MASK]
    agreements = [a.agreement for a in drawn if a.agreement is not None]
    return CycleView(
        cycle=cycle,
        labelled=labelled,
        asked=len(newest),
        answered=len(drawn),
        skipped=sum(answer.kind is AnswerKind.SKIP for answer in of_this),
        agreement=math.fsum(agreements) / len(agreements) if agreements else None,
        seconds=seconds,
        train_seconds=train_seconds,
    )
