"""Prepared slices on disk: built once, then opened as memory-mapped arrays.

One folder per (sources, settings, code that prepares them)::

    images.npy         float32 (slices, height, width)
    masks.npy          uint8   (slices, height, width), class numbers; 0 without a label
    native_labels.npy  uint8   class numbers of all labelled cases on their native grids, flat
    pool.json          everything else; written last, so a folder with it is complete

A folder is built under another name and renamed once all in it is on the disk, so neither a
crash nor a power cut leaves anything half, and two processes may build at once. Whether its new
name outlives a power cut is left to chance: without it the slices are prepared again. Whoever
builds holds a lock, so that what a killed process left is told from what another one works on.
A damaged folder is built again. Nothing is ever unpickled. The root is readable by its owner
alone, because it holds patients' images.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from nextslice.code_hashes import OF_SLICES, hashes_of_nextslice
from nextslice.data.building import FORMAT, MANIFEST, build
from nextslice.data.cases import DataSet
from nextslice.data.formats.payload import files_of
from nextslice.data.gate.checks import Verdict
from nextslice.data.gate.limits import Limits
from nextslice.data.labels import LabelMap
from nextslice.data.preparation import Preparation
from nextslice.data.prepared import CaseRecord, Prepared
from nextslice.discretion import for_a_log
from nextslice.errors import DataError
from nextslice.failpoints import reach
from nextslice.files import cause_of
from nextslice.progress import OnProgress

__all__ = ["cache_root", "prepared"]

_log = logging.getLogger(__name__)


def cache_root() -> Path:
    """`$NEXTSLICE_CACHE`, else `$XDG_CACHE_HOME/nextslice`, else `~/.cache/nextslice`."""
    if chosen := os.environ.get("NEXTSLICE_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "nextslice"


def prepared(
    data_set: DataSet,
    preparation: Preparation,
    labels: LabelMap | None,
    root: Path,
    on_progress: OnProgress,
) -> Prepared:
    """Open the prepared slices of a data set, or build them first.

    Args:
        data_set: The cases; those that the checks refuse are left out and listed.
        preparation: Where its size is None, the smallest size that holds every case is used;
            where its axis is None, the short axis of all cases.
        labels: None makes every declared value (or, where none is declared, every value that
            occurs) a class of its own.
        root: The folder of all caches.
        on_progress: Hears of the stages "check" and "prepare" while building.

    Raises:
        RefusedCasesError: Every case is refused.
        DataError: The cases' short axes differ, or the cache cannot be written.
    """
    folder = root / _key(data_set, preparation, labels)
    try:
        kept = _open(folder)
        if _lasting(kept):
            return kept
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning(
            "The cache %s is damaged (%s) and is built again.",
            folder.name,
            for_a_log(error, folder),
        )
    try:
        with _building(root) as temporary:
            build(temporary, data_set, preparation, labels, on_progress)
            _put_in_place(temporary, folder)
            return _open(folder)
    except OSError as error:
        raise _unwritable(root, error) from error


def _unwritable(root: Path, error: OSError) -> DataError:
    return DataError(
        f"The cache {root} cannot be written ({error.strerror or error}).",
        cause=cause_of(error),
        remedy="Make room, or name another folder in the variable NEXTSLICE_CACHE.",
    )


def _key(data_set: DataSet, preparation: Preparation, labels: LabelMap | None) -> str:
    """SHA-256 over what the slices are made from, without opening a scan."""
    files: list[list[Any]] = []
    for case in data_set.cases:
        for path in (case.image, case.label):
            for part in files_of(path) if path is not None else ():
                try:
                    status = part.stat()
                    files.append([case.case, str(part), status.st_size, status.st_mtime_ns])
                except OSError:
                    files.append([case.case, str(part), None, None])
        files.append([case.case, [[p.reason, p.remedy] for p in case.problems]])
    made_from: dict[str, Any] = {
        "format": FORMAT,
        "code": hashes_of_nextslice(OF_SLICES),
        "layout": data_set.layout,
        "declared": sorted((data_set.declared or {}).items()),
        "files": files,
        "preparation": preparation.to_dict(),
        "labels": labels.to_list() if labels else None,
    }
    if data_set.accept_sheared:
        made_from["accept_sheared"] = True
    limits = Limits.from_environment()
    if limits != Limits():  # more may be let in where more is allowed
        made_from["limits"] = repr(limits)
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def _building(root: Path) -> Iterator[Path]:
    """A folder to build in, with a lock beside it that ends with this process."""
    if not root.is_dir():
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_leftovers(root)
    folder = root / f".building-{secrets.token_hex(8)}"
    with FileLock(_lock(folder)):  # before the folder, which is nobody's without it
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            _remove(folder)


def _remove_leftovers(root: Path) -> None:
    """Remove what processes that were killed have built; no clock is asked."""
    for leftover in root.glob(".building-*"):
        if leftover.is_dir():
            with contextlib.suppress(Timeout), FileLock(_lock(leftover), timeout=0):
                _remove(leftover)


def _lock(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # Windows removes a lock when it is let go
        _lock(folder).unlink()


def _put_in_place(built: Path, folder: Path) -> None:
    reach("building.whole")
    try:
        built.rename(folder)
    except OSError:  # another process was quicker, or what is there is damaged
        try:
            usable = _lasting(_open(folder))
        except (OSError, ValueError, KeyError, TypeError):
            usable = False
        if not usable:
            folder.rename(built.with_name(built.name + "-damaged"))
            shutil.rmtree(built.with_name(built.name + "-damaged"), ignore_errors=True)
            built.rename(folder)
    reach("building.renamed")


def _lasting(source: Prepared) -> bool:
    """Whether building again would give the same."""
    return not any(refusal.again for verdict in source.refused for refusal in verdict.refusals)


def _open(folder: Path) -> Prepared:
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    if not (folder / MANIFEST).is_file():
        raise ValueError(f"{MANIFEST} is missing")
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']} instead of {FORMAT}")
    arrays = {
        name: _mapped(folder / f"{name}.npy", kind, tuple(manifest["shapes"][f"{name}.npy"]))
        for name, kind in (("images", "<f4"), ("masks", "|u1"), ("native_labels", "|u1"))
    }
    return Prepared(
        **arrays,
        cases=tuple(CaseRecord.from_dict(c) for c in manifest["cases"]),
        layout=manifest["layout"],
        preparation=Preparation.from_dict(manifest["preparation"]),
        labels=LabelMap.from_list(manifest["labels"]),
        refused=tuple(Verdict.from_dict(v) for v in manifest["refused"]),
        fingerprint=manifest["fingerprint"],
    )


def _mapped(path: Path, kind: str, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[Any]]:
    if not path.is_file():
        raise ValueError(f"{path.name} is missing")
    empty = 0 in shape  # nothing cannot be mapped
    array = np.load(path, mmap_mode=None if empty else "r", allow_pickle=False)
    if array.dtype.str != kind or array.shape != shape:
        raise ValueError(
            f"{path.name} holds {array.dtype.str} {array.shape}, not {kind} {shape}"
        )
    return np.asarray(array)
