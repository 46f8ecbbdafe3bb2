"""The gate: one verdict per case, and nothing enters that is damaged or does not fit.

A refused case names its reason and what to do; the other cases go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nextslice.data.cases import CaseFiles, DataSet, Refusal
from nextslice.data.label_checks import check_label, read_or_refuse
from nextslice.data.readers import Geometry, Volume
from nextslice.errors import RefusedCasesError
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.wording import counted

__all__ = [
    "CheckedCase",
    "Verdict",
    "accepted_grids",
    "check_case",
    "check_data_set",
    "checked_cases",
    "refused_error",
    "values_found",
    "without_label",
]


@dataclass(frozen=True)
class Verdict:
    """What the checks found out about a case.

    Attributes:
        case: Its id.
        refusals: Every reason to refuse it; empty if it is accepted.
        geometry: The image's, or None if it could not be read.
        values: The label's values in order, background included; None without a label, or
            if the label could not be used.
        digest: SHA-256 of the image's voxels, or "" if it could not be read.
    """

    case: str
    refusals: tuple[Refusal, ...] = ()
    geometry: Geometry | None = None
    values: tuple[int, ...] | None = None
    digest: str = ""

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
            "refusals": [[r.reason, r.remedy, r.cause] for r in self.refusals],
            "geometry": self.geometry.to_dict() if self.geometry else None,
            "values": None if self.values is None else list(self.values),
            "digest": self.digest,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Verdict:
        """The verdict that :meth:`to_dict` wrote."""
        geometry, values = content["geometry"], content["values"]
        return cls(
            content["case"],
            tuple(Refusal(*texts) for texts in content["refusals"]),
            None if geometry is None else Geometry.from_dict(geometry),
            None if values is None else tuple(values),
            content["digest"],
        )


@dataclass(frozen=True, eq=False)
class CheckedCase:
    """A verdict with what was read on the way to it, so that no file is read twice.

    `image` and `label` are None where they could not be read; use them only if accepted.
    """

    verdict: Verdict
    image: Volume | None = None
    label: Volume | None = None


def check_case(files: CaseFiles, declared: Mapping[int, str] | None = None) -> CheckedCase:
    """Read one case and look at everything that would spoil it.

    Args:
        files: The case; one with problems of its own is refused unopened.
        declared: The label values that may occur, or None for any from 0 up.
    """
    if files.problems:
        return CheckedCase(Verdict(files.case, files.problems))
    refusals: list[Refusal] = []
    image = read_or_refuse("image", files.image, refusals)
    if image is not None and not np.isfinite(image.voxels).all():
        count = int(np.count_nonzero(~np.isfinite(image.voxels)))
        refusals.append(
            Refusal(
                f"the image {files.image.name} has {counted(count, 'voxel')} that "
                f"{'is' if count == 1 else 'are'} NaN or infinite",
                "Export the scan again, or replace these voxels by a background value.",
            )
        )
    grid = image.geometry if image else None
    label, values = None, None
    if files.label is not None:
        label, values = check_label(files.label, grid, declared, refusals)
    verdict = Verdict(
        files.case,
        tuple(refusals),
        grid,
        values,
        _digest(image) if image else "",
    )
    return CheckedCase(verdict, image, label)


def checked_cases(
    data_set: DataSet, on_progress: OnProgress = ignore_progress, stage: str = "check"
) -> Iterator[CheckedCase]:
    """Check case after case, and find scans that occur under two ids.

    One case is in memory at a time. Of two cases with the same voxels the later is refused:
    were both let in, a split by case could put the same patient on both sides.
    """
    first_with: dict[str, str] = {}
    for done, files in enumerate(data_set.cases):
        on_progress(Progress(stage, done, len(data_set.cases), files.case))
        checked = check_case(files, data_set.declared)
        verdict = checked.verdict
        if verdict.digest and verdict.digest in first_with:
            other = first_with[verdict.digest]
            twin = Refusal(
                f"its image has the same voxels as that of the case {other}",
                f"Remove {verdict.case} or {other}, or put the right scan in its place.",
            )
            verdict = replace(verdict, refusals=(*verdict.refusals, twin))
            checked = CheckedCase(verdict, checked.image, checked.label)
        elif verdict.digest:
            first_with[verdict.digest] = verdict.case
        yield checked
    on_progress(Progress(stage, len(data_set.cases), len(data_set.cases)))


def check_data_set(
    data_set: DataSet, on_progress: OnProgress = ignore_progress
) -> tuple[Verdict, ...]:
    """One verdict per case, in the order of the cases."""
    return tuple(checked.verdict for checked in checked_cases(data_set, on_progress))


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


def _digest(volume: Volume) -> str:
    # The voxels alone: a copy under another name often has another header or compression.
    content = hashlib.sha256(repr(volume.voxels.shape).encode())
    content.update(np.ascontiguousarray(volume.voxels.transpose(2, 1, 0)).data)
    return content.hexdigest()
