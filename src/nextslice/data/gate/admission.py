"""The gate: one verdict per case, and nothing enters that is damaged or does not fit.

A refused case names its reason and what to do; the other cases go on, and nothing is changed
on disk. Files are read in a process of its own, under limits of memory and time; what is
prepared later is what was read here, so that no file can change in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from nextslice.data.cases import CaseFiles, DataSet, Refusal
from nextslice.data.formats.readers import Volume
from nextslice.data.gate.asking import Request
from nextslice.data.gate.checks import CheckedCase, Verdict
from nextslice.data.gate.guarded import read_guarded
from nextslice.data.geometry import Geometry
from nextslice.errors import DataError
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.wording import clause

__all__ = ["check_data_set", "checked_cases", "read_mask", "read_scan"]


def checked_cases(
    data_set: DataSet,
    on_progress: OnProgress = ignore_progress,
    stage: str = "check",
    *,
    voxels: bool = True,
    twins: bool = False,
) -> Iterator[CheckedCase]:
    """Check case after case, and find scans that occur under two ids.

    Two cases are in memory at a time: one, and the next. Of two cases with the same voxels,
    in whatever number types, the later is refused: were both let in, a split by case could put
    the same patient on both sides.

    Args:
        data_set: The cases.
        on_progress: Hears of each case before it is looked at.
        stage: What the work is called there.
        voxels: Whether image and label are wanted as well as the verdict.
        twins: Whether a scan may occur under two ids, where nothing is learned from it.

    Raises:
        SettingsError: The limits that the environment sets cannot be used.
        DataError: The process that reads scans cannot be started.
    """
    total, first_with = len(data_set.cases), dict[str, str]()
    requests = [
        Request(
            files,
            data_set.folder,
            data_set.declared,
            voxels,
            accept_sheared=data_set.accept_sheared,
        )
        for files in data_set.cases
        if not files.problems
    ]
    read = read_guarded(requests)
    for done, files in enumerate(data_set.cases):
        on_progress(Progress(stage, done, total, files.case))
        if files.problems:
            yield CheckedCase(Verdict(files.case, files.problems))
            continue
        checked = next(read)
        verdict = checked.verdict
        if verdict.likeness in first_with and not twins:
            other = first_with[verdict.likeness]
            twin = Refusal(
                f"its image has the same voxels as that of the case {other}",
                f"Remove {verdict.case} or {other}, or put the right scan in its place.",
            )
            verdict = replace(verdict, refusals=(*verdict.refusals, twin))
            checked = CheckedCase(verdict, checked.image, checked.label)
        elif verdict.likeness:
            first_with[verdict.likeness] = verdict.case
        yield checked
    on_progress(Progress(stage, total, total))


def check_data_set(
    data_set: DataSet, on_progress: OnProgress = ignore_progress
) -> tuple[Verdict, ...]:
    """One verdict per case, in the order of the cases."""
    checked = checked_cases(data_set, on_progress, voxels=False)
    return tuple(each.verdict for each in checked)


def read_scan(path: Path, folder: Path | None, *, stored: bool = False) -> Volume:
    """Read one scan as the gate does: in a process of its own, whole or not at all.

    Sheared axes are read, too: whether they may be was decided when a project began, and its
    grid is known since.

    Args:
        path: The scan.
        folder: The data set's folder, which it may not lead out of; None lets it lie anywhere.
        stored: Whether its voxels are wanted as they are stored, before NIfTI's scaling, and
            the SHA-256 of its file.

    Raises:
        DataError: It is refused; says why and what to do.
    """
    files = CaseFiles(path.name, path)
    request = Request(files, folder, stored=stored, accept_sheared=True)
    (checked,) = read_guarded([request])
    if checked.image is None:
        refusal = checked.verdict.refusals[0]
        problem = f"{clause(refusal.reason)}."
        raise DataError(problem, cause=refusal.cause, remedy=refusal.remedy)
    return checked.image


def read_mask(
    path: Path,
    grid: Geometry,
    declared: Mapping[int, str],
    folder: Path,
    refusals: list[Refusal],
) -> Volume | None:
    """Read a mask that somebody drew on a scan, as closely as scans are read.

    Args:
        path: The mask.
        grid: Of the scan.
        declared: The values that may occur.
        folder: Where it came back, which it may not lead out of.
        refusals: Gets the reasons if it cannot be used; None is returned then.
    """
    request = Request(
        CaseFiles(path.name, path), folder, dict(declared), grid=grid, accept_sheared=True
    )
    (checked,) = read_guarded([request])
    refusals += checked.verdict.refusals
    return checked.label if checked.verdict.accepted else None
