"""Is a label whole, on its scan's grid, and of declared values?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nextslice.data.cases import Refusal
from nextslice.data.formats.integrity import LARGEST
from nextslice.data.formats.payload import files_of
from nextslice.data.formats.readers import Volume, read_volume
from nextslice.data.geometry import TOLERANCE, Geometry
from nextslice.data.labels import IGNORE
from nextslice.data.places import within
from nextslice.errors import DataError
from nextslice.wording import a_few, clause

__all__ = ["ANYWHERE", "Terms", "check_label", "read_or_refuse"]

_MOST_VALUES = 255  # class numbers are bytes, and 0 is background


@dataclass(frozen=True)
class Terms:
    """On which terms a file is read.

    Attributes:
        folder: A file that lies outside it, by a link or otherwise, is refused unopened. None
            leaves that to the caller.
        largest: Bytes of voxels that a file may hold.
        accept_sheared: Whether its axes need not be at right angles.
    """

    folder: Path | None = None
    largest: int = LARGEST
    accept_sheared: bool = False


ANYWHERE: Final = Terms()
"""A sound file, wherever it lies."""


def check_label(
    path: Path,
    grid: Geometry | None,
    declared: Mapping[int, str] | None,
    refusals: list[Refusal],
    terms: Terms,
) -> tuple[Volume | None, tuple[int, ...] | None]:
    """Read one label and look at everything that would spoil it.

    Args:
        path: Its file.
        grid: The grid of its image; None if that could not be read.
        declared: The values that may occur, or None for any from 0 up.
        refusals: Gets the reasons to refuse it.
        terms: On which it is read.

    Returns:
        The label and its values in order, background included; None where it has none that
        can be used.
    """
    label = read_or_refuse("label", path, refusals, terms)
    if label is None:
        return None, None
    if grid is not None:
        refusals += [
            Refusal(
                f"image and label differ in {difference}",
                "Resample the label onto the image's grid, or pair the right files.",
            )
            for difference in grid.differences(label.geometry, TOLERANCE)
        ]
    return label, _label_values(label, path.name, declared, refusals)


def read_or_refuse(
    kind: str,
    path: Path,
    refusals: list[Refusal],
    terms: Terms,
    *,
    stored: bool = False,
) -> Volume | None:
    """Read a file; what is in the way becomes a refusal.

    Args:
        kind: What to call it, "image" or "label".
        path: The file.
        refusals: Gets the reason, if there is one.
        terms: On which it is read.
        stored: Whether its voxels are wanted as they are stored, unscaled.
    """
    try:
        folder = terms.folder
        if folder is not None and not all(within(part, folder) for part in files_of(path)):
            refusals.append(
                Refusal(
                    f"the {kind} {path} leads out of its folder by a link",
                    "Put the file itself into the folder.",
                )
            )
            return None
        return read_volume(
            path,
            largest=terms.largest,
            stored=stored,
            accept_sheared=terms.accept_sheared,
        )
    except DataError as error:
        # What a reader says begins with the file's path.
        refusals.append(
            Refusal(f"the {kind} {clause(error.problem)}", error.remedy, error.cause)
        )
    except OSError as error:
        reason = f"the {kind} {path} cannot be read: {error.strerror or type(error).__name__}"
        remedy = "Look at the file's permissions and at the disk."
        refusals.append(Refusal(reason, remedy, again=True))
    except MemoryError:
        reason = f"the {kind} {path} does not fit into memory"
        refusals.append(
            Refusal(
                reason,
                "Use a smaller scan, or allow more memory where there is more: "
                "NEXTSLICE_SCAN_GB.",
                again=True,
            )
        )
    return None


def _label_values(
    label: Volume, name: str, declared: Mapping[int, str] | None, refusals: list[Refusal]
) -> tuple[int, ...] | None:
    found = _unique(label.voxels)
    whole = np.isfinite(found) & (found == np.rint(found)) if found.dtype.kind == "f" else None
    if whole is not None and not whole.all():
        odd = ", ".join(str(v) for v in found[~whole][:5])
        refusals.append(
            Refusal(
                f"the label {name} has values that are not whole numbers: {odd}",
                "Export the label as integers; resample labels with nearest neighbour only.",
            )
        )
        return None
    if len(found) > _MOST_VALUES + 1:
        refusals.append(
            Refusal(
                f"the label {name} has {len(found):,} different values",
                "This looks like a scan: are image and label mixed up?",
            )
        )
        return None
    values = tuple(int(v) for v in found)
    if declared is not None:
        ignored = [v for v in values if declared.get(v) == IGNORE]
        if ignored:
            refusals.append(
                Refusal(
                    f"the label {name} is drawn in part only: it holds the value {ignored[0]}, "
                    "which is declared as ignore",
                    "Complete the label, or take it away and annotate the case anew.",
                )
            )
        unknown = [v for v in values if v not in declared]
        allowed = ", ".join(str(v) for v in sorted(declared) if declared[v] != IGNORE)
        remedy = f"The declared values are {allowed}: correct the label, or declare the rest."
        reason = f"the label {name} has values that are not declared: "
    else:
        unknown = [v for v in values if v < 0]
        remedy = "Use 0 for background and positive numbers for what is segmented."
        reason = f"the label {name} has negative values: "
    if unknown:
        refusals.append(Refusal(reason + a_few([str(v) for v in unknown]), remedy))
    return values


def _unique(voxels: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    if voxels.dtype == np.uint8:  # counting is far quicker than sorting
        return np.flatnonzero(np.bincount(voxels.ravel(order="K"), minlength=1))
    # Neighbours are mostly equal, so little is left to sort where a value begins anew.
    flat = voxels.ravel(order="K")
    begins = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return np.unique(flat[np.concatenate(([0], begins))])
