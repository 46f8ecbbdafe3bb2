"""What people answer, checked and brought to the disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from nextslice.annotators.pictures import Pictures
from nextslice.errors import AnnotationError, ConflictError
from nextslice.evaluation.agreement import agreement
from nextslice.live import LiveProject
from nextslice.project import LONGEST, Answer, AnswerKind, NewAnswer, checked_mask

__all__ = ["Answering", "words"]

_MOST_SECONDS: Final = 24 * 3600


class Answering:
    """Takes answers in, by the rows of their slices in the pool; shared by threads."""

    def __init__(self, live: LiveProject, pictures: Pictures) -> None:
        self._live = live
        self._project = live.project
        self._pictures = pictures

    def mask(
        self,
        row: int,
        mask: np.ndarray,
        *,
        annotator: str,
        seconds: float | None,
        base_version: int | None = None,
        key: str | None = None,
    ) -> NewAnswer:
        """The answer that a mask on a native slice is; its files are on the disk.

        Raises:
            AnnotationError: Something about it cannot be used.
        """
        native, classes = self._live.native(row), self._live.classes
        name = str(self._live.pool.slice_id(row))
        drawn = checked_mask(mask, shape=native.shape, classes=classes, name=name)
        if seconds is not None and not 0 <= seconds <= _MOST_SECONDS:
            raise AnnotationError(
                f"Expected 0 to {_MOST_SECONDS:,} seconds spent on {name}, got {seconds}."
            )
        annotator = words("annotator", annotator)
        key = None if key is None else words("key", key)
        proposed = self._pictures.proposal(row)
        return NewAnswer(
            row=row,
            kind=AnswerKind.MASK,
            annotator=annotator,
            mask_sha256=self._project.put_mask(native.to_pool(drawn)),
            native_sha256=self._project.put_mask(drawn),
            seconds=seconds,
            key=key,
            base_version=base_version,
            agreement=None
            if proposed is None
            else agreement(proposed, drawn, classes=len(classes)),
        )

    def other(
        self,
        row: int,
        kind: AnswerKind,
        *,
        annotator: str,
        base_version: int | None = None,
        key: str | None = None,
        reason: str | None = None,
    ) -> NewAnswer:
        """An answer without a mask.

        Raises:
            AnnotationError: A text cannot be used.
        """
        return NewAnswer(
            row=row,
            kind=kind,
            annotator=words("annotator", annotator),
            reason=None if reason is None else words("reason", reason),
            base_version=base_version,
            key=None if key is None else words("key", key),
        )

    def keep(self, new: NewAnswer) -> Answer:
        """Keep an answer.

        Raises:
            AnnotationError: It cannot be used; nothing is kept.
            ConflictError: It was given on an old version; it is kept, but does not count.
        """
        [answer] = self._project.add_answers([new])
        if not answer.conflicting:
            return answer
        newest = self._project.newest_answers([new.row]).get(new.row)
        version = 0 if newest is None else newest.version
        who = "" if newest is None else newest.annotator
        raise ConflictError(
            f"Expected an answer to version {version} of {self._live.pool.slice_id(new.row)}, "
            f"the newest, got one to version {new.base_version}.",
            cause=f"{who} answered meanwhile." if who else "",
            remedy=f"Both are kept, and version {version} counts. Look at it, and save again "
            "if yours should count.",
            annotator=who,
            version=version,
        )

    def keep_changed(self, new: Mapping[int, NewAnswer]) -> dict[int, Answer]:
        """Keep those of some masks that are not the newest of their slices already.

        Args:
            new: Row -> its mask.

        Returns:
            Row -> the answer that counts now.

        Raises:
            AnnotationError: A slice was never asked for; nothing is kept.
        """
        newest = self._project.newest_answers(new)
        changed = self.changed(new)
        return newest | {a.row: a for a in self._project.add_answers(changed)}

    def changed(self, new: Mapping[int, NewAnswer]) -> list[NewAnswer]:
        """Those of some masks (by row) that are not the newest of their slices already."""
        newest = self._project.newest_answers(new)
        return [n for r, n in new.items() if r not in newest or not self._is(newest[r], n)]

    def _is(self, known: Answer, new: NewAnswer) -> bool:
        """Whether an answer that is kept holds the mask that a new one brings."""
        if known.native_sha256 is not None or known.mask_sha256 is None:
            return known.native_sha256 == new.native_sha256
        mask = self._live.native_mask(known)  # a label that came with the data
        return mask is not None and self._project.put_mask(mask) == new.native_sha256


def words(what: str, text: str) -> str:
    """A short text that a person or a program gave, without spaces at its ends.

    Args:
        what: "annotator", "reason" or "key".
        text: It.

    Raises:
        AnnotationError: It is empty, too long or not printable.
    """
    most = LONGEST[what]
    if not text.strip() or len(text) > most or not text.isprintable():
        raise AnnotationError(
            f"Expected the {what} in 1 to {most} printable characters, got {len(text)} of them."
        )
    return text.strip()
