"""The mask files of a work order: which there are, and what is drawn in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from nextslice.annotators.order import OrderedSlice, digest
from nextslice.data.cases import Refusal
from nextslice.data.formats.readers import scan_suffix
from nextslice.data.gate.admission import read_mask
from nextslice.data.native import NativeSlices
from nextslice.types import NativeMask, VolumeMask

__all__ = [
    "MASKS",
    "Drawn",
    "declared_numbers",
    "drawn_in",
    "mask_name",
    "mask_numbers",
    "masks_there",
]

MASKS: Final = "masks"
"""The folder in a work order that holds them."""

_ENDING: Final = "_mask"


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is in a mask file, beside what was handed out.

    Attributes:
        masks: Native index of a slice that was asked for -> its class numbers now.
        changed: Those of them that are not as they were handed out.
        stray: Other slices with anything drawn on them.
    """

    masks: Mapping[int, NativeMask]
    changed: tuple[int, ...]
    stray: tuple[int, ...]

    @property
    def touched(self) -> bool:
        """Whether anything was drawn or erased."""
        return bool(self.changed or self.stray)


def masks_there(folder: Path, cases: Iterable[str]) -> tuple[dict[str, list[Path]], list[Path]]:
    """The mask files of a work order.

    An editor may save in a format of its own beside the file that it was given, so there may
    be several of a case: CASE_mask or CASE, with any ending that is read.

    Args:
        folder: The work order's.
        cases: Those that it names.

    Returns:
        Case -> its files; and the files that belong to none.
    """
    found: dict[str, list[Path]] = {case: [] for case in cases}
    unknown: list[Path] = []
    for path in sorted((folder / MASKS).glob("*")):
        suffix = scan_suffix(path)
        if suffix is None or path.name.startswith("."):
            continue
        stem = path.name[: -len(suffix)]
        # The ending first: a case may be called as another one with the ending.
        case = next((c for c in (stem.removesuffix(_ENDING), stem) if c in found), None)
        (unknown if case is None else found[case]).append(path)
    return found, unknown


def mask_name(case: str, suffix: str) -> str:
    """The name of the mask file of a case, in the format family of its scan.

    Of each family the format that is one file; NIfTI is compressed.
    """
    of_one_file = {".nii": ".nii.gz", ".mhd": ".mha", ".nhdr": ".nrrd"}
    return f"{case}{_ENDING}{of_one_file.get(suffix, suffix)}"


def declared_numbers(classes: Sequence[str]) -> dict[int, str]:
    """Number in a mask -> what it says, background included."""
    return dict(enumerate(("background", *classes)))


def mask_numbers(
    path: Path,
    folder: Path,
    native: NativeSlices,
    classes: Sequence[str],
    refusals: list[Refusal],
) -> VolumeMask | None:
    """The class numbers in a mask file, (x, y, z).

    Args:
        path: The file.
        folder: The work order's, which it may not lead out of.
        native: The slices of its case.
        classes: Foreground names in the order of their numbers.
        refusals: Gets the reasons if it cannot be used; it is None then.
    """
    mask = read_mask(path, native.geometry, declared_numbers(classes), folder, refusals)
    return None if mask is None else mask.voxels.astype(np.uint8)


def drawn_in(
    voxels: VolumeMask, native: NativeSlices, asked: Mapping[int, OrderedSlice]
) -> Drawn:
    """What is in a mask, beside what was handed out.

    Args:
        voxels: Class numbers (x, y, z).
        native: The slices of its case.
        asked: The slices that are asked for, by their native index.
    """
    masks = {index: np.ascontiguousarray(native.cut(voxels, index)) for index in asked}
    changed = [i for i, mask in masks.items() if digest(mask) != asked[i].handed_out.sha256]
    others = (index for index in range(native.count) if index not in asked)
    stray = [index for index in others if native.cut(voxels, index).any()]
    return Drawn(masks, tuple(changed), tuple(stray))
