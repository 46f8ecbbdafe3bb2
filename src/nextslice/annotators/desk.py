"""The desk at which people annotate: one live project on this machine, open for several.

The command line and the web page stand on it. Whatever they show comes from here as frozen
facts, whatever people answer goes through here to the disk. Threads may share it.

People see and draw on native slices: see :mod:`nextslice.data.native`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Self, final

import numpy as np

from nextslice.annotators.background import Background
from nextslice.annotators.leases import Lease, Leases
from nextslice.annotators.pictures import Pictures
from nextslice.annotators.views import (
    Annotation,
    ImageView,
    MaskView,
    Overview,
    Phase,
    Saved,
    SliceView,
)
from nextslice.data.slices import SliceId
from nextslice.errors import AnnotationError, ConflictError
from nextslice.evaluation.agreement import agreement
from nextslice.live import LiveProject
from nextslice.project import (
    Answer,
    AnswerKind,
    NewAnswer,
    QueriedSlice,
    SliceState,
    checked_mask,
)
from nextslice.types import NativeMask

__all__ = ["Desk"]

_LONGEST = {"annotator": 100, "reason": 500, "key": 200}  # characters
_MOST_SECONDS = 24 * 3600.0


@final
class Desk:
    """One live project, open for several people at once.

    A project that was stopped in the midst of a training goes on with it in the background;
    a new one asks its first query.

    Args:
        project: An open project; the desk closes it.
        go_on: Whether to go on with what was interrupted. Without it the phase is "failed"
            until :meth:`finish_query` is called.

    Raises:
        NextsliceError: The first query cannot be asked.
    """

    def __init__(self, project: LiveProject, *, go_on: bool = True) -> None:
        self._live = project
        self._project = project.project
        self._pool = project.pool
        self._pictures = Pictures(project)
        self._leases = Leases()
        self._background = Background(project.config.training.steps_per_epoch)
        self._lock = threading.RLock()
        self._shown: int | None = None  # the cycle that people see while the next one is made
        self._ids = [
            hashlib.sha256(f"{self._pool.fingerprint} {row}".encode()).hexdigest()[:16]
            for row in range(len(self._pool))
        ]
        self._rows = {name: row for row, name in enumerate(self._ids)}
        project.listen(self._background.listen)
        if self._project.last_cycle() is None:
            project.ask()
        if go_on and self._left_to_do():
            self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the work in the background, and let other processes work on the project.

        What was under way is done again at the next start.
        """
        self._background.stop()
        self._live.close()

    @property
    def classes(self) -> tuple[str, ...]:
        """Foreground names; class k is number k in every mask, 0 is background."""
        return self._live.classes

    # What people see

    def overview(self) -> Overview:
        """The project at a glance; asked for often, it costs little."""
        with self._lock:
            running, error = self._background.running, self._background.error
            progress = self._background.progress
            last = self._project.last_cycle() or 0
            cycle = self._shown if running and self._shown is not None else last
        asked = self._project.query(cycle).slices
        history = self._project.history()
        answers = self._project.newest_answers([queried.row for queried in asked])
        holders = self._leases.holders()
        phase: Phase = "annotating"
        if running:
            phase = "training"
        elif error or self._left_to_do():
            phase = "failed"
            error = error or "The way to the next query was interrupted."
        elif not asked:
            phase = "exhausted"
        return Overview(
            cycle=cycle,
            phase=phase,
            error=error if phase == "failed" else "",
            slices=tuple(self._view(q, answers.get(q.row), holders) for q in asked),
            progress=progress if phase == "training" else None,
            labelled=self._project.n_labelled(),
            history=tuple(view for view in history if view.cycle <= cycle),
        )

    def id_of(self, name: SliceId) -> str:
        """The id of a slice of the pool.

        Raises:
            SettingsError: There is no such case or slice.
        """
        return self._ids[self._pool.row_of(name)]

    def image(self, slice_id: str, offset: int = 0) -> ImageView:
        """A native slice as it was scanned, or one `offset` places along the volume from it.

        Raises:
            AnnotationError: There is no such slice.
            SettingsError: The volume ends before `offset`.
            DataError: The scan cannot be read any more.
        """
        return self._pictures.image(self._row(slice_id), offset)

    def proposal(self, slice_id: str) -> MaskView | None:
        """What the model that asked for a slice proposes as its mask; None without a model.

        Raises:
            AnnotationError: There is no such slice.
        """
        row = self._row(slice_id)
        mask = self._pictures.proposal(row)
        return None if mask is None else MaskView(mask, self._pool.slice_id(row).index)

    def uncertainty(self, slice_id: str) -> ImageView | None:
        """How unsure that model is of each pixel, from 0 to 1; None without a model.

        Raises:
            AnnotationError: There is no such slice.
        """
        return self._pictures.uncertainty(self._row(slice_id))

    def annotation(self, slice_id: str, version: int | None = None) -> Annotation | None:
        """A slice's mask: the one that counts, or a version of it.

        Args:
            slice_id: The slice.
            version: A version by its number, conflicting ones too; None for the newest that
                counts.

        Returns:
            None where there is no such version, it has no mask, or the newest answer is a
            skip or was withdrawn.

        Raises:
            AnnotationError: There is no such slice.
        """
        row = self._row(slice_id)
        if version is None:
            answer = self._project.newest_answers([row]).get(row)
        else:
            found = (a for a in self._project.versions(row) if a.version == version)
            answer = next(found, None)
        mask = None if answer is None else self._live.native_mask(answer)
        if answer is None or mask is None:
            return None
        return Annotation(
            mask, answer.version, answer.annotator, answer.created, answer.conflicting
        )

    def neighbour_annotation(self, slice_id: str, offset: int) -> MaskView | None:
        """The mask of the slice `offset` places along the volume; None if it has none.

        Raises:
            AnnotationError: There is no such slice.
        """
        name = self._pool.slice_id(self._row(slice_id))
        rows = self._pool.rows_of(name.case)
        index = name.index + offset
        if not 0 <= index < rows.stop - rows.start:
            return None
        found = self.annotation(self._ids[rows.start + index])
        return None if found is None else MaskView(found.mask, index)

    def nearest_annotation(self, slice_id: str) -> MaskView | None:
        """The mask of the nearest other annotated slice of the volume; None if there is none.

        Raises:
            AnnotationError: There is no such slice.
        """
        row = self._row(slice_id)
        rows = self._pool.rows_of(self._pool.slice_id(row).case)
        answers = self._project.newest_answers(range(rows.start, rows.stop))
        annotated = [r for r, a in answers.items() if a.mask_sha256 is not None and r != row]
        if not annotated:
            return None
        nearest = min(annotated, key=lambda other: (abs(other - row), other))
        return self.neighbour_annotation(slice_id, nearest - row)

    # Who is at which slice

    def lease(self, slice_id: str, annotator: str) -> Lease:
        """Tell the others that somebody has a slice open; call again to renew it.

        Raises:
            AnnotationError: There is no such slice, or the name cannot be used.
        """
        self._row(slice_id)
        return self._leases.take(slice_id, _words("annotator", annotator))

    def release(self, slice_id: str, annotator: str) -> None:
        """Tell the others that somebody has left a slice."""
        self._leases.release(slice_id, annotator)

    # What people answer

    def save(
        self,
        slice_id: str,
        mask: np.ndarray,
        *,
        annotator: str,
        base_version: int,
        key: str,
        seconds: float | None = None,
    ) -> Saved:
        """Keep the mask of a slice; it is on the disk and committed when this returns.

        Args:
            slice_id: A slice that was asked for.
            mask: Class numbers (height, width) on the native slice.
            annotator: Who drew it.
            base_version: The version that it was drawn on, as the overview gave it.
            key: Chosen anew for each save; the same save sent again is kept once.
            seconds: Spent on it.

        Raises:
            AnnotationError: The mask, the slice or the key cannot be used; nothing is kept.
            ConflictError: Somebody else saved meanwhile. Both are kept, theirs counts; saved
                again on their version (with a new key), this one does.
        """
        row = self._row(slice_id)
        new = self._drawn(row, mask, annotator, seconds, base_version, key)
        return self._keep(row, new)

    def skip(
        self, slice_id: str, *, reason: str, annotator: str, base_version: int, key: str
    ) -> Saved:
        """Leave a slice out for good: nothing learns from it, and it is not asked again.

        Raises:
            AnnotationError: See :meth:`save`.
            ConflictError: The same.
        """
        row = self._row(slice_id)
        new = NewAnswer(
            row=row,
            kind=AnswerKind.SKIP,
            annotator=_words("annotator", annotator),
            reason=_words("reason", reason),
            base_version=base_version,
            key=_words("key", key),
        )
        return self._keep(row, new)

    def withdraw(self, slice_id: str, *, annotator: str, base_version: int, key: str) -> Saved:
        """Take the answer to a slice back: it is queried again. Old versions are kept.

        Raises:
            AnnotationError: See :meth:`save`; or there is no answer.
            ConflictError: The same.
        """
        row = self._row(slice_id)
        new = NewAnswer(
            row=row,
            kind=AnswerKind.WITHDRAWN,
            annotator=_words("annotator", annotator),
            base_version=base_version,
            key=_words("key", key),
        )
        return self._keep(row, new)

    def tell(
        self,
        masks: Mapping[str, np.ndarray],
        *,
        annotator: str,
        seconds: float | None = None,
    ) -> dict[str, Saved]:
        """Keep the masks of several slices, all or none, whatever their versions are.

        A mask equal to the one that counts changes nothing.

        Args:
            masks: Slice id -> class numbers (height, width) on the native slice.
            annotator: Who drew them.
            seconds: Spent on all of them together; each gets an equal share.

        Raises:
            AnnotationError: A mask or a slice cannot be used; nothing is kept.
        """
        share = None if seconds is None or not masks else seconds / len(masks)
        new = [self._drawn(self._row(i), mask, annotator, share) for i, mask in masks.items()]
        newest = self._project.newest_answers([answer.row for answer in new])
        changed = []
        for answer in new:
            known = newest.get(answer.row)
            if known is None or not self._draws(known, answer):
                changed.append(answer)
        kept = newest | {a.row: a for a in self._project.add_answers(changed)}
        return {self._ids[a.row]: self._receipt(kept[a.row]) for a in new}

    # What follows

    def finish_query(self, *, cycle: int | None = None) -> None:
        """Train on what is labelled now, score and select: all in the background.

        :meth:`overview` tells how far it is and then shows the next query. While it runs,
        calling again changes nothing; where it failed, it is tried again.

        Args:
            cycle: The cycle that is to end, if it may have ended already: then nothing
                happens.

        Raises:
            AnnotationError: Nothing was answered since the last training.
        """
        with self._lock:
            last = self._project.last_cycle() or 0
            if self._background.running or (cycle is not None and cycle != last):
                return
            if not self._project.is_recorded(last):
                began = self._project.training_began(last)
                if not began and not self._project.answers_since(last - 1):
                    raise AnnotationError(
                        "Expected answers before the query is finished, there are none yet.",
                        remedy="Annotate at least one of its slices, or skip one.",
                    )
                if self._project.n_labelled() == 0:
                    raise AnnotationError(
                        "Expected a labelled slice to learn from, there is none yet.",
                        remedy="Annotate at least one slice of the query.",
                    )
                self._project.begin_training(last)
            self._start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the work in the background; False if it is not over after `timeout` s."""
        return self._background.wait(timeout)

    # Helpers

    def _left_to_do(self) -> bool:
        """Whether something was begun before that leads to the open query or the next one."""
        last = self._project.last_cycle() or 0
        if self._project.is_recorded(last) or self._project.training_began(last):
            return True
        asked = self._project.query(last).slices
        if last == 0:
            return not asked  # labels came with the data: the first model learns from them
        return bool(asked) and not self._pictures.has_proposals(last)

    def _start(self) -> None:
        self._shown = self._project.last_cycle()
        self._background.start(self._work)

    def _work(self) -> None:
        last = self._project.last_cycle() or 0
        asked_nothing = last == 0 and not len(self._project.query(0))
        if not self._project.is_recorded(last) and (
            asked_nothing or self._project.training_began(last)
        ):
            self._live.train(resume=True)
        self._live.ask()

    def _view(
        self, queried: QueriedSlice, answer: Answer | None, holders: Mapping[str, str]
    ) -> SliceView:
        native = self._live.native(queried.row)
        name = self._ids[queried.row]
        state = SliceState.QUERIED if answer is None else answer.state
        return SliceView(
            id=name,
            case=queried.id.case,
            index=queried.id.index,
            position_mm=native.position_mm(queried.id.index),
            score=queried.score,
            state=state,
            version=0 if answer is None else answer.version,
            annotator=None if answer is None else answer.annotator,
            leased_to=holders.get(name),
            agreement=None if answer is None else answer.agreement,
            shape=native.shape,
            spacing=native.spacing,
            slices=native.count,
        )

    def _row(self, slice_id: str) -> int:
        row = self._rows.get(slice_id)
        if row is None:
            raise AnnotationError(
                "Expected the id of a slice of this project, got another text.",
                cause="the page belongs to another project.",
                remedy="Load it again.",
            )
        return row

    def _drawn(
        self,
        row: int,
        mask: np.ndarray,
        annotator: str,
        seconds: float | None,
        base_version: int | None = None,
        key: str | None = None,
    ) -> NewAnswer:
        """The answer that a mask is; its files are on the disk."""
        native = self._live.native(row)
        drawn: NativeMask = checked_mask(
            mask,
            shape=native.shape,
            classes=self.classes,
            name=str(self._pool.slice_id(row)),
        )
        if seconds is not None and not 0 <= seconds <= _MOST_SECONDS:
            raise AnnotationError(
                f"Expected seconds from 0 to {_MOST_SECONDS:.0f} spent on a slice, got "
                f"{seconds}."
            )
        proposed = self._pictures.proposal(row)
        return NewAnswer(
            row=row,
            kind=AnswerKind.MASK,
            annotator=_words("annotator", annotator),
            mask_sha256=self._project.put_mask(native.to_pool(drawn)),
            native_sha256=self._project.put_mask(drawn),
            seconds=seconds,
            key=None if key is None else _words("key", key),
            base_version=base_version,
            agreement=None
            if proposed is None
            else agreement(proposed, drawn, classes=len(self.classes)),
        )

    def _draws(self, known: Answer, new: NewAnswer) -> bool:
        """Whether `known` holds the mask that `new` brings."""
        if known.native_sha256 is not None or known.mask_sha256 is None:
            return known.native_sha256 == new.native_sha256
        mask = self._live.native_mask(known)  # labels that came with the data
        return mask is not None and self._project.put_mask(mask) == new.native_sha256

    def _keep(self, row: int, new: NewAnswer) -> Saved:
        [answer] = self._project.add_answers([new])
        if not answer.conflicting:
            return self._receipt(answer)
        newest = self._project.newest_answers([row]).get(row)
        version = 0 if newest is None else newest.version
        who = "" if newest is None else newest.annotator
        raise ConflictError(
            f"Expected an answer to version {version} of {self._pool.slice_id(row)}, the "
            f"newest, got one to version {new.base_version}.",
            cause=f"{who} saved version {version} meanwhile." if who else "",
            remedy=f"Both are kept, and version {version} counts. Look at it; save again on "
            "it if yours should count.",
            annotator=who,
            version=version,
        )

    def _receipt(self, answer: Answer) -> Saved:
        name = self._ids[answer.row]
        return Saved(name, answer.version, answer.state, answer.agreement)


def _words(what: str, text: str) -> str:
    """A short text that a person or a program gave, if it can be used."""
    most = _LONGEST[what]
    if not text.strip() or len(text) > most or not text.isprintable():
        raise AnnotationError(
            f"Expected a {what} of 1 to {most} printable characters, got {len(text)} "
            "characters."
        )
    return text.strip()
