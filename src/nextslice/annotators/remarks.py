"""What is said about the slices of a work order, beside what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nextslice.annotators.answering import Answering
from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError
from nextslice.live import LiveProject
from nextslice.project import AnswerKind, NewAnswer

__all__ = ["Remarks", "parse_slice", "said"]

_DIGITS: Final = 9  # of a slice's number; Python reads no number of thousands


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """What is said about slices, beside what is drawn.

    Attributes:
        accept: Slices, or whole cases, whose masks are right though nothing was changed.
        accept_all: The same of every slice of the work order that is not answered yet.
        skip: Slices to leave out for good; what is drawn on them is not taken.
        reason: Why these are skipped.
        withdraw: Slices whose answer is taken back; what is drawn on them is not taken.
        replace: Let what is drawn count though somebody else answered since the work order
            was written.
    """

    accept: Sequence[str] = ()
    accept_all: bool = False
    skip: Sequence[SliceId] = ()
    reason: str | None = None
    withdraw: Sequence[SliceId] = ()
    replace: bool = False


def parse_slice(text: str) -> SliceId:
    """A slice as it is written on the command line, "case:index".

    Raises:
        AnnotationError: It is written otherwise.
    """
    case, _, index = text.rpartition(":")
    if not case or not index.isdecimal() or len(index) > _DIGITS:
        raise AnnotationError(
            f"Expected a slice as CASE:SLICE, got {text!r:.300}.",
            remedy="For example case_012:7, with the slice counted from 0 as in the list.",
        )
    return SliceId(case, int(index))


def said(
    live: LiveProject, answering: Answering, remarks: Remarks, annotator: str
) -> dict[int, NewAnswer]:
    """The answers without a mask: row -> a skip or a withdrawal.

    Raises:
        AnnotationError: A slice was never asked for, there is nothing to withdraw, or the
            reason is missing or cannot be used.
        SettingsError: There is no such slice.
    """
    twice = set(remarks.skip) & set(remarks.withdraw)
    if twice:
        raise AnnotationError(
            f"Expected {min(twice)} to be skipped or withdrawn, got both.",
            remedy="Withdraw it to have it asked again, skip it to leave it out.",
        )
    if remarks.skip and remarks.reason is None:
        raise AnnotationError(
            f"Expected a reason why {remarks.skip[0]} is skipped, got none.",
            remedy='Say it in a few words: --reason "motion artefact".',
        )
    answers = {}
    for kind, names in (
        (AnswerKind.SKIP, remarks.skip),
        (AnswerKind.WITHDRAWN, remarks.withdraw),
    ):
        for name in names:
            row = live.pool.row_of(name)
            current = live.project.newest_answers([row]).get(row)
            if current is None and live.project.asked_in(row) is None:
                raise AnnotationError(
                    f"Expected a slice that was asked for, got {name}, which never was.",
                    cause="a slip in its number; slices count from 0.",
                )
            nothing = current is None or current.kind is AnswerKind.WITHDRAWN
            if kind is AnswerKind.WITHDRAWN and nothing:
                raise AnnotationError(f"Expected an answer to withdraw; {name} has none.")
            answers[row] = answering.other(
                row,
                kind,
                annotator=annotator,
                reason=remarks.reason if kind is AnswerKind.SKIP else None,
            )
    return answers
