"""What the labels cost: the structures an expert outlines, and the volumes opened.

A count of slices says little of an expert's time: an empty slice is done at a glance, and a
volume that is opened for one slice costs its loading. Area and contour are measured once, on
the labels' native grids, and kept beside the report as ``outlines.csv``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from contourpy import contour_generator

from nextslice.errors import NextsliceError
from nextslice.plain_files import read_text
from nextslice.report.runs import Run
from nextslice.report.scans import RunScans, Scans
from nextslice.types import SliceMask

__all__ = [
    "OUTLINES",
    "Outline",
    "Outlines",
    "area_annotated",
    "contour_drawn",
    "measured",
    "outline_of",
    "outlines_to_csv",
    "read_outlines",
    "volumes_opened",
]

OUTLINES = "outlines.csv"
"""The file's name: of each slice that was queried, what there is to outline in it."""

_COLUMNS = ("slice", "foreground_mm2", "contour_mm")


class Outline(NamedTuple):
    """What there is to outline in a slice."""

    area: float
    """Of all structures together, in square millimetres."""
    contour: float
    """Around each structure, added up, in millimetres; where two touch it counts for both."""


Outlines = Mapping[str, Outline]
"""A slice, by its key -> what there is to outline."""


def volumes_opened(run: Run) -> dict[int, float]:
    """Cycle -> distinct volumes with a queried slice up to then, the initial set included."""
    seen: set[str] = set()
    opened: dict[int, float] = {}
    for row in sorted(run.queries, key=lambda row: row.cycle):
        seen.add(row.case)
        opened[row.cycle] = float(len(seen))
    return opened


def area_annotated(run: Run, outlines: Outlines) -> dict[int, float]:
    """Cycle -> foreground of all slices queried up to that cycle, in square centimetres.

    Returns:
        Nothing where the outline of a queried slice is not known.
    """
    return _so_far(run, outlines, lambda outline: outline.area / 100)


def contour_drawn(run: Run, outlines: Outlines) -> dict[int, float]:
    """Cycle -> contour of all slices queried up to that cycle, in centimetres.

    Returns:
        Nothing where the outline of a queried slice is not known.
    """
    return _so_far(run, outlines, lambda outline: outline.contour / 10)


def _so_far(run: Run, outlines: Outlines, cost: Callable[[Outline], float]) -> dict[int, float]:
    data = _fingerprint(run)
    total, found = 0.0, {}
    for row in sorted(run.queries, key=lambda row: row.cycle):
        outline = outlines.get(_key(data, row.case, row.slice))
        if outline is None:
            return {}
        total += cost(outline)
        found[row.cycle] = total
    return found


def measured(runs: Sequence[Run], scans: Scans, known: Outlines) -> dict[str, Outline]:
    """The outline of every slice that the runs queried, where it is known or can be measured.

    Args:
        runs: Of any experiments.
        scans: Where labels come from.
        known: What was measured before; only the rest is measured.
    """
    found: dict[str, Outline] = {}
    for run in runs:
        data = _fingerprint(run)
        if not data:
            continue
        wanted: dict[str, set[int]] = {}
        for row in run.queries:
            key = _key(data, row.case, row.slice)
            if key in known:
                found[key] = known[key]
            elif key not in found:
                wanted.setdefault(row.case, set()).add(row.slice)
        opened = scans.of(run) if wanted else None
        if opened is None:
            continue
        for case, slices in wanted.items():
            outlines = _outlines(opened, case)
            found |= {_key(data, case, n): outlines[n] for n in slices if n < len(outlines)}
    return found


def read_outlines(path: Path) -> dict[str, Outline]:
    """What an earlier report measured; nothing where the file is not there or not whole."""
    try:
        rows = [
            (row["slice"], Outline(float(row["foreground_mm2"]), float(row["contour_mm"])))
            for row in csv.DictReader(io.StringIO(read_text(path), newline=""))
        ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return {}  # it is measured again where that is possible
    return {
        key: outline
        for key, outline in rows
        if all(math.isfinite(number) and number >= 0 for number in outline)
    }


def outlines_to_csv(outlines: Outlines) -> str:
    """The file's content, in a fixed order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(
        (key, *(f"{number:.7g}" for number in outlines[key])) for key in sorted(outlines)
    )
    return text.getvalue()


def _fingerprint(run: Run) -> str:
    return str(run.environment.get("data") or "")


def _key(data: str, case: str, index: int) -> str:
    """A slice's name in the file, which tells no case: reports are passed on.

    Args:
        data: Fingerprint of the data.
        case: The slice's.
        index: Its number in the case.
    """
    key = f"{data}/{case}/{index}".encode(
        "utf-8", "surrogatepass"
    )  # the file says what it likes
    return hashlib.sha256(key).hexdigest()[:24]


def outline_of(label: SliceMask, spacing: tuple[float, float]) -> Outline:
    """What an expert outlines in a slice.

    A contour runs half a pixel outside the middles of the pixels it holds and cuts corners
    (marching squares). Around a disk that is 5 % too long, up to 10 % where pixels are not
    square; the pixels' own steps would be 27 %.

    Args:
        label: Classes, 0 the background.
        spacing: Of rows and columns, in mm.
    """
    framed = np.pad(label, 1)  # a structure at the border ends there
    contour = 0.0
    for structure in np.unique(label[label > 0]):
        inside = (framed == structure).astype(np.float64)
        for line in contour_generator(z=inside, line_type="Separate").lines(0.5):
            steps = (
                np.diff(np.asarray(line, np.float64), axis=0) * spacing[::-1]
            )  # (column, row)
            contour += np.linalg.norm(steps, axis=1).sum()
    return Outline(float(np.count_nonzero(label)) * math.prod(spacing), float(contour))


def _outlines(scans: RunScans, case: str) -> list[Outline]:
    """What there is to outline in each of a case's slices."""
    try:
        label = scans.train.native_label(case)
    except NextsliceError:  # a case that this pool does not have
        return []
    geometry = scans.train.geometry(case)
    axis = scans.train.preparation.slicing_axis(geometry)
    rows, columns = np.delete(geometry.spacing, axis).tolist()
    return [outline_of(slice_, (rows, columns)) for slice_ in np.moveaxis(label, axis, 0)]
