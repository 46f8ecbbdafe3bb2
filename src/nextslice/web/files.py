"""The page's own files, read once: no path from an address ever reaches a file system."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["PageFile", "page_files"]

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class PageFile:
    """One file of the page.

    Attributes:
        content: Its bytes.
        media_type: What it is, for the browser.
    """

    content: bytes
    media_type: str


def page_files() -> dict[str, PageFile]:
    """All files of the page by the path of their address: ``/``, ``/static/main.js`` ..."""
    found = dict(_below(files("nextslice.web") / "static", "/static"))
    return found | {"/": found["/static/index.html"]}


def _below(folder: Traversable, address: str) -> list[tuple[str, PageFile]]:
    found: list[tuple[str, PageFile]] = []
    for entry in folder.iterdir():
        place = f"{address}/{entry.name}"
        if entry.is_dir():
            found += _below(entry, place)
            continue
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in _TYPES:
            found.append((place, PageFile(entry.read_bytes(), _TYPES[suffix])))
    return found
