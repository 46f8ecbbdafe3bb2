"""Annotated masks: what they may hold, and their files, named for the SHA-256 of the bytes."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from nextslice.errors import AnnotationError, ProjectError
from nextslice.files import (
    make_folder,
    storage_error,
    sync_folder,
    write_atomically,
)
from nextslice.plain_files import read_plain
from nextslice.project.arrays import MOST_PIXELS, ArrayHeader, parse_array
from nextslice.types import SliceMask

__all__ = ["MaskStore", "checked_mask", "is_mask_name", "parse_mask"]

_NAME: Final = re.compile(r"[0-9a-f]{64}")


def is_mask_name(name: object) -> bool:
    """Whether a mask can have this name: the database may come from somebody else."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def checked_mask(
    mask: np.ndarray, *, shape: tuple[int, int], classes: Sequence[str], name: str
) -> SliceMask:
    """A mask as class numbers, if that is what it holds.

    Args:
        mask: What came.
        shape: (height, width) that it must have.
        classes: Foreground names in order of their numbers.
        name: What the slice is called, for the complaint.

    Raises:
        AnnotationError: Another shape, numbers that are not whole, or an unknown class.
    """
    array = np.asarray(mask)
    if array.shape != shape:
        raise AnnotationError(
            f"Expected a mask of shape {shape} for {name}, got {array.shape}.",
            cause="the mask is on another grid than the slice.",
        )
    values = np.unique(array)
    allowed = range(len(classes) + 1)
    foreign = [value for value in values.tolist() if value not in allowed]
    if array.dtype.kind not in "uib" or foreign:
        raise AnnotationError(
            f"Expected class numbers 0 to {len(classes)} in the mask of {name}, "
            f"got {foreign or array.dtype}.",
            remedy="0 is background; "
            + ", ".join(f"{k} is {n}" for k, n in enumerate(classes, 1)),
        )
    return array.astype(np.uint8)


class MaskStore:
    """A folder of masks; the same mask is kept once, and none is ever replaced by another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, mask: np.ndarray) -> str:
        """Write a mask of class numbers, shape (height, width); returns its name.

        Raises:
            StorageError: The disk does not take it.
        """
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(mask, dtype=np.uint8), allow_pickle=False)
        content = buffer.getvalue()
        name = hashlib.sha256(content).hexdigest()
        path = self.file(name)
        if _holds(path, content):
            # Another thread may have put it there just now, in a folder that it has just made.
            try:
                make_folder(path.parent)
                sync_folder(path.parent)
            except OSError as error:
                raise storage_error(path, error) from error
        else:
            write_atomically(path, content, "mask")  # new, or what is there is damaged
        return name

    def get(
        self, name: str, *, shape: tuple[int, int] | None = None, classes: int | None = None
    ) -> SliceMask:
        """Read a mask back: class numbers, shape (height, width).

        Args:
            name: Its name.
            shape: That it must have; None where the caller does not know.
            classes: How many there are besides the background; the same.

        Raises:
            ProjectError: Its file is missing, its bytes are not those that were written, or
                what was written is no such mask.
        """
        return parse_mask(self.content(name), self.file(name), shape=shape, classes=classes)

    def content(self, name: str) -> bytes:
        """The bytes of a mask's file, which are those that were written.

        Raises:
            ProjectError: Its file is missing, or its bytes are not those that were written.
        """
        path = self.file(name)
        try:
            content = read_plain(path)
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
        return content

    def file(self, name: str) -> Path:
        """Where a mask of this name is kept, or would be.

        Raises:
            ProjectError: No mask is called that; as a path it could lead anywhere.
        """
        if not is_mask_name(name):
            raise ProjectError(
                f"Expected a SHA-256 as the name of a mask, got {name!r:.80}.",
                cause="the database is damaged, or was changed by somebody.",
                remedy="Restore the project from a backup.",
            )
        return self._folder / name[:2] / f"{name}.npy"


def parse_mask(
    content: bytes,
    path: Path,
    *,
    shape: tuple[int, int] | None = None,
    classes: int | None = None,
) -> SliceMask:
    """The mask in the bytes of its file.

    Args:
        content: The bytes.
        path: Where they were read, for the complaint.
        shape: See :meth:`MaskStore.get`.
        classes: The same.

    Raises:
        ProjectError: They are no such mask.
    """
    try:
        mask = parse_array(content, partial(_is_mask, shape))
        if classes is not None and mask.max() > classes:
            raise ValueError(f"its class numbers go to {mask.max()}, not to {classes}")
    except ValueError as error:
        raise ProjectError(
            f"Expected a mask of class numbers in {path}, which holds none: {error}.",
            cause="it was not written by nextslice: the project, or the backup that it was "
            "restored from, was changed by somebody.",
            remedy="Restore the project from a backup that you trust, or annotate the "
            "slice again.",
        ) from error
    return mask


def _is_mask(shape: tuple[int, int] | None, found: ArrayHeader) -> bool:
    pixels = math.prod(found.shape)
    fits = len(found.shape) == 2 and 0 < pixels <= MOST_PIXELS
    return found.dtype == np.uint8 and (found.shape == shape if shape else fits)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return read_plain(path) == content
    except OSError:
        return False
