"""`dataset.json`, read strictly: what a data set says of itself is as foreign as its scans."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from nextslice.data.places import within
from nextslice.errors import DataError

__all__ = ["read_description"]

_LARGEST: Final = 1 << 26


def read_description(path: Path) -> dict[str, Any]:
    """The object that a `dataset.json` holds; a mark of UTF-8 at its beginning may be there.

    Raises:
        DataError: It is no plain file of its folder, is not JSON in UTF-8, is larger than
            64 MiB, holds no object, or names something twice: one reader would take the
            first, another the second.
    """
    _demand_own_file(path)
    size = path.stat().st_size
    if size > _LARGEST:
        raise DataError(
            f"{path} should describe a data set in {_LARGEST:,} bytes at most, but has "
            f"{size:,}.",
            remedy="Restore the file.",
        )
    raw = path.read_bytes()
    encoding = json.detect_encoding(raw)[:6].upper()
    if encoding in {"UTF-16", "UTF-32"}:
        raise _not_utf8(path, encoding)
    try:
        content = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, "another encoding") from error
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


def _demand_own_file(path: Path) -> None:
    if not within(path, path.parent):
        raise DataError(
            f"{path} leads out of its folder by a link, or in a circle.",
            remedy="Put the file itself into the folder.",
        )
    if not path.is_file():  # a pipe would be waited for without end
        raise DataError(
            f"{path} should be a plain file, but is a folder, a pipe, a device or a link to "
            "nowhere.",
            remedy="Put the description itself there, or take away what is.",
        )


def _not_utf8(path: Path, encoding: str) -> DataError:
    return DataError(
        f"{path} should be in UTF-8, but is in {encoding}.",
        remedy="Open it in an editor and save it in UTF-8, or restore the file.",
    )


class _TwiceError(ValueError):
    """A name stands twice in one object."""


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(ascii(name)[:60])
        found[name] = value
    return found
