"""Scans -> the files of one cache folder, case after case.

One case is in memory at a time, so a pool may be larger than memory.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from nextslice.data.checks import CheckedCase, Verdict, checked_cases, refused_error
from nextslice.data.labels import LabelMap, default_labels
from nextslice.data.layouts import DataSet
from nextslice.data.preparation import Preparation
from nextslice.data.prepared import CaseRecord, NpyWriter
from nextslice.errors import DataError
from nextslice.files import write_atomically
from nextslice.progress import OnProgress

__all__ = ["FORMAT", "MANIFEST", "build"]

FORMAT = 1
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
        OSError: The folder cannot be written.
    """
    preparation, labels = _settled(data_set, preparation, labels, on_progress)
    records: list[CaseRecord] = []
    refused: list[Verdict] = []
    made_with = [FORMAT, preparation.to_dict(), labels.to_list()]
    content = hashlib.sha256(json.dumps(made_with, sort_keys=True).encode())
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
    write_atomically(folder / MANIFEST, json.dumps(manifest))


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
    """Fill in the size and the classes where they follow from the accepted cases."""
    if labels is None and data_set.declared is not None:
        labels = default_labels(data_set.declared)
    if preparation.size is not None and labels is not None:
        return preparation, labels
    # Both are known only once every case has been looked at, so the scans are read twice.
    verdicts = [checked.verdict for checked in checked_cases(data_set, on_progress)]
    accepted = [verdict for verdict in verdicts if verdict.accepted]
    sizes = [preparation.case_size(v.geometry) for v in accepted if v.geometry]
    if not sizes:
        raise refused_error(str(data_set.folder), tuple(verdicts), len(verdicts))
    if preparation.size is None:
        largest = (max(h for h, _ in sizes), max(w for _, w in sizes))
        preparation = replace(preparation, size=largest)
    if labels is None:
        values = {value for verdict in accepted for value in verdict.values or ()} - {0}
        labels = default_labels({value: f"label {value}" for value in values or {1}})
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
