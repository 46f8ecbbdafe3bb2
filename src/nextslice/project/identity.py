"""A random name of a project, by which what comes back from annotators is told apart.

Two projects on the same scans with the same seed ask for the same slices.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from nextslice.files import write_atomically
from nextslice.plain_files import read_plain

__all__ = ["identity_of"]


def identity_of(folder: Path) -> str:
    """The name of the project in a folder; it gets one where it has none yet."""
    path = folder / "identity.txt"
    try:
        known = read_plain(path).decode().strip()
    except FileNotFoundError:
        known = ""
    if not known:
        known = secrets.token_hex(8)
        write_atomically(path, known + "\n", "identity")
    return known
