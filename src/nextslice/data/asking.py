"""What is asked of the process that reads scans, and what it answers, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextslice.data.cases import CaseFiles
from nextslice.data.checks import CheckedCase, Verdict
from nextslice.data.frames import Array, FrameError
from nextslice.data.geometry import Geometry
from nextslice.data.readers import Volume

__all__ = ["Request", "from_answer", "to_answer"]


@dataclass(frozen=True)
class Request:
    """What is asked about one case.

    Attributes:
        files: Its files.
        folder: The data set's, which no file may lead out of; None lets files lie anywhere.
        declared: The label values that may occur, or None for any from 0 up.
        voxels: Whether image and label are wanted as well as the verdict.
    """

    files: CaseFiles
    folder: Path | None = None
    declared: dict[int, str] | None = None
    voxels: bool = True

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
        ]
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Request:
        """The request that :meth:`to_line` wrote."""
        case, image, label, folder, declared, voxels = json.loads(line)
        return cls(
            CaseFiles(case, Path(image), None if label is None else Path(label)),
            None if folder is None else Path(folder),
            None if declared is None else dict(declared),
            voxels,
        )


def to_answer(checked: CheckedCase, voxels: bool) -> tuple[dict[str, Any], list[Array]]:
    """A checked case as plain values and arrays; :func:`from_answer` takes it back."""
    read = (checked.image, checked.label) if voxels and checked.verdict.accepted else ()
    values = {
        "verdict": checked.verdict.to_dict(),
        "volumes": [v.geometry.to_dict() if v else None for v in read],
    }
    return values, [v.voxels.transpose(2, 1, 0) for v in read if v]


def from_answer(values: dict[str, Any], arrays: list[Array]) -> CheckedCase:
    """The checked case that an answer describes.

    Raises:
        FrameError: It describes none.
    """
    try:
        verdict = Verdict.from_dict(values["verdict"])
        geometries = [g and Geometry.from_dict(g) for g in values["volumes"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FrameError(f"not a checked case: {error!r}") from error
    if len(geometries) not in {0, 2}:
        raise FrameError("neither image and label nor a verdict alone")
    waiting = [array.transpose(2, 1, 0) for array in arrays if array.ndim == 3]
    if [v.shape for v in waiting] != [g.shape for g in geometries if g]:
        raise FrameError("voxels that do not have the shape of their geometry")
    found = iter(waiting)
    volumes = [Volume(next(found), geometry) if geometry else None for geometry in geometries]
    image, label = volumes or (None, None)
    return CheckedCase(verdict, image, label)
