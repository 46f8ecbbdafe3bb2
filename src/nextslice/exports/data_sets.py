"""What a project's annotators drew, as a data set that other programs train on.

Scans are written anew, voxel for voxel and on the same grid, with headers of our own: a copy of
the file would take along what its header says of the patient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nextslice.data.formats.nifti import Grid, write_nifti
from nextslice.data.scans import Scans
from nextslice.errors import AnnotationError
from nextslice.exports.folders import demand_free, writing_folder
from nextslice.exports.layouts import Layout
from nextslice.exports.source import ProjectSource
from nextslice.files import write_atomically
from nextslice.path_names import demand_told_apart
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project import Answer, SliceState

__all__ = ["ExportedDataSet", "export_data_set"]


@dataclass(frozen=True)
class ExportedDataSet:
    """What was exported.

    Attributes:
        folder: The data set's own folder.
        cases: The cases in it.
        left_out: The cases that are not: nothing of them is labelled, or (where the layout
            asks for that) not all of them.
        labelled: Labelled slices in it.
        slices: Slices in it.
    """

    folder: Path
    cases: tuple[str, ...]
    left_out: tuple[str, ...]
    labelled: int
    slices: int


def export_data_set(
    source: ProjectSource,
    out: Path,
    layout: Layout,
    *,
    on_progress: OnProgress = ignore_progress,
) -> ExportedDataSet:
    """Write a project's labelled slices and their scans as a data set of its own.

    Masks are those that were drawn on the native slices, pixel for pixel. Labels that came with
    the data are among them; skipped slices and those whose answer was withdrawn are not.

    Args:
        source: The project.
        out: The folder in which the data set's own folder is made, under the layout's name.
        layout: What it is to look like.
        on_progress: Hears of the stage "export".

    Raises:
        DataError: That folder is there and not empty, its disk cannot tell two cases apart,
            or a scan cannot be read any more.
        AnnotationError: Nothing is labelled, or nothing that the layout can hold.
        ProjectError: A mask is missing or damaged.
        SettingsError: The layout does not allow the name of a class.
    """
    folder = out / layout.folder
    demand_free(folder)
    pool, answers = source.pool, _labelled(source.records.newest_answers())
    found = {case: pool.rows_of(case) for case in pool.cases}
    counts = {case: sum(row in answers for row in _run(rows)) for case, rows in found.items()}
    least = {case: len(_run(rows)) if layout.needs_all else 1 for case, rows in found.items()}
    cases = tuple(case for case in pool.cases if counts[case] >= least[case])
    description = layout.description(source.classes, cases)
    if not cases:
        raise _nothing_to_export(layout, any(counts.values()))
    scans = Scans(source.scans, keep=0)
    with writing_folder(folder) as fresh:
        demand_told_apart(fresh, cases)
        for done, case in enumerate(cases):
            on_progress(Progress("export", done, len(cases), case))
            grid = _write_scan(scans, source, case, fresh / layout.image(case))
            label = _label(source, case, answers, layout.ignored(source.classes))
            write_nifti(fresh / layout.label(case), label, grid)
        # The last, because a folder with it counts as a data set.
        write_atomically(
            fresh / "dataset.json", json.dumps(description, indent=1) + "\n", "description"
        )
    on_progress(Progress("export", len(cases), len(cases)))
    return ExportedDataSet(
        folder=folder,
        cases=cases,
        left_out=tuple(case for case in pool.cases if case not in cases),
        labelled=sum(counts[case] for case in cases),
        slices=sum(len(_run(found[case])) for case in cases),
    )


def _labelled(newest: Mapping[int, Answer]) -> dict[int, Answer]:
    return {row: a for row, a in newest.items() if a.state is SliceState.LABELLED}


def _run(rows: slice) -> range:
    return range(rows.start, rows.stop)


def _write_scan(scans: Scans, source: ProjectSource, case: str, target: Path) -> Grid:
    volume = scans.stored(case, source.pool.geometry(case))
    grid, fields = Grid.of_scan(volume), volume.fields
    scaling = (fields.slope, fields.intercept) if fields else (1.0, 0.0)
    write_nifti(target, volume.voxels, grid, slope=scaling[0], intercept=scaling[1])
    return grid


def _label(
    source: ProjectSource, case: str, answers: Mapping[int, Answer], ignored: int
) -> np.ndarray[Any, np.dtype[Any]]:
    """A case's class numbers (x, y, z), and `ignored` in every slice that is not labelled."""
    pool, rows = source.pool, _run(source.pool.rows_of(case))
    geometry = pool.geometry(case)
    label = np.full(geometry.shape, ignored, np.min_scalar_type(ignored))
    planes = pool.preparation.planes(label, geometry)  # a view: what it takes in, label has
    for index, row in enumerate(rows):
        mask = source.native_masks.of(answers[row]) if row in answers else None
        if mask is not None:
            planes[index] = mask
    return label


def _nothing_to_export(layout: Layout, anything: bool) -> AnnotationError:
    if anything and layout.needs_all:
        return AnnotationError(
            "Expected a case whose every slice is labelled; there is none.",
            cause="active learning asks for some slices of many cases.",
            remedy="Export with --layout nnunet, whose label for undrawn slices nnU-Net knows.",
        )
    return AnnotationError(
        "Expected labelled slices to export; there are none.",
        remedy="Annotate slices first: nextslice status PROJECT says how.",
    )
