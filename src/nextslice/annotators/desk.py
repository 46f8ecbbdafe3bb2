"""The desk at which people annotate: one live project on this machine, open for several.

The web page stands on it. Whatever it shows comes from here as frozen facts, whatever people
answer goes through here to the disk. Threads may share it.

People see and draw on native slices: see :mod:`nextslice.data.native`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Self, final

import numpy as np

from nextslice.annotators.answering import Answering, words
from nextslice.annotators.following import Following
from nextslice.annotators.leases import Lease, Leases
from nextslice.annotators.pictures import Pictures
from nextslice.annotators.views import (
    Annotation,
    ImageView,
    MaskView,
    Overview,
    Saved,
    SliceView,
)
from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError
from nextslice.failpoints import reach
from nextslice.live import LiveProject
from nextslice.project import Answer, AnswerKind, QueriedSlice, SliceState

__all__ = ["Desk"]


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
        self._answering = Answering(project, self._pictures)
        self._leases = Leases()
        self._ids = [
            hashlib.sha256(f"{self._pool.fingerprint} {row}".encode()).hexdigest()[:16]
            for row in range(len(self._pool))
        ]
        self._rows = {name: row for row, name in enumerate(self._ids)}
        self._following = Following(project, self._pictures, go_on=go_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the work in the background, and let other processes work on the project.

        What was under way is done again at the next start.
        """
        self._following.stop()
        self._live.close()

    @property
    def folders(self) -> tuple[Path, Path]:
        """Those of the project and of its scans: a log names files from there on."""
        return self._live.folders

    @property
    def classes(self) -> tuple[str, ...]:
        """Foreground names; class k is number k in every mask, 0 is background."""
        return self._live.classes

    # What people see

    def overview(self) -> Overview:
        """The project at a glance; asked for often, it costs little."""
        standing = self._following.standing
        asked, cycle = standing.query.slices, standing.query.cycle
        answers = self._project.newest_answers([queried.row for queried in asked])
        holders = self._leases.holders()
        return Overview(
            cycle=cycle,
            phase=standing.phase,
            error=standing.error,
            slices=tuple(self._view(q, answers.get(q.row), holders) for q in asked),
            progress=standing.progress,
            labelled=self._project.n_labelled(),
            history=tuple(v for v in self._project.history() if v.cycle <= cycle),
        )

    def id_of(self, name: SliceId) -> str:
        """The id of a slice of the pool.

        Raises:
            SettingsError: There is no such case or slice.
        """
        return self._ids[self._pool.row_of(name)]

    def shape(self, slice_id: str) -> tuple[int, int]:
        """(height, width) of a native slice in pixels.

        Raises:
            AnnotationError: There is no such slice.
        """
        return self._live.native(self._row(slice_id)).shape

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
        return self._pictures.annotation(self._row(slice_id), version)

    def neighbour_annotation(self, slice_id: str, offset: int) -> MaskView | None:
        """The mask of the slice `offset` places along the volume; None if it has none.

        Raises:
            AnnotationError: There is no such slice.
        """
        return self._pictures.neighbour(self._row(slice_id), offset)

    def nearest_annotation(self, slice_id: str) -> MaskView | None:
        """The mask of the nearest other annotated slice of the volume; None if there is none.

        Raises:
            AnnotationError: There is no such slice.
        """
        return self._pictures.nearest(self._row(slice_id))

    # Who is at which slice

    def lease(self, slice_id: str, annotator: str) -> Lease:
        """Tell the others that somebody has a slice open; call again to renew it.

        Raises:
            AnnotationError: There is no such slice, or the name cannot be used.
        """
        self._row(slice_id)
        return self._leases.take(slice_id, words("annotator", annotator))

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
        new = self._answering.mask(
            self._row(slice_id),
            mask,
            annotator=annotator,
            seconds=seconds,
            base_version=base_version,
            key=key,
        )
        return self._receipt(self._answering.keep(new))

    def skip(
        self, slice_id: str, *, reason: str, annotator: str, base_version: int, key: str
    ) -> Saved:
        """Leave a slice out for good: nothing learns from it, and it is not asked again.

        Raises:
            AnnotationError: See :meth:`save`.
            ConflictError: The same.
        """
        new = self._answering.other(
            self._row(slice_id),
            AnswerKind.SKIP,
            annotator=annotator,
            reason=reason,
            base_version=base_version,
            key=key,
        )
        return self._receipt(self._answering.keep(new))

    def withdraw(self, slice_id: str, *, annotator: str, base_version: int, key: str) -> Saved:
        """Take the answer to a slice back: it is queried again. Old versions are kept.

        Raises:
            AnnotationError: See :meth:`save`; or there is no answer.
            ConflictError: The same.
        """
        new = self._answering.other(
            self._row(slice_id),
            AnswerKind.WITHDRAWN,
            annotator=annotator,
            base_version=base_version,
            key=key,
        )
        return self._receipt(self._answering.keep(new))

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
        share = None if seconds is None else seconds / max(len(masks), 1)
        rows = {self._row(slice_id): mask for slice_id, mask in masks.items()}
        new = {
            row: self._answering.mask(row, mask, annotator=annotator, seconds=share)
            for row, mask in rows.items()
        }
        kept = self._answering.keep_changed(new)
        return {self._ids[row]: self._receipt(kept[row]) for row in rows}

    # What follows

    def finish_query(self, *, cycle: int | None = None) -> None:
        """Train on what is labelled now, score and select: all in the background.

        :meth:`overview` tells how far it is and then shows the next query. While it runs,
        calling again changes nothing; where it failed, it is tried again. Once it is over, the
        next query is open: to end that one, it must have been answered.

        Args:
            cycle: The cycle that is to end, so that somebody who comes late ends no other.

        Raises:
            AnnotationError: Nothing was answered since the last training; or the cycle is not
                the one whose query is open, or has ended and its training is over. Nothing
                happens then.
        """
        self._following.finish_query(cycle)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the work in the background; False if it is not over after `timeout` s."""
        return self._following.wait(timeout)

    # Helpers

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
            towards=native.towards,
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

    def _receipt(self, answer: Answer) -> Saved:
        reach("reply.before")
        name = self._ids[answer.row]
        return Saved(name, answer.version, answer.state, answer.agreement)
