"""What is found out about one case before it may enter, and every reason to refuse it.

:mod:`nextslice.data.gate.admission` runs this in a process of its own, case after case.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nextslice.data.cases import CaseFiles, Refusal
from nextslice.data.formats.readers import Volume
from nextslice.data.gate.label_checks import ANYWHERE, Terms, check_label, read_or_refuse
from nextslice.data.geometry import Geometry
from nextslice.errors import RefusedCasesError
from nextslice.wording import counted

__all__ = [
    "CheckedCase",
    "Verdict",
    "accepted_grids",
    "check_case",
    "check_mask",
    "refused_error",
    "values_found",
    "without_label",
]

_MOST = float(np.finfo(np.float32).max)  # slices are in single precision


@dataclass(frozen=True)
class Verdict:
    """What the checks found out about a case.

    Attributes:
        case: Its id.
        refusals: Every reason to refuse it; empty if it is accepted.
        geometry: The image's, or None if it could not be read.
        values: The label's values in order, background included; None without a label, or
            if the label could not be used.
        digest: SHA-256 of the image's voxels as they are stored, or "" if it could not be
            read; a pool's fingerprint rests on it.
        likeness: The same of their values in single precision, in which slices are prepared: a
            scan and its copies in other number types have one.
    """

    case: str
    refusals: tuple[Refusal, ...] = ()
    geometry: Geometry | None = None
    values: tuple[int, ...] | None = None
    digest: str = ""
    likeness: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the case may enter."""
        return not self.refusals

    @property
    def labelled(self) -> bool:
        """Whether the case may enter and has a label; without one it can be annotated."""
        return self.accepted and self.values is not None

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Voxels along x, y, z, if the image could be read."""
        return self.geometry.shape if self.geometry else None

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Millimetres along x, y, z, if the image could be read."""
        return self.geometry.spacing if self.geometry else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; :meth:`from_dict` takes them back."""
        return {
            "case": self.case,
            "refusals": [[r.reason, r.remedy, r.cause, r.again] for r in self.refusals],
            "geometry": self.geometry.to_dict() if self.geometry else None,
            "values": None if self.values is None else list(self.values),
            "digest": self.digest,
            "likeness": self.likeness,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Verdict:
        """The verdict that :meth:`to_dict` wrote."""
        geometry, values = content["geometry"], content["values"]
        return cls(
            content["case"],
            tuple(Refusal(*parts) for parts in content["refusals"]),
            None if geometry is None else Geometry.from_dict(geometry),
            None if values is None else tuple(values),
            content["digest"],
            str(content["likeness"]),
        )


@dataclass(frozen=True, eq=False)
class CheckedCase:
    """A verdict with what was read on the way to it, so that no file is read twice.

    `image` and `label` are None where they could not be read; use them only if accepted.
    """

    verdict: Verdict
    image: Volume | None = None
    label: Volume | None = None


def check_case(
    files: CaseFiles,
    declared: Mapping[int, str] | None = None,
    terms: Terms = ANYWHERE,
    *,
    stored: bool = False,
) -> CheckedCase:
    """Read one case and look at everything that would spoil it.

    Args:
        files: The case; one with problems of its own is refused unopened.
        declared: The label values that may occur, or None for any from 0 up.
        terms: On which files are read.
        stored: Whether the image's voxels are wanted as they are stored, unscaled.
    """
    if files.problems:
        return CheckedCase(Verdict(files.case, files.problems))
    refusals: list[Refusal] = []
    image = read_or_refuse("image", files.image, refusals, terms, stored=stored)
    if image is not None:
        refusals += _odd_voxels(image, files.image.name)
    grid = image.geometry if image else None
    label, values = None, None
    if files.label is not None:
        label, values = check_label(files.label, grid, declared, refusals, terms)
    verdict = Verdict(
        files.case,
        tuple(refusals),
        grid,
        values,
        *((_digest(image), _likeness(image)) if image else ()),
    )
    return CheckedCase(verdict, image, label)


def check_mask(
    files: CaseFiles,
    grid: Geometry,
    declared: Mapping[int, str] | None,
    terms: Terms = ANYWHERE,
) -> CheckedCase:
    """Read one mask that somebody drew; it takes the place of the image in `files`.

    Args:
        files: The mask.
        grid: Of the scan that it was drawn on.
        declared: The values that may occur, or None for any from 0 up.
        terms: On which it is read.
    """
    refusals: list[Refusal] = []
    mask, values = check_label(files.image, grid, declared, refusals, terms)
    return CheckedCase(Verdict(files.case, tuple(refusals), grid, values), label=mask)


def accepted_grids(verdicts: Iterable[Verdict]) -> dict[str, Geometry]:
    """Case -> grid of the cases that are let in."""
    return {v.case: v.geometry for v in verdicts if v.accepted and v.geometry}


def values_found(verdicts: Iterable[Verdict]) -> set[int]:
    """All label values of the cases that are let in with a label."""
    return {value for v in verdicts if v.labelled for value in v.values or ()}


def without_label(files: CaseFiles, layout: str) -> Verdict:
    """The verdict on a case that was accepted, where a label is needed and there is none.

    Args:
        files: The case.
        layout: Its data set's layout, which says where the label would be.
    """
    named = " and name it in dataset.json" if layout == "MSD" else ""
    remedy = f"Put it at {files.label_belongs}{named}." if files.label_belongs else ""
    return Verdict(files.case, (Refusal(f"the case {files.case} has no label", remedy),))


def refused_error(folder: str, refused: tuple[Verdict, ...], total: int) -> RefusedCasesError:
    """The error that names every refused case, the reasons and what to do."""
    lines = [f"  {v.case}: {refusal}" for v in refused for refusal in v.refusals]
    return RefusedCasesError(
        f"{len(refused)} of {counted(total, 'case')} in {folder} cannot be used:\n"
        + "\n".join(lines),
        remedy="Put them right, or go on without them (--skip-refused, skip_refused=True).",
    )


def _odd_voxels(image: Volume, name: str) -> list[Refusal]:
    voxels = image.voxels
    if voxels.dtype.kind != "f":
        return []
    count = int(np.count_nonzero(~np.isfinite(voxels)))
    if count:
        return [
            Refusal(
                f"the image {name} has {counted(count, 'voxel')} that "
                f"{'is' if count == 1 else 'are'} NaN or infinite",
                "Export the scan again, or replace these voxels by a background value.",
            )
        ]
    if voxels.dtype.itemsize > 4 and max(abs(voxels.min()), abs(voxels.max())) > _MOST:
        return [
            Refusal(
                f"the image {name} has voxels larger than {_MOST:.3g}",
                "Export the scan again in the scanner's own units.",
            )
        ]
    return []


def _digest(volume: Volume) -> str:
    # The voxels alone: a copy under another name often has another header or compression.
    content = hashlib.sha256(repr(volume.voxels.shape).encode())
    content.update(np.ascontiguousarray(volume.voxels.transpose(2, 1, 0)).data)
    return content.hexdigest()


def _likeness(volume: Volume) -> str:
    # Slice by slice, so that no second copy of a large scan is made.
    content = hashlib.sha256(repr(volume.voxels.shape).encode())
    with np.errstate(over="ignore", invalid="ignore"):
        for plane in volume.voxels.transpose(2, 1, 0):
            values = plane.astype("<f4", order="C")
            values += 0.0  # -0 becomes 0
            content.update(values.data)
    return content.hexdigest()
