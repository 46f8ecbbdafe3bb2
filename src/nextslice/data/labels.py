"""Label values on disk -> classes: which values belong together, and their names."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nextslice.data.places import shown
from nextslice.errors import DataError, SettingsError
from nextslice.types import VolumeMask

__all__ = [
    "IGNORE",
    "LabelMap",
    "Labels",
    "declared_values",
    "default_labels",
    "found_labels",
    "numbered_labels",
    "parse_labels",
    "tell_of_undeclared",
]

IGNORE = "ignore"
"""The name of nnU-Net's label for what nobody has drawn; it is no class."""

# The row of the average in cycles.csv; what is no class; what nobody has drawn.
_RESERVED = ("mean", "background", IGNORE)


@dataclass(frozen=True)
class LabelMap:
    """The foreground classes in order; class number k is the k-th of them, counted from 1.

    Attributes:
        classes: Pairs of a name and the label values that it takes in. Values that no class
            takes in become background (0).
        exhaustive: A label with any other value (but 0) is refused instead.

    Raises:
        SettingsError: No class, more than 255, a name that is empty, reserved ("mean") or
            given twice, a value in two classes, or background (0) in a class.
    """

    classes: tuple[tuple[str, tuple[int, ...]], ...]
    exhaustive: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.classes) <= 255:
            raise SettingsError(
                f"A data set should have 1 to 255 foreground classes, but has "
                f"{len(self.classes)}.",
                remedy='Name the classes, as in --labels "gland=1,2".',
            )
        seen: set[int] = set()
        for name, values in self.classes:
            if not name.strip() or name.casefold() in _RESERVED or self.names.count(name) > 1:
                raise SettingsError(
                    f"Each class should have a name of its own (not {', '.join(_RESERVED)}), "
                    f"but one is called {name!r}.",
                    remedy="Choose other names; values with one name go into one class.",
                )
            if not values or seen.intersection(values) or len(set(values)) < len(values):
                raise SettingsError(
                    f"Each class should take in values of its own, but {name!r} takes in "
                    f"{values}.",
                    cause="a value is in two classes or twice in one, or a class has none.",
                )
            if 0 in values:
                raise SettingsError(f"The value 0 is background, but {name!r} takes it in.")
            seen.update(values)

    @property
    def names(self) -> tuple[str, ...]:
        """The class names in order, without background."""
        return tuple(name for name, _ in self.classes)

    @property
    def declared(self) -> dict[int, str]:
        """Label value -> its class's name, background included."""
        named = {value: name for name, values in self.classes for value in values}
        return {0: "background"} | named

    def apply(self, label: np.ndarray[Any, np.dtype[Any]]) -> VolumeMask:
        """Label values (x, y, z) as they are on disk -> class numbers of the same shape."""
        mask = np.zeros(label.shape, np.uint8)
        for number, (_, values) in enumerate(self.classes, start=1):
            for value in values:
                mask[label == value] = number
        return mask

    @property
    def text(self) -> str:
        """As :func:`parse_labels` reads it: "PZ=1;CG=2,3"."""
        return ";".join(f"{name}={','.join(map(str, v))}" for name, v in self.classes)

    def to_list(self) -> list[list[Any]]:
        """Plain lists, ready for JSON; :meth:`from_list` takes them back."""
        return [[name, list(values)] for name, values in self.classes]

    @classmethod
    def from_list(cls, classes: Iterable[Sequence[Any]]) -> LabelMap:
        """The map that :meth:`to_list` wrote."""
        return cls(tuple((str(name), tuple(map(int, values))) for name, values in classes))


Labels = str | Sequence[str] | Mapping[str, int | Sequence[int]] | LabelMap
"""What :func:`parse_labels` reads."""


def declared_values(labels: object, path: Path) -> dict[int, str] | None:
    """Label value -> name, from the entry "labels" of a `dataset.json`.

    MSD writes {"1": "name"}, nnU-Net v2 {"name": 1}; both are understood. Background is
    added where it is not declared. A value named :data:`IGNORE` is kept under this name:
    it becomes no class, and a label that holds it is refused by the checks.

    Args:
        labels: The entry, or None if there is none.
        path: The `dataset.json`, for messages.

    Raises:
        DataError: Anything but one whole number per name.
    """
    if labels is None:
        return None
    if not isinstance(labels, dict):
        raise DataError(
            f'{path}: "labels" should name each label value, but is {labels!r:.200}.',
            remedy='Write them as {"0": "background", "1": "organ"}, or leave "labels" out.',
        )
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
                f"{key!r:.200}: {value!r:.200}.",
                cause="regions that overlap (lists of values) cannot be drawn as classes.",
                remedy="Write one number per name; merge values with --labels instead.",
            ) from None
        if number in declared:
            raise DataError(
                f'{path}: "labels" declares the value {number} twice.',
                remedy="Name each value once; merge values with --labels instead.",
            )
        declared[number] = shown(name)
    declared.setdefault(0, "background")
    return dict(sorted(declared.items()))


