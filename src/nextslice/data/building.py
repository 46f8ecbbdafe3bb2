"""Scans -> the files of one cache folder, case after case.

One case is in memory at a time, so a pool may be larger than memory.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from nextslice.data.cases import DataSet
from nextslice.data.gate.admission import check_data_set, checked_cases
from nextslice.data.gate.checks import (
    CheckedCase,
    Verdict,
    accepted_grids,
    refused_error,
    values_found,
)
from nextslice.data.geometry import Geometry
from nextslice.data.labels import (
    LabelMap,
    default_labels,
    found_labels,
    tell_of_undeclared,
)
from nextslice.data.preparation import Preparation
from nextslice.data.prepared import CaseRecord, NpyWriter
from nextslice.errors import DataError
from nextslice.files import write_atomically
from nextslice.progress import OnProgress
from nextslice.wording import a_few

__all__ = ["FORMAT", "MANIFEST", "build", "common_axis"]

FORMAT = 2
"""Changes with the meaning of the files, so that older ones are built again."""

MANIFEST = "pool.json"

_log = logging.getLogger(__name__)


def build(
    folder: Path,
    data_set: DataSet,
    preparation: Preparation,
    labels: LabelMap | None,
    on_progress: OnProgress,
) -> None:
    """Check and prepare every case into an empty folder; the manifest is written last.

    Raises:
        RefusedCasesError: Every case is refused.
        DataError: No axis is given, and the cases' short axes differ.
        OSError: The folder cannot be written.
    """
    preparation, labels = _settled(data_set, preparation, labels, on_progress)
    records: list[CaseRecord] = []
    refused: list[Verdict] = []
    geometries: dict[str, Geometry] = {}
    axes: set[int] = set()
    content = hashlib.sha256()
    with (
        NpyWriter(folder / "images.npy", np.dtype("<f4")) as images,
        NpyWriter(folder / "masks.npy", np.dtype("u1")) as masks,
        NpyWriter(folder / "native_labels.npy", np.dtype("u1")) as native,
    ):
        for checked in checked_cases(data_set, on_progress, stage="prepare"):
            verdict, image = checked.verdict, checked.image
            if not verdict.accepted or image is None:
                refused.append(verdict)
                continue
            geometries[verdict.case] = image.geometry
            axes.add(preparation.slicing_axis(image.geometry))
            if len(axes) > 1:
                continue  # no pool will come of this, but the error names all cases
            case = _PreparedCase(checked, preparation, labels)
            label_start = native.count if case.label is not None else None
            record = CaseRecord(
                verdict.case,
                image.geometry,
                images.count,
                len(case.images),
                label_start,
                case.cropped,
            )
            images.append(case.images)
            masks.append(case.masks)
            identity = [verdict.case, image.geometry.to_dict(), verdict.digest]
            content.update(json.dumps(identity).encode())
            if case.label is not None:
                native.append(case.label)
                content.update(case.label.data)
            records.append(record)
    if not records:
        raise refused_error(str(data_set.folder), tuple(refused), len(data_set.cases))
    preparation = replace(preparation, axis=common_axis(preparation, geometries))
    made_with = [FORMAT, preparation.to_dict(), labels.to_list()]
    content.update(json.dumps(made_with, sort_keys=True).encode())
    _tell_of_crops(records, preparation)
    manifest = {
        "format": FORMAT,
        "layout": data_set.layout,
        "preparation": preparation.to_dict(),
        "labels": labels.to_list(),
        "shapes": {w.path.name: list(w.shape) for w in (images, masks, native)},
        "cases": [record.to_dict() for record in records],
        "refused": [verdict.to_dict() for verdict in refused],
        "fingerprint": content.hexdigest(),
    }
    write_atomically(folder / MANIFEST, json.dumps(manifest), "cache")


def common_axis(preparation: Preparation, geometries: Mapping[str, Geometry]) -> int:
    """The axis that all cases are sliced along.

    Args:
        preparation: Its axis, if it names one, is the answer.
        geometries: Case -> grid, of at least one case.

    Raises:
        DataError: No axis is named, and the cases' short axes differ: one pool would hold
            slices of several orientations.
    """
    axes: dict[int, list[str]] = {}
    for case, geometry in geometries.items():
        axes.setdefault(preparation.slicing_axis(geometry), []).append(case)
    if len(axes) > 1:
        (first, cases), *others = sorted(axes.items())
        rest = "".join(f", {a_few(names)} along axis {axis}" for axis, names in others)
        raise DataError(
            "All cases should be sliced along one axis, but cases "
            f"{a_few(cases)} would be sliced along axis {first}{rest}.",
            cause="the axis with the largest spacing is taken, and it is not the same in all.",
            remedy="Give the axis: --axis N (axis=N).",
        )
    return next(iter(axes))


class _PreparedCase:
    """One case's part of each array."""

    def __init__(
        self, checked: CheckedCase, preparation: Preparation, labels: LabelMap
    ) -> None:
        if checked.image is None:
            raise DataError(f"The case {checked.verdict.case} has no image.")
        geometry = checked.image.geometry
        self.images = preparation.prepare_image(checked.image)
        self.masks = np.zeros(self.images.shape, np.uint8)
        self.label: np.ndarray[tuple[int], np.dtype[np.uint8]] | None = None
        self.cropped = 0
        if checked.label is not None:
            mask = labels.apply(checked.label.voxels)
            self.masks = preparation.prepare_mask(mask, geometry)
            self.cropped = preparation.cropped_foreground(mask, geometry)
            self.label = np.ascontiguousarray(mask).ravel()


def _settled(
    data_set: DataSet,
    preparation: Preparation,
    labels: LabelMap | None,
    on_progress: OnProgress,
) -> tuple[Preparation, LabelMap]:
    """Fill in size, axis and classes where they follow from the accepted cases.

    The axis stays open where all else is given, so that each scan is read once.
    """
    if labels is None and data_set.declared is not None:
        labels = default_labels(data_set.declared)
    if preparation.size is not None and labels is not None:
        return preparation, labels
    # Both are known only once every case has been looked at, so the scans are read twice.
    verdicts = check_data_set(data_set, on_progress)
    accepted = accepted_grids(verdicts)
    if not accepted:
        raise refused_error(str(data_set.folder), verdicts, len(verdicts))
    preparation = replace(preparation, axis=common_axis(preparation, accepted))
    if preparation.size is None:
        sizes = [preparation.case_size(geometry) for geometry in accepted.values()]
        largest = (max(h for h, _ in sizes), max(w for _, w in sizes))
        preparation = replace(preparation, size=largest)
    if labels is None:
        values = values_found(verdicts)
        labels = found_labels(values)
        _log.warning("%s", tell_of_undeclared(values))
    return preparation, labels


def _tell_of_crops(records: list[CaseRecord], preparation: Preparation) -> None:
    cut = {record.case: record.cropped for record in records if record.cropped}
    if cut:
        _log.warning(
            "The size %s cuts foreground voxels away in %d of %d cases: %s. A larger size or "
            "fit=resize keeps them.",
            preparation.size,
            len(cut),
            len(records),
            ", ".join(f"{case} ({count})" for case, count in cut.items()),
        )
