"""`dataset.json`, read strictly: what a data set says of itself is as foreign as its scans."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from nextslice.errors import DataError

__all__ = ["read_description"]

_LARGEST: Final = 1 << 26


def read_description(path: Path) -> dict[str, Any]:
    """The object that a `dataset.json` holds.

    Raises:
        DataError: It is not JSON in UTF-8, is larger than 64 MiB, holds no object, or names
            something twice: one reader would take the first, another the second.
    """
    size = path.stat().st_size
    if size > _LARGEST:
        raise DataError(
            f"{path} should describe a data set in {_LARGEST:,} bytes at most, but has "
            f"{size:,}.",
            remedy="Restore the file.",
        )
    try:
        content = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        where = ""
        if isinstance(error, json.JSONDecodeError):
            where = f" (see line {error.lineno}, column {error.colno})"
        if isinstance(error, _TwiceError):
            where = f": it names {error} twice in one place"
        raise DataError(
            f"{path} is not valid JSON{where}.", remedy="Put the file right, or restore it."
        ) from error
    if not isinstance(content, dict):
        raise DataError(
            f"{path} should hold an object with names, but holds a list or a value.",
            remedy='Write {"training": [...], "labels": {...}}, or restore the file.',
        )
    return content


class _TwiceError(ValueError):
    """A name stands twice in one object."""


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(ascii(name)[:60])
        found[name] = value
    return found
