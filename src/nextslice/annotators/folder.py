"""A work order as a folder, for annotators with an editor of their own.

::

    README.txt                 what to do, in plain words
    slices.csv   order.json    the slices that are asked for, for spreadsheets and programs
    scans/CASE.nii.gz          the scan as it is
    masks/CASE_mask.nii.gz     on the scan's grid: what is known of the slices asked for

A mask holds, on each slice that is asked for, the answer that counts; where there is none, what
the model proposes; else nothing. Other slices are empty. A file in which anything was drawn
since is never written again: see :func:`hand_out`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from nextslice.annotators.mask_files import (
    MASKS,
    drawn_in,
    mask_name,
    mask_numbers,
    masks_there,
)
from nextslice.annotators.order import (
    ORDER_FILE,
    CaseFiles,
    HandedOut,
    OrderedSlice,
    WorkOrder,
    digest,
    read_order,
    write_order,
)
from nextslice.annotators.order_scans import put_mask, put_scan
from nextslice.annotators.order_texts import LIST_FILE, README_FILE, list_of_slices, readme
from nextslice.annotators.own_files import demand_own_files
from nextslice.annotators.pictures import Pictures
from nextslice.annotators.reasons import Reasons
from nextslice.data.formats.readers import scan_suffix
from nextslice.data.pool import SliceId
from nextslice.data.scans import Scans
from nextslice.errors import AnnotationError
from nextslice.files import write_atomically
from nextslice.live import LiveProject
from nextslice.path_names import demand_told_apart, demand_utf8
from nextslice.project import Answer, QueriedSlice, Query, SliceState, identity_of
from nextslice.types import NativeMask, VolumeMask

__all__ = ["HandOut", "demand_usable", "hand_out", "order_in", "usual_folder"]

SCANS: Final = "scans"

_OURS: Final = {ORDER_FILE, LIST_FILE, README_FILE, MASKS, SCANS}


@dataclass(frozen=True)
class HandOut:
    """What was written.

    Attributes:
        order: The work order.
        left_alone: Cases whose mask was drawn in since it was written, and stays as it is.
    """

    order: WorkOrder
    left_alone: tuple[str, ...]


def usual_folder(project: Path, cycle: int) -> Path:
    """Where a cycle's work order lies if nobody says otherwise."""
    return project / "work" / f"cycle-{cycle:02d}"


def hand_out(
    live: LiveProject, query: Query, folder: str | Path, *, link: bool = False
) -> HandOut:
    """Write the work order of a query, or bring it up to date.

    A mask that was drawn in since it was handed out stays as it is; one that was not is written
    again with what is known now.

    Args:
        live: The project.
        query: One of its queries.
        folder: New or empty, or the one with this work order.
        link: Link the scans where the file system can, instead of copying them. That saves
            space; but an editor that writes into a scan then changes the original.

    Raises:
        AnnotationError: The folder holds something else.
        DataError: A scan cannot be read any more; or masks could not be told back from
            there, for its path is not in UTF-8 or its disk cannot tell two cases apart.
    """
    folder = Path(folder)
    known = _known_order(live, query, folder)
    scans = Scans(Path(live.config.data.folder))
    contents = _Contents(live)
    reasons = Reasons(live, query)
    by_case: dict[str, list[QueriedSlice]] = {}
    for queried in query.slices:
        by_case.setdefault(queried.id.case, []).append(queried)
    demand_told_apart(folder, by_case)
    there, _ = masks_there(folder, by_case)
    cases: dict[str, CaseFiles] = {}
    ordered: dict[SliceId, OrderedSlice] = {}
    left_alone = []
    for case, slices in by_case.items():
        grid = live.pool.geometry(case)
        scan = put_scan(scans, case, grid, folder / SCANS, link=link)
        mask = folder / MASKS / mask_name(case, scan_suffix(scans.path(case)) or "")
        asked = {q.id.index: contents.ordered(q, reasons.why(q)) for q in slices}
        earlier = {} if known is None else known.of_case(case)
        handed_out, row = earlier or asked, slices[0].row
        if any(_touched(live, folder, path, row, handed_out) for path in there[case]):
            left_alone.append(case)
            asked = _remembering(asked, earlier)
        else:
            put_mask(mask, contents.volume(slices), grid)
        cases[case] = CaseFiles(
            scan=scan.relative_to(folder).as_posix(), mask=mask.relative_to(folder).as_posix()
        )
        ordered |= {queried.id: asked[queried.id.index] for queried in slices}
    order = WorkOrder(
        project=identity_of(live.folder),
        cycle=query.cycle,
        classes={str(number): name for number, name in enumerate(live.classes, start=1)},
        cases=cases,
        slices=tuple(ordered[queried.id] for queried in query.slices),
    )
    write_atomically(folder / LIST_FILE, list_of_slices(order), "list")
    write_atomically(folder / README_FILE, readme(order), "readme")
    write_order(folder, order)
    return HandOut(order, tuple(left_alone))


