"""A work order: what an annotator with an editor of their own is asked for, as data.

It lies as ``order.json`` in the folder that :mod:`nextslice.annotators.folder` writes, for
programs to read. It remembers what was handed out, so that what was drawn since can be told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError, SettingsError
from nextslice.files import write_atomically
from nextslice.settings import plain, validated
from nextslice.types import NativeMask

__all__ = [
    "ORDER_FILE",
    "HandedOut",
    "OrderedSlice",
    "WorkOrder",
    "digest",
    "read_order",
    "write_order",
]

ORDER_FILE: Final = "order.json"

_FORMAT: Final = 1
_LARGEST: Final = 1 << 24  # bytes: tens of thousands of slices


@dataclass(frozen=True, kw_only=True)
class HandedOut:
    """What a slice was in the mask file that the annotator got, or last told.

    Attributes:
        version: The slice's newest version that counted then; 0 if it was never answered.
        sha256: Of its mask, see :func:`digest`.
    """

    version: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class OrderedSlice:
    """One slice to annotate.

    Attributes:
        case: Its case.
        slice: Its native place in the volume along the sliced axis, from 0.
        slice_from_1: The same as programs show it that count from 1.
        position_mm: Where its plane lies, as viewers print it (see
            :meth:`nextslice.data.native.NativeSlices.position_mm`).
        score: Its uncertainty; None where nothing was scored.
        state: "queried", "labelled" or "skipped" when the work order was written.
        why: Why it is asked for, in words.
        handed_out: What it was in the mask file.
    """

    case: str
    slice: int
    slice_from_1: int
    position_mm: float
    score: float | None
    state: str
    why: str
    handed_out: HandedOut

    @property
    def id(self) -> SliceId:
        """The slice's name."""
        return SliceId(self.case, self.slice)


@dataclass(frozen=True, kw_only=True)
class CaseFiles:
    """A case's files, by their paths in the folder.

    Attributes:
        scan: The scan.
        mask: The mask to draw in.
    """

    scan: str
    mask: str


@dataclass(frozen=True, kw_only=True)
class WorkOrder:
    """The slices of one query, for an annotator with an editor of their own.

    Attributes:
        project: Which project asks (:func:`nextslice.project.identity.identity_of`).
        cycle: Whose query it is.
        classes: Number in the masks -> name of the class; 0 is background.
        cases: Case -> its files, in the order in which the query names them.
        slices: In the order in which to annotate them.
        format: Of the file.
    """

    project: str
    cycle: int
    classes: dict[str, str]
    cases: dict[str, CaseFiles]
    slices: tuple[OrderedSlice, ...]
    format: int = _FORMAT

    def of_case(self, case: str) -> dict[int, OrderedSlice]:
        """Native index -> slice, of one case."""
        return {s.slice: s for s in self.slices if s.case == case}

    def updated(self, handed_out: Mapping[SliceId, HandedOut]) -> WorkOrder:
        """The same with newer memories of some slices."""
        slices = (
            replace(s, handed_out=handed_out.get(s.id, s.handed_out)) for s in self.slices
        )
        return replace(self, slices=tuple(slices))


def digest(mask: NativeMask) -> str:
    """SHA-256 of the class numbers of a native slice."""
    content = hashlib.sha256(repr(mask.shape).encode())
    content.update(np.ascontiguousarray(mask, np.uint8).tobytes())
    return content.hexdigest()


def write_order(folder: Path, order: WorkOrder) -> None:
    """Write ``order.json``, whole or not at all."""
    write_atomically(folder / ORDER_FILE, json.dumps(plain(order), indent=2) + "\n", "order")


def read_order(folder: Path) -> WorkOrder:
    """The work order in a folder.

    Raises:
        AnnotationError: There is none, or it is damaged.
    """
    path = folder / ORDER_FILE
    if not folder.is_dir():
        raise AnnotationError(
            f"Expected the folder of a work order, but there is no folder {folder}.",
            cause="a slip in the path, or nothing was asked yet.",
            remedy="nextslice ask PROJECT writes one and prints where.",
        )
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise AnnotationError(
            f"Expected the work order {path}; there is no such file.",
            cause="the folder is another one, or only a part of it came back.",
            remedy="Name the folder that nextslice ask wrote, with order.json in it.",
        ) from error
    if len(text) > _LARGEST:
        raise _damaged(path, f"it has more than {_LARGEST:,} bytes.")
    try:
        content = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is no JSON, or nested too deeply.") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise _damaged(path, f"it is not of format {_FORMAT}.")
    try:
        return validated(WorkOrder, content)
    except SettingsError as error:
        raise _damaged(path, error.problem) from error


def _damaged(path: Path, why: str) -> AnnotationError:
    return AnnotationError(
        f"The work order {path} cannot be used: {why}",
        cause="the file was changed, or another version of nextslice wrote it.",
        remedy="Copy the masks into a new work order: nextslice ask PROJECT --out FOLDER.",
    )
