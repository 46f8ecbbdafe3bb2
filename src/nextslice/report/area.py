"""What the labels cost: the foreground an expert outlines, and the volumes opened.

A count of slices says little of an expert's time: an empty slice is done at a glance, and a
volume that is opened for one slice costs its loading. Areas are measured once, on the labels'
native grids, and kept beside the report as ``foreground-area.csv``.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nextslice.errors import NextsliceError
from nextslice.report.runs import Run
from nextslice.report.scans import RunScans, Scans

__all__ = [
    "AREAS",
    "Areas",
    "area_annotated",
    "areas_to_csv",
    "measured",
    "read_areas",
    "volumes_opened",
]

AREAS = "foreground-area.csv"
"""The file's name: which data, case and slice, and its foreground in square millimetres."""

_COLUMNS = ("data", "case", "slice", "foreground_mm2")

Areas = Mapping[tuple[str, str, int], float]
"""(beginning of the data's fingerprint, case, slice) -> foreground in square millimetres."""


def volumes_opened(run: Run) -> dict[int, float]:
    """Cycle -> distinct volumes with a queried slice up to then, the initial set included."""
    seen: set[str] = set()
    opened: dict[int, float] = {}
    for row in sorted(run.queries, key=lambda row: row.cycle):
        seen.add(row.case)
        opened[row.cycle] = float(len(seen))
    return opened


def area_annotated(run: Run, areas: Areas) -> dict[int, float]:
    """Cycle -> foreground of all slices queried up to that cycle, in square centimetres.

    Returns:
        Nothing where the area of a queried slice is not known.
    """
    data = _fingerprint(run)
    total, found = 0.0, {}
    for row in sorted(run.queries, key=lambda row: row.cycle):
        area = areas.get((data, row.case, row.slice))
        if area is None:
            return {}
        total += area / 100
        found[row.cycle] = total
    return found


def measured(
    runs: Sequence[Run], scans: Scans, known: Areas
) -> dict[tuple[str, str, int], float]:
    """The area of every slice that the runs queried, as far as it is known or can be measured.

    Args:
        runs: Of any experiments.
        scans: Where labels come from.
        known: What was measured before; only the rest is measured.
    """
    found: dict[tuple[str, str, int], float] = {}
    for run in runs:
        data = _fingerprint(run)
        if not data:
            continue
        wanted: dict[str, set[int]] = {}
        for row in run.queries:
            key = (data, row.case, row.slice)
            if key in known:
                found[key] = known[key]
            elif key not in found:
                wanted.setdefault(row.case, set()).add(row.slice)
        opened = scans.of(run) if wanted else None
        if opened is None:
            continue
        for case, slices in wanted.items():
            areas = _areas(opened, case)
            found |= {(data, case, n): areas[n] for n in slices if n < len(areas)}
    return found


def read_areas(path: Path) -> dict[tuple[str, str, int], float]:
    """What an earlier report measured; nothing where the file is not there or not whole."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [
                ((row["data"], row["case"], int(row["slice"])), float(row["foreground_mm2"]))
                for row in csv.DictReader(stream)
            ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return {}  # it is measured again where that is possible
    return {key: area for key, area in rows if math.isfinite(area) and area >= 0}


def areas_to_csv(areas: Areas) -> str:
    """The file's content, in a fixed order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((*key, f"{areas[key]:.7g}") for key in sorted(areas))
    return text.getvalue()


def _fingerprint(run: Run) -> str:
    """As much of the data's fingerprint as tells data sets apart."""
    return str(run.environment.get("data") or "")[:16]


def _areas(scans: RunScans, case: str) -> list[float]:
    """The foreground of each of a case's slices, in square millimetres."""
    try:
        label = scans.train.native_label(case)
    except NextsliceError:  # a case that this pool does not have
        return []
    geometry = scans.train.geometry(case)
    axis = scans.train.preparation.slicing_axis(geometry)
    pixel = math.prod(np.delete(geometry.spacing, axis).tolist())
    planes = tuple(a for a in range(3) if a != axis)
    counts = np.count_nonzero(label, axis=planes)
    return [float(count) * pixel for count in counts]
