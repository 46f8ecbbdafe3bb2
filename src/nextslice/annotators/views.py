"""What the desk hands out: plain facts, frozen, for a page or a command to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nextslice.project import CycleView, SliceState
from nextslice.types import NativeImage, NativeMask

__all__ = [
    "Annotation",
    "ImageView",
    "MaskView",
    "Overview",
    "Phase",
    "Saved",
    "SliceView",
    "TrainingProgress",
]

Phase = Literal["annotating", "training", "failed", "exhausted"]
"""What goes on: people annotate; the query is finished and the next one is on its way (people
may still annotate); that went wrong; or the pool has nothing left to ask for."""


@dataclass(frozen=True, slots=True)
class SliceView:
    """One slice of the open query.

    Attributes:
        id: Its name for the desk: opaque, fit for a URL, the same after a restart.
        case: Its case.
        index: Its native place in the volume along the sliced axis, from 0.
        position_mm: Where its plane lies, as viewers print it (see
            :meth:`nextslice.data.native.NativeSlices.position_mm`).
        score: Its uncertainty; None where nothing was scored.
        state: "queried", "labelled" or "skipped".
        version: Its newest version that counts; 0 if it was never answered.
        annotator: Who gave that version.
        leased_to: Who has it open, if anybody has.
        agreement: Dice of the proposal with its mask; None without either.
        shape: (height, width) of the native slice in pixels.
        spacing: Millimetres from row to row and from column to column.
        towards: Where rows and where columns count to in the patient, such as ("P", "L") (see
            :attr:`nextslice.data.native.NativeSlices.towards`).
        slices: How many slices its volume has.
    """

    id: str
    case: str
    index: int
    position_mm: float
    score: float | None
    state: SliceState
    version: int
    annotator: str | None
    leased_to: str | None
    agreement: float | None
    shape: tuple[int, int]
    spacing: tuple[float, float]
    towards: tuple[str, str]
    slices: int


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far the way to the next query is.

    Attributes:
        stage: "train", then "score".
        step: Steps of this stage that are done.
        steps: Steps in all.
        epoch: Epochs of the training that are begun; 0 while scoring.
        epochs: Epochs in all; 0 while scoring.
        loss: The training loss at this step.
        seconds_left: Of this stage, by its pace so far; None at its beginning.
    """

    stage: str
    step: int
    steps: int
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The project at a glance.

    Attributes:
        cycle: The open cycle, from 0.
        phase: What goes on.
        error: Why it failed, in words; empty unless the phase is "failed".
        slices: The open query, in the order in which to annotate.
        progress: While the phase is "training".
        labelled: Labelled slices in all.
        history: Each cycle so far, the open one last.
    """

    cycle: int
    phase: Phase
    error: str
    slices: tuple[SliceView, ...]
    progress: TrainingProgress | None
    labelled: int
    history: tuple[CycleView, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImageView:
    """A native slice to look at.

    Attributes:
        pixels: float32 (height, width): intensities as scanned, or an uncertainty in [0, 1].
        index: Its place in the volume.
        position_mm: Where its plane lies.
        low: The intensity to show as black.
        high: The intensity to show as white.
    """

    pixels: NativeImage
    index: int
    position_mm: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class MaskView:
    """A mask on a native slice.

    Attributes:
        mask: Class numbers (height, width), uint8.
        index: Its slice's place in the volume.
    """

    mask: NativeMask
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """One version of a slice's mask.

    Attributes:
        mask: Class numbers (height, width) on the native slice, uint8.
        version: Its number.
        annotator: Who drew it.
        created: When it was saved: UTC, ISO 8601.
        conflicting: Whether it was drawn on an old version, and does not count.
    """

    mask: NativeMask
    version: int
    annotator: str
    created: str
    conflicting: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """The receipt of an answer that is on the disk.

    Attributes:
        slice_id: The slice.
        version: The answer's version.
        state: What the slice is now.
        agreement: Dice of the proposal with the mask; None without either.
    """

    slice_id: str
    version: int
    state: SliceState
    agreement: float | None
