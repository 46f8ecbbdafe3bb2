"""What comes back of a work order: edited masks, and words about slices, as answers.

A slice whose mask is just as it was handed out is no answer, for nobody can tell whether an
annotator agreed with it or never looked at it: whoever agrees says so by name. A slice whose
mask is another one is an answer, whatever the other slices of its file are. So nothing that
was drawn is left out, and nothing is taken for an answer that nobody gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nextslice.annotators.answering import Answering
from nextslice.annotators.folder import order_in
from nextslice.annotators.mask_files import (
    Drawn,
    drawn_in,
    mask_numbers,
    masks_there,
)
from nextslice.annotators.order import HandedOut, OrderedSlice, WorkOrder, digest, write_order
from nextslice.annotators.pictures import Pictures
from nextslice.annotators.remarks import Remarks, parse_slice, said
from nextslice.data.cases import Refusal
from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError, ConflictError
from nextslice.failpoints import reach
from nextslice.live import LiveProject
from nextslice.project import Answer, SliceState
from nextslice.types import NativeMask
from nextslice.wording import a_few

__all__ = ["TakenIn", "take_in"]


@dataclass(frozen=True, kw_only=True)
class TakenIn:
    """What became of a work order that came back.

    Attributes:
        stored: The answers that are kept now and were not before.
        open: Slices of the work order that have no answer: their masks are as handed out.
        stray: Case -> slices that were drawn on and not asked for; they were left out.
        missing: Cases of the work order without a mask.
    """

    stored: tuple[tuple[SliceId, Answer], ...]
    open: tuple[SliceId, ...] = ()
    stray: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def take_in(
    live: LiveProject,
    folder: str | Path | None,
    remarks: Remarks | None = None,
    *,
    annotator: str = "expert",
    seconds: float | None = None,
) -> TakenIn:
    """Keep what came back of a work order: all of it, or nothing.

    Sent in again, what is known already changes nothing; what was changed since is kept as a
    new version.

    Args:
        live: The project.
        folder: The work order's; None where slices are only skipped or withdrawn.
        remarks: What is said beside what is drawn.
        annotator: Who did it.
        seconds: Spent on all masks that are new, together; each gets an equal share.

    Raises:
        AnnotationError: Something cannot be used, named; nothing is kept.
        ConflictError: Somebody else answered meanwhile, see :attr:`Remarks.replace`.
    """
    remarks = Remarks() if remarks is None else remarks
    back = None if folder is None else _Returned(live, Path(folder))
    answering = Answering(live, Pictures(live))
    words = said(live, answering, remarks, annotator)
    drawn: dict[int, NativeMask] = {}
    if back is not None:
        wanted = back.changed() | back.accepted(remarks)
        drawn = {
            live.pool.row_of(name): back.masks[name]
            for name in sorted(wanted)
            if live.pool.row_of(name) not in words
        }
    elif remarks.accept or remarks.accept_all:
        raise AnnotationError(
            "Expected the folder of a work order to accept its masks, got none."
        )
    masks = {
        row: answering.mask(row, mask, annotator=annotator, seconds=None)
        for row, mask in drawn.items()
    }
    new = answering.changed(masks)
    if back is not None and not remarks.replace:
        back.demand_no_conflict([answer.row for answer in new])
    if seconds is not None:
        share = seconds / max(len(new), 1)
        new = [
            answering.mask(a.row, drawn[a.row], annotator=annotator, seconds=share) for a in new
        ]
    stored = live.project.add_answers([*new, *words.values()])
    reach("reply.before")
    if back is None:
        return TakenIn(stored=_named(live, stored))
    back.remember({*drawn, *words})
    return TakenIn(
        stored=_named(live, stored),
        open=back.open(),
        stray={case: d.stray for case, d in back.drawn.items() if d.stray},
        missing=back.missing,
    )


class _Returned:
    """A work order that came back, read whole."""

    def __init__(self, live: LiveProject, folder: Path) -> None:
        self._live = live
        self._folder = folder
        self.order: WorkOrder = order_in(live, folder)
        self._asked: dict[SliceId, OrderedSlice] = {s.id: s for s in self.order.slices}
        files, unknown = masks_there(folder, self.order.cases)
        self.missing = tuple(case for case, paths in files.items() if not paths)
        refused = [self._of_no_case(path) for path in unknown]
        self.drawn: dict[str, Drawn] = {}
        for case, paths in files.items():
            refused += self._read(case, paths)
        if refused:
            raise AnnotationError(
                f"Masks in {folder} cannot be used, and nothing was stored:\n"
                + "\n".join(f"  {line}" for line in refused),
                remedy="Put them right and tell again.",
            )
        self.masks: dict[SliceId, NativeMask] = {
            SliceId(case, index): mask
            for case, drawn in self.drawn.items()
            for index, mask in drawn.masks.items()
        }

    def changed(self) -> set[SliceId]:
        """The slices whose mask is not as it was handed out."""
        return {SliceId(case, i) for case, drawn in self.drawn.items() for i in drawn.changed}

    def accepted(self, remarks: Remarks) -> set[SliceId]:
        """The slices whose mask is said to be right as it is.

        Raises:
            AnnotationError: A case or slice is not in the work order, or has no mask.
        """
        whole = set(self.order.cases) if remarks.accept_all else set()
        one = set()
        for text in remarks.accept:
            if text in self.order.cases:
                whole.add(text)
                continue
            name = parse_slice(text)
            if name not in self._asked:
                raise AnnotationError(
                    f"Expected a slice or a case of this work order to accept, got {text}.",
                    remedy=f"Its slices are {a_few([str(s) for s in self._asked], 12)}.",
                )
            one.add(name)
        waiting = {n for n in self._asked if n.case in whole and self._is_open(n)} | one
        if without := sorted(waiting - set(self.masks)) if remarks.accept else []:
            raise AnnotationError(
                f"Expected a mask of {without[0].case} to accept; there is no file of it.",
                remedy="Put it back, or write it again: nextslice ask PROJECT.",
            )
        return waiting & set(self.masks)

    def demand_no_conflict(self, rows: Iterable[int]) -> None:
        """Make sure that nobody answered since the masks were handed out.

        Raises:
            ConflictError: Somebody did; names the slices.
        """
        newest = self._live.project.newest_answers(rows)
        found = {
            name: answer
            for name, answer in ((self._live.pool.slice_id(r), a) for r, a in newest.items())
            if answer.version != self._asked[name].handed_out.version
        }
        if found:
            names = ", ".join(f"{name} (by {a.annotator})" for name, a in found.items())
            first = next(iter(found.values()))
            raise ConflictError(
                f"Expected slices that nobody answered since {self._folder} was written; "
                f"somebody did: {names}. Nothing was stored.",
                cause="they were annotated in the browser or in another folder meanwhile.",
                remedy="Look at what they are now: nextslice ask PROJECT --out OTHER_FOLDER. "
                "To let the masks of this folder count: --replace; old versions are kept.",
                annotator=first.annotator,
                version=first.version,
            )

    def open(self) -> tuple[SliceId, ...]:
        """The slices of the work order that nobody has answered yet."""
        return tuple(name for name in self._asked if self._is_open(name))

    def remember(self, rows: Iterable[int]) -> None:
        """Keep what the answered slices are now, so that only what changes then is new."""
        now = {}
        for row, answer in self._live.project.newest_answers(rows).items():
            name = self._live.pool.slice_id(row)
            if (asked := self._asked.get(name)) is not None:
                mask = self.masks.get(name)
                sha256 = asked.handed_out.sha256 if mask is None else digest(mask)
                now[name] = HandedOut(version=answer.version, sha256=sha256)
        if now:
            write_order(self._folder, self.order.updated(now))

    def _of_no_case(self, path: Path) -> str:
        names = a_few([Path(files.mask).name for files in self.order.cases.values()])
        if ".seg." in path.name.lower():
            return (
                f"{path.name}: a segmentation of 3D Slicer with numbers of its own. Export it "
                f"as a label map under the name that the mask has ({names}), and put the other "
                "elsewhere."
            )
        return (
            f"{path.name}: it belongs to no case of this work order. Give it the name of its "
            f"case ({names}), or put it elsewhere."
        )

    def _is_open(self, name: SliceId) -> bool:
        row = self._live.pool.row_of(name)
        answer = self._live.project.newest_answers([row]).get(row)
        return answer is None or answer.state is SliceState.QUERIED

    def _read(self, case: str, paths: Sequence[Path]) -> list[str]:
        """Read the masks of a case; returns why they cannot be used, a line each."""
        native = self._live.native(self._live.pool.rows_of(case).start)
        refusals: list[Refusal] = []
        touched, found = [], []
        asked = self.order.of_case(case)
        for path in paths:
            voxels = mask_numbers(path, self._folder, native, self._live.classes, refusals)
            if voxels is not None:
                drawn = drawn_in(voxels, native, asked)
                found.append(drawn)
                if drawn.touched:
                    touched.append((path, drawn))
        if len(touched) > 1:
            names = " and ".join(path.name for path, _ in touched)
            return [
                f"{case}: something is drawn in {names}. Keep one, and put the rest elsewhere."
            ]
        if found:
            self.drawn[case] = touched[0][1] if touched else found[0]
        return [f"{case}: {refusal}" for refusal in refusals]


def _named(live: LiveProject, answers: Iterable[Answer]) -> tuple[tuple[SliceId, Answer], ...]:
    return tuple((live.pool.slice_id(answer.row), answer) for answer in answers)