def demand_usable(folder: Path) -> None:
    """Make sure that a work order may be written into a folder.

    Raises:
        AnnotationError: It is a file, holds something else, or links that lead elsewhere.
        DataError: Its path cannot be written in UTF-8: no mask could be read from it.
    """
    demand_utf8(folder.absolute())
    if not folder.exists():
        return
    if not folder.is_dir():
        raise AnnotationError(f"Expected a folder for the work order, got the file {folder}.")
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if ORDER_FILE not in names and names - _OURS:  # one that was cut off has no order.json
        raise AnnotationError(
            f"Expected an empty folder or a work order at {folder}; it holds other files.",
            remedy="Choose another folder with --out.",
        )
    demand_own_files(folder, (ORDER_FILE, LIST_FILE, README_FILE), (MASKS, SCANS))


def order_in(live: LiveProject, folder: Path) -> WorkOrder:
    """The work order in a folder, if it is one of this project.

    Raises:
        AnnotationError: There is none, it is damaged, or another project's; or it holds
            links that lead elsewhere.
    """
    demand_own_files(folder, (ORDER_FILE,), (MASKS,))
    order = read_order(folder)
    last = live.project.last_cycle()
    known = last is not None and 0 <= order.cycle <= last
    named = {s.id for s in order.slices}
    if (
        not known
        or order.project != identity_of(live.folder)
        or named != {queried.id for queried in live.project.query(order.cycle).slices}
        or set(order.cases) != {name.case for name in named}
    ):
        raise AnnotationError(
            f"Expected a work order of the project {live.folder}; the one in {folder} is "
            "another project's.",
            remedy="Name the project whose nextslice ask wrote the folder.",
        )
    return order


class _Contents:
    """What is known of slices: answers that count, else proposals, else nothing."""

    def __init__(self, live: LiveProject) -> None:
        self._live = live
        self._pictures = Pictures(live)

    def ordered(self, queried: QueriedSlice, why: str) -> OrderedSlice:
        native, index = self._live.native(queried.row), queried.id.index
        answer = self._answer(queried.row)
        return OrderedSlice(
            case=queried.id.case,
            slice=index,
            slice_from_1=index + 1,
            position_mm=native.position_mm(index),
            score=queried.score,
            state=SliceState.QUERIED if answer is None else answer.state,
            why=why,
            handed_out=HandedOut(
                version=0 if answer is None else answer.version,
                sha256=digest(self._mask(queried.row)),
            ),
        )

    def volume(self, slices: list[QueriedSlice]) -> VolumeMask:
        """A case's mask on its native grid, with these slices filled in."""
        native = self._live.native(slices[0].row)
        voxels = np.zeros(native.geometry.shape, np.uint8)
        for queried in slices:
            native.cut(voxels, queried.id.index)[...] = self._mask(queried.row)
        return voxels

    def _answer(self, row: int) -> Answer | None:
        return self._live.project.newest_answers([row]).get(row)

    def _mask(self, row: int) -> NativeMask:
        answer = self._answer(row)
        mask = None if answer is None else self._live.native_mask(answer)
        if mask is None:
            mask = self._pictures.proposal(row)
        return np.zeros(self._live.native(row).shape, np.uint8) if mask is None else mask


def _known_order(live: LiveProject, query: Query, folder: Path) -> WorkOrder | None:
    """The work order that is there already; None in a new folder, or one that was cut off."""
    demand_usable(folder)
    if not (folder / ORDER_FILE).exists():
        return None
    order = order_in(live, folder)
    if order.cycle != query.cycle:
        raise AnnotationError(
            f"Expected the work order of cycle {query.cycle} in {folder}; it holds the one of "
            f"cycle {order.cycle}.",
            remedy="Choose another folder with --out.",
        )
    return order


def _touched(
    live: LiveProject, folder: Path, path: Path, row: int, asked: Mapping[int, OrderedSlice]
) -> bool:
    """Whether a mask is not as it was handed out; one that cannot be read is not ours."""
    native = live.native(row)
    voxels = mask_numbers(path, folder, native, live.classes, [])
    return voxels is None or drawn_in(voxels, native, asked).touched


def _remembering(
    now: Mapping[int, OrderedSlice], earlier: Mapping[int, OrderedSlice]
) -> dict[int, OrderedSlice]:
    """Slices as they are now, with what was handed out of them before."""
    return {
        index: replace(entry, handed_out=earlier[index].handed_out)
        if index in earlier
        else entry
        for index, entry in now.items()
    }