def parse_labels(
    labels: Labels,
    declared: Mapping[int, str] | None = None,
) -> LabelMap:
    """Read "gland=1,2", "PZ=1;CG=2", a list of such texts, or {"gland": [1, 2]}.

    Args:
        labels: A name, "=", and the label values that become this class; classes are separated
            by ";" or are texts of their own. Or a mapping of names to values. A LabelMap
            is taken as it is.
        declared: Label value -> name, as `dataset.json` declares them; None accepts any value.

    Raises:
        SettingsError: The labels cannot be read, or name a value that is not declared.
    """
    if isinstance(labels, LabelMap):
        return labels
    if isinstance(labels, Mapping):
        pairs = [(str(name), _values(name, values)) for name, values in labels.items()]
    elif isinstance(labels, str):
        pairs = _pairs(labels, declared)
    elif isinstance(labels, Sequence) and all(isinstance(text, str) for text in labels):
        pairs = [pair for text in labels for pair in _pairs(text, declared)]
    else:
        raise SettingsError(
            f'Labels should look like "gland=1,2" or {{"gland": [1, 2]}}, but {labels!r} came.'
        )
    classes = LabelMap(tuple(pairs))
    unknown = [v for _, values in pairs for v in values if declared and v not in declared]
    if declared and unknown:
        raise SettingsError(
            f"Labels should name declared values, but {', '.join(map(str, unknown))} came.",
            remedy=f"The data set declares: {_listed(declared)}.",
        )
    return classes


def numbered_labels(labels: str | Sequence[str]) -> LabelMap:
    """Names alone, "anterior,posterior" or a list: their label values are 1, 2 and so on.

    A text with "=" in it is read by :func:`parse_labels`.

    Raises:
        SettingsError: A name is empty, given twice, or holds a character that separates names.
    """
    if isinstance(labels, str) and "=" in labels:
        return parse_labels(labels)
    given = labels.split(",") if isinstance(labels, str) else labels
    names = [name.strip() for name in given]
    if not all(name.isprintable() and name and not set(name) & set(",;=") for name in names):
        raise SettingsError(
            f'Expected the names of the classes, as in "anterior,posterior", got {labels!r}.',
            remedy="Separate the names by commas, and use none of , ; = in them.",
        )
    return LabelMap(tuple((name, (value,)) for value, name in enumerate(names, start=1)))


def _pairs(text: str, declared: Mapping[int, str] | None) -> list[tuple[str, tuple[int, ...]]]:
    pairs = []
    for part in (p.strip() for p in text.split(";")):
        if not part:
            continue
        match = re.fullmatch(r"([^=]+)=\s*(-?\d{1,18}(?:\s*,\s*-?\d{1,18})*)", part)
        if match is None:
            raise SettingsError(
                f'Labels should look like "gland=1,2" or "PZ=1;CG=2", but {part!r:.200} came.',
                remedy=f"The values are: {_listed(declared)}." if declared else "",
            )
        pairs.append((match[1].strip(), tuple(int(v) for v in match[2].split(","))))
    return pairs


def _values(name: str, values: Any) -> tuple[int, ...]:
    try:
        given = [values] if not isinstance(values, Iterable) else list(values)
        return tuple(operator.index(value) for value in given)
    except TypeError:
        raise SettingsError(
            f"The class {name!r} should take in whole numbers, but {values!r} came.",
            remedy='Write {"gland": [1, 2]}.',
        ) from None


def default_labels(declared: Mapping[int, str]) -> LabelMap:
    """Every declared value but background and :data:`IGNORE` as a class, in their order."""
    classes = (v for v in sorted(declared) if v != 0 and declared[v] != IGNORE)
    return LabelMap(tuple((declared[v], (v,)) for v in classes))


def found_labels(values: Iterable[int]) -> LabelMap:
    """The classes where none are declared: each value that occurs is one, "label 1" and so on.

    Where nothing but background occurs, there is a class "label 1" to annotate.
    """
    found = set(values) - {0}
    return default_labels({value: f"label {value}" for value in found or {1}})


def tell_of_undeclared(values: Iterable[int]) -> str:
    """What a person should know about :func:`found_labels`, in a sentence or two."""
    found = sorted(set(values))
    names = found_labels(found).names
    become = f"they become {', '.join(names)}" if set(found) - {0} else f"there is {names[0]}"
    shown = ", ".join(map(str, found)) or "no label at all"
    return (
        f"no label values are declared; found {shown}: {become}. "
        'Name or merge them with labels, as in --labels "gland=1,2".'
    )


def _listed(declared: Mapping[int, str] | None) -> str:
    return ", ".join(f"{v} ({name})" for v, name in sorted((declared or {}).items()))
