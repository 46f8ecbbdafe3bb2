"""Label values on disk -> classes: which values belong together, and their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nextslice.errors import DataError, SettingsError
from nextslice.types import VolumeMask

__all__ = ["LabelMap", "declared_values", "default_labels", "parse_labels"]

_RESERVED = {"mean"}  # the row of the average in cycles.csv


@dataclass(frozen=True)
class LabelMap:
    """The foreground classes in order; class number k is the k-th of them, counted from 1.

    Attributes:
        classes: Pairs of a name and the label values that it takes in. Values that no class
            takes in become background (0).

    Raises:
        SettingsError: No class, more than 255, a name that is empty, reserved ("mean") or
            given twice, a value in two classes, or background (0) in a class.
    """

    classes: tuple[tuple[str, tuple[int, ...]], ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.classes) <= 255:
            raise SettingsError(
                f"A data set should have 1 to 255 foreground classes, but has "
                f"{len(self.classes)}.",
                remedy='Name the classes, as in --labels "gland=1,2".',
            )
        seen: set[int] = set()
        for name, values in self.classes:
            if not name.strip() or name in _RESERVED or self.names.count(name) > 1:
                raise SettingsError(
                    f"Each class should have a name of its own (not {', '.join(_RESERVED)}), "
                    f"but one is called {name!r}.",
                    remedy="Choose other names; values with one name go into one class.",
                )
            if not values or seen.intersection(values) or len(set(values)) < len(values):
                raise SettingsError(
                    f"Each class should take in values of its own, but {name!r} takes in "
                    f"{values}.",
                    cause="A value is in two classes or twice in one, or a class has none.",
                )
            if 0 in values:
                raise SettingsError(f"The value 0 is background, but {name!r} takes it in.")
            seen.update(values)

    @property
    def names(self) -> tuple[str, ...]:
        """The class names in order, without background."""
        return tuple(name for name, _ in self.classes)

    def apply(self, label: np.ndarray[Any, np.dtype[Any]]) -> VolumeMask:
        """Label values (x, y, z) as they are on disk -> class numbers of the same shape."""
        mask = np.zeros(label.shape, np.uint8)
        for number, (_, values) in enumerate(self.classes, start=1):
            for value in values:
                mask[label == value] = number
        return mask

    def to_list(self) -> list[list[Any]]:
        """Plain lists, ready for JSON; :meth:`from_list` takes them back."""
        return [[name, list(values)] for name, values in self.classes]

    @classmethod
    def from_list(cls, classes: Iterable[Sequence[Any]]) -> LabelMap:
        """The map that :meth:`to_list` wrote."""
        return cls(tuple((str(name), tuple(map(int, values))) for name, values in classes))


def declared_values(labels: object, path: Path) -> dict[int, str] | None:
    """Label value -> name, from the entry "labels" of a `dataset.json`.

    MSD writes {"1": "name"}, nnU-Net v2 {"name": 1}; both are understood. Background is
    added where it is not declared.

    Args:
        labels: The entry, or None if there is none.
        path: The `dataset.json`, for messages.

    Raises:
        DataError: Anything but one whole number per name, or an ignore label.
    """
    if labels is None:
        return None
    if not isinstance(labels, dict):
        raise DataError(f'{path}: "labels" should name each label value, but is {labels!r}.')
    declared: dict[int, str] = {}
    for key, value in labels.items():
        number, name = (key, value) if isinstance(value, str) else (value, key)
        try:
            if isinstance(number, list | bool | float):
                raise TypeError
            number = int(number)
        except (TypeError, ValueError):
            raise DataError(
                f'{path}: "labels" should give each name one whole number, but gives '
                f"{key!r}: {value!r}.",
                cause="Regions that overlap (lists of values) cannot be drawn as classes.",
                remedy="Write one number per name; merge values with --labels instead.",
            ) from None
        if number in declared:
            raise DataError(f'{path}: "labels" declares the value {number} twice.')
        declared[number] = name
    if "ignore" in declared.values():
        raise DataError(
            f'{path}: "labels" declares an ignore label, which nextslice does not know.',
            remedy="Use only cases that are labelled throughout.",
        )
    declared.setdefault(0, "background")
    return dict(sorted(declared.items()))


def parse_labels(
    text: str | Sequence[str], declared: Mapping[int, str] | None = None
) -> LabelMap:
    """Read "gland=1,2", "PZ=1;CG=2" or a list of such texts.

    Args:
        text: A name, "=", and the label values that become this class; classes are separated
            by ";" or are texts of their own.
        declared: Label value -> name, as `dataset.json` declares them; None accepts any value.

    Raises:
        SettingsError: The text cannot be read, or names a value that is not declared.
    """
    texts = [text] if isinstance(text, str) else list(text)
    classes = []
    for part in (p.strip() for t in texts for p in t.split(";")):
        if not part:
            continue
        match = re.fullmatch(r"([^=]+)=\s*(-?\d+(?:\s*,\s*-?\d+)*)", part)
        if match is None:
            raise SettingsError(
                f'Labels should look like "gland=1,2" or "PZ=1;CG=2", but {part!r} came.',
                remedy=f"The values are: {_listed(declared)}." if declared else "",
            )
        classes.append((match[1].strip(), tuple(int(v) for v in match[2].split(","))))
    labels = LabelMap(tuple(classes))
    unknown = [v for _, values in classes for v in values if declared and v not in declared]
    if declared and unknown:
        raise SettingsError(
            f"Labels should name declared values, but {', '.join(map(str, unknown))} came.",
            remedy=f"The data set declares: {_listed(declared)}.",
        )
    return labels


def default_labels(declared: Mapping[int, str]) -> LabelMap:
    """Every declared value but background as a class of its own, in order of the values."""
    return LabelMap(tuple((declared[v], (v,)) for v in sorted(declared) if v != 0))


def _listed(declared: Mapping[int, str] | None) -> str:
    return ", ".join(f"{v} ({name})" for v, name in sorted((declared or {}).items()))
