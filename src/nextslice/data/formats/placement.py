"""What a header in text says of where its voxels lie: in one way, in finite numbers.

ITK takes 0 for a number that is missing or is none (`Offset = 3 nan 5`), passes a name by that
is spelt in its own way, and lets a second line count or not, by its name. A scan would be moved
without a word. What a header does not say at all is 0, or 1 mm, to every reader.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from nextslice.data.geometry import no_place

__all__ = ["check_meta_image", "check_nrrd", "folded"]

_META_IMAGE: Final[Mapping[tuple[bytes, ...], int]] = {
    (b"Offset", b"Position", b"Origin"): 3,
    (b"TransformMatrix", b"Rotation", b"Orientation"): 9,
    (b"ElementSpacing",): 3,
    (b"ElementSize",): 3,  # the spacing where there is no other; with gaps, another number
}
"""Names of one thing -> how many numbers it has."""

_NRRD: Final[Mapping[bytes, tuple[str, int]]] = {
    b"spaceorigin": ("space origin", 1),
    b"spacedirections": ("space directions", 3),
}
"""A name without its blanks -> the name, and how many vectors it has."""

_OTHER_DIMENSIONS: Final = re.compile(rb"[0-24-9]")  # refused, and in better words
_NUMBER: Final = re.compile(rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_VECTOR: Final = re.compile(rb"\(([^()]*)\)")


def folded(name: bytes) -> bytes:
    """A name of a MetaImage header as far as people tell it from others: letters, digits."""
    return re.sub(rb"[^a-z0-9]", b"", name.lower())


def check_meta_image(path: Path, fields: Mapping[bytes, bytes]) -> None:
    """Raise unless a MetaImage header places its voxels in one way, in finite numbers.

    Args:
        path: The file, for the message.
        fields: Its names, as they are spelt, and values.

    Raises:
        DataError: It does not.
    """
    if _OTHER_DIMENSIONS.fullmatch(fields.get(b"NDims", b"")):
        return
    spelt = {folded(name): name for name in fields}
    for names, count in _META_IMAGE.items():
        found: dict[tuple[float, ...], str] = {}
        for name in names:
            key, shown = spelt.get(name.lower()), name.decode()
            if key is None:
                continue
            if key != name:
                what = "is spelt in another way, so that readers pass it by"
                raise no_place(path, what, f"line {shown}")
            found[_numbers(path, fields[key].split(), count, shown)] = shown
        if len(found) > 1:
            first, second, *_ = found.values()
            raise no_place(path, "differ", f"lines {first} and {second}")


def check_nrrd(path: Path, fields: Mapping[bytes, bytes]) -> None:
    """Raise unless an NRRD header places its voxels in finite numbers.

    Args:
        path: The file, for the message.
        fields: Its names, in lower case and without blanks, and values.

    Raises:
        DataError: It does not.
    """
    if _OTHER_DIMENSIONS.fullmatch(fields.get(b"dimension", b"")):
        return
    for name, (shown, count) in _NRRD.items():
        if name not in fields:
            continue
        vectors = _VECTOR.findall(fields[name])
        if len(vectors) != count or _VECTOR.sub(b"", fields[name]).strip():
            some = "one vector" if count == 1 else f"{count} vectors"
            raise no_place(path, f"is not {some} of numbers", f"line {shown}")
        for vector in vectors:
            _numbers(path, [n.strip() for n in vector.split(b",")], 3, shown)
    if b"spacings" in fields:
        _numbers(path, fields[b"spacings"].split(), 3, "spacings")


def _numbers(path: Path, written: Sequence[bytes], count: int, name: str) -> tuple[float, ...]:
    values = tuple(float(n) for n in written if _NUMBER.fullmatch(n))
    if not len(values) == len(written) == count or not all(map(math.isfinite, values)):
        raise no_place(path, f"is not {count} finite numbers", f"line {name}")
    return values
