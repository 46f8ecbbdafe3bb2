"""What a data set looks like for nnU-Net v2, and as in the Medical Segmentation Decathlon.

nnU-Net's rules are those of its documentation, ``dataset_format.md`` and ``ignore_label.md``:
``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz``, labels numbered from 0 without a gap,
``ignore`` the highest of them, and a ``dataset.json`` with ``channel_names``, ``labels``,
``numTraining`` and ``file_ending``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

from nextslice.data.labels import IGNORE
from nextslice.errors import SettingsError

__all__ = ["Decathlon", "Layout", "NnUNet", "fitting_name"]

_ENDING: Final = ".nii.gz"
_MADE_BY: Final = "Annotated with nextslice."


class Layout(Protocol):
    """Where a data set's files lie, and what its ``dataset.json`` says."""

    @property
    def needs_all(self) -> bool:
        """Whether only cases whose every slice is labelled can be in it."""
        ...

    @property
    def folder(self) -> str:
        """What the data set's folder is called."""
        ...

    def image(self, case: str) -> str:
        """Where a case's scan lies in it."""
        ...

    def label(self, case: str) -> str:
        """Where a case's label lies in it."""
        ...

    def ignored(self, classes: Sequence[str]) -> int:
        """The value of voxels that nobody has drawn."""
        ...

    def description(self, classes: Sequence[str], cases: Sequence[str]) -> dict[str, Any]:
        """What ``dataset.json`` holds.

        Raises:
            SettingsError: A class has a name that the layout keeps for itself.
        """
        ...


@dataclass(frozen=True)
class _Named:
    """A data set's number and name.

    Attributes:
        number: From 1 to 999.
        name: Letters, digits, "_" and "-".
        modality: What kind of scans these are. nnU-Net normalises "CT" by the whole data set,
            and anything else scan by scan.

    Raises:
        SettingsError: One of them cannot be used.
    """

    number: int = 501
    name: str = "Project"
    modality: str = "MRI"

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 999:
            raise SettingsError(
                f"Expected a number of the data set from 1 to 999, got {self.number}."
            )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise SettingsError(
                f"Expected a name of the data set in plain letters, digits, _ and -, got "
                f"{self.name!r}.",
                remedy="It becomes part of a folder's name, as in Dataset501_Prostate.",
            )
        if not self.modality.strip() or not self.modality.isprintable():
            raise SettingsError(f"Expected a modality such as MRI, got {self.modality!r}.")


@dataclass(frozen=True)
class NnUNet(_Named):
    """nnU-Net v2: slices that nobody has drawn hold the label ``ignore``."""

    needs_all: ClassVar[bool] = False

    @property
    def folder(self) -> str:
        """As in nnU-Net's own folder of raw data: ``Dataset501_Prostate``."""
        return f"Dataset{self.number:03d}_{self.name}"

    def image(self, case: str) -> str:
        """See :meth:`Layout.image`; 0000 is the number of the one channel."""
        return f"imagesTr/{case}_0000{_ENDING}"

    def label(self, case: str) -> str:
        """See :meth:`Layout.label`."""
        return f"labelsTr/{case}{_ENDING}"

    def ignored(self, classes: Sequence[str]) -> int:
        """The number after that of the last class, as nnU-Net asks for."""
        return len(classes) + 1

    def description(self, classes: Sequence[str], cases: Sequence[str]) -> dict[str, Any]:
        """See :meth:`Layout.description`."""
        for name in classes:
            if name in {"background", IGNORE}:
                raise SettingsError(
                    f"nnU-Net keeps the label {name!r} for itself, and a class of this project "
                    "is called so.",
                    remedy="Export with --layout msd, or begin the project with other names.",
                )
        numbered = {name: number for number, name in enumerate(classes, start=1)}
        return {
            "name": self.name,
            "description": f"{_MADE_BY} Slices that nobody has drawn are '{IGNORE}'.",
            "channel_names": {"0": self.modality},
            "labels": {"background": 0, **numbered, IGNORE: self.ignored(classes)},
            "numTraining": len(cases),
            "file_ending": _ENDING,
        }


@dataclass(frozen=True)
class Decathlon(_Named):
    """The Medical Segmentation Decathlon's layout, for cases that are labelled throughout."""

    needs_all: ClassVar[bool] = True

    @property
    def folder(self) -> str:
        """As the Decathlon's own: ``Task501_Prostate``."""
        return f"Task{self.number:02d}_{self.name}"

    def image(self, case: str) -> str:
        """See :meth:`Layout.image`."""
        return f"imagesTr/{case}{_ENDING}"

    def label(self, case: str) -> str:
        """See :meth:`Layout.label`."""
        return f"labelsTr/{case}{_ENDING}"

    def ignored(self, classes: Sequence[str]) -> int:
        """Background: no voxel of such a data set is left undrawn."""
        return 0

    def description(self, classes: Sequence[str], cases: Sequence[str]) -> dict[str, Any]:
        """See :meth:`Layout.description`."""
        return {
            "name": self.name,
            "description": _MADE_BY,
            "reference": "",
            "licence": "",
            "release": "1.0",
            "tensorImageSize": "3D",
            "modality": {"0": self.modality},
            "labels": {str(k): name for k, name in enumerate(("background", *classes))},
            "numTraining": len(cases),
            "numTest": 0,
            "training": [
                {"image": f"./{self.image(case)}", "label": f"./{self.label(case)}"}
                for case in cases
            ],
            "test": [],
        }


def fitting_name(text: str) -> str:
    """The nearest name that a data set may have: "my project" -> "my_project"."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-") or "Project"
