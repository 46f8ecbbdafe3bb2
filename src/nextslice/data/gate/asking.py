"""What is asked of the process that reads scans, and what it answers, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextslice.data.cases import CaseFiles
from nextslice.data.formats.nifti_header import NiftiFields
from nextslice.data.formats.readers import Volume
from nextslice.data.gate.checks import CheckedCase, Verdict
from nextslice.data.gate.frames import Array, FrameError
from nextslice.data.geometry import Geometry

__all__ = ["Request", "from_answer", "to_answer"]


@dataclass(frozen=True)
class Request:
    """What is asked about one case.

    Attributes:
        files: Its files.
        folder: The data set's, which no file may lead out of; None lets files lie anywhere.
        declared: The label values that may occur, or None for any from 0 up.
        voxels: Whether image and label are wanted as well as the verdict.
        stored: Whether the image's voxels are wanted as they are stored, unscaled.
        accept_sheared: Whether axes need not be at right angles.
        grid: Where given, the image is a mask that somebody drew on this grid, and there is
            nothing else to read.
    """

    files: CaseFiles
    folder: Path | None = None
    declared: dict[int, str] | None = None
    voxels: bool = True
    stored: bool = False
    accept_sheared: bool = False
    grid: Geometry | None = None

    def to_line(self) -> bytes:
        """One line of JSON; :meth:`from_line` takes it back, problems aside."""
        label, folder = self.files.label, self.folder
        values = [
            self.files.case,
            str(self.files.image),
            None if label is None else str(label),
            None if folder is None else str(folder),
            None if self.declared is None else list(self.declared.items()),
            self.voxels,
            self.stored,
            self.accept_sheared,
            self.grid and self.grid.to_dict(),
        ]
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Request:
        """The request that :meth:`to_line` wrote."""
        case, image, label, folder, declared, voxels, stored, sheared, grid = json.loads(line)
        return cls(
            CaseFiles(case, Path(image), None if label is None else Path(label)),
            None if folder is None else Path(folder),
            None if declared is None else dict(declared),
            voxels,
            stored,
            sheared,
            None if grid is None else Geometry.from_dict(grid),
        )


def to_answer(checked: CheckedCase, voxels: bool) -> tuple[dict[str, Any], list[Array]]:
    """A checked case as plain values and arrays; :func:`from_answer` takes it back."""
    read = (checked.image, checked.label) if voxels and checked.verdict.accepted else ()
    values = {
        "verdict": checked.verdict.to_dict(),
        "volumes": [v and _described(v) for v in read],
    }
    return values, [v.voxels.transpose(2, 1, 0) for v in read if v]


def from_answer(values: dict[str, Any], arrays: list[Array]) -> CheckedCase:
    """The checked case that an answer describes.

    Raises:
        FrameError: It describes none.
    """
    try:
        verdict = Verdict.from_dict(values["verdict"])
        described = list(values["volumes"])
        waiting = iter(arrays)
        volumes = [d and _volume(d, next(waiting)) for d in described]
    except (
        *(ValueError, KeyError, TypeError, AttributeError, OverflowError),
        StopIteration,
    ) as error:
        raise FrameError(f"not a checked case: {error!r}") from error
    if len(volumes) not in {0, 2} or next(waiting, None) is not None:
        raise FrameError("neither image and label nor a verdict alone")
    image, label = volumes or (None, None)
    return CheckedCase(verdict, image, label)


def _described(volume: Volume) -> dict[str, Any]:
    """All of a volume but its voxels."""
    fields = volume.fields.to_dict() if volume.fields else None
    return {
        "geometry": volume.geometry.to_dict(),
        "fields": fields,
        "sha256": volume.sha256,
    }


def _volume(described: dict[str, Any], array: Array) -> Volume:
    geometry, fields = Geometry.from_dict(described["geometry"]), described["fields"]
    if array.shape != geometry.shape[::-1]:
        raise FrameError("voxels that do not have the shape of their geometry")
    return Volume(
        array.transpose(2, 1, 0),
        geometry,
        None if fields is None else NiftiFields.from_dict(fields),
        str(described["sha256"]),
    )
