"""Annotated masks on disk, each file named for the SHA-256 of its bytes."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from nextslice.errors import ProjectError
from nextslice.files import write_atomically

__all__ = ["MaskStore"]


class MaskStore:
    """A folder of masks; the same mask is kept once, and none is ever overwritten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, mask: np.ndarray) -> str:
        """Write a mask of class numbers, shape (height, width); returns its name."""
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(mask, dtype=np.uint8), allow_pickle=False)
        content = buffer.getvalue()
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        if not path.exists():
            write_atomically(path, content)
        return name

    def get(self, name: str) -> np.ndarray:
        """Read a mask back.

        Raises:
            ProjectError: Its file is missing, or its bytes are not those that were written.
        """
        path = self._path(name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ProjectError(
                f"Expected an annotated mask at {path}, which cannot be read ({error}).",
                remedy="Restore the file from a backup of the project's folder.",
            ) from error
        if hashlib.sha256(content).hexdigest() != name:
            raise ProjectError(
                f"The annotated mask {path} is damaged: its bytes are not those written.",
                remedy="Restore the file from a backup of the project's folder.",
            )
        mask: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
        return mask

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.npy"
