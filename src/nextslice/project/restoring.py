"""A project from its backup, which is not trusted: it may be damaged, or made by somebody else.

Every name must be one that a project has, so that none leads out of the folder. Sizes are held
against the disk before anything is unpacked, and the bytes against their hashes while they
are, a little at a time. All that happens in a folder that nobody else uses; the project's gets
its name once what is in it was found to be whole, its database before anything is asked of it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from nextslice.errors import ProjectError
from nextslice.files import writing_atomically
from nextslice.placing import put_in_place
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project.backup import CONTENTS, FORMAT
from nextslice.project.records import DATABASE, Records
from nextslice.project.scratch import scratch
from nextslice.project.tables import write_tables
from nextslice.project.verifying import Verification, verify

__all__ = ["restore"]

_NEEDED: Final = frozenset({DATABASE, "config.yaml", "environment.json"})
_NAMES: Final = re.compile(
    r"project\.db|config\.yaml|environment\.json|identity\.txt"
    r"|annotations/([0-9a-f]{2})/\1[0-9a-f]{62}\.npy"
    r"|models/cycle-[0-9]{2,6}/(weights\.safetensors|manifest\.json)"
    r"|(scores|proposals)/cycle-[0-9]{2,6}\.npz"
    r"|tensorboard/[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}"
)
_MADE_AGAIN: Final = re.compile(
    r"(models/cycle-[0-9]{2,6}|(scores|proposals)/cycle-[0-9]{2,6}\.npz)"
)
_MOST_CONTENTS: Final = 64 * 2**20  # bytes; some hundred for each file
_PIECE: Final = 2**20  # bytes that are in memory at a time
_ENCRYPTED: Final = 0x1


def restore(
    file: str | Path, folder: str | Path, on_progress: OnProgress = ignore_progress
) -> Verification:
    """Unpack a backup into a new folder, and prove that the project in it is whole.

    Args:
        file: What :func:`nextslice.project.backup.back_up` wrote.
        folder: New, or empty.
        on_progress: Hears of the stages "restore", in files, and "verify", in masks.

    Returns:
        What was looked at in the end. Its findings are what the backup says was damaged or
        missing when it was made, and can be made again.

    Raises:
        ProjectError: The backup is damaged or is none, or the folder holds something; nothing
            is left behind then.
        StorageError: The disk does not take it.
    """
    file, folder = Path(file), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError(
            f"Expected a new or an empty folder to restore into, got {folder}.",
            remedy="Choose another one: nothing that is there is ever replaced.",
        )
    if not file.is_file():
        raise ProjectError(f"Expected a backup at {file}; there is none.")
    try:
        with zipfile.ZipFile(file) as archive:
            hashes, left_out = _contents(archive, file)
            _check_room(archive, folder)
            whole = folder.absolute()
            with scratch(whole.parent, f".{whole.name}.restoring-") as fresh:
                _unpack(archive, hashes, fresh, on_progress)
                seen = _prove(fresh, left_out, file, on_progress)
                put_in_place(fresh, whole, "restore")
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # RuntimeError: it is written in a way that zipfile does not know.
        raise _not_whole(file, str(error)) from error
    return seen


def _contents(archive: zipfile.ZipFile, file: Path) -> tuple[dict[str, str], list[str]]:
    """Name -> SHA-256 of what the backup says it holds, once the archive's directory agrees.

    And what was left out.
    """
    for info in archive.infolist():
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _not_whole(
                file, f"{info.filename!r:.80} is packed in a way that no backup is"
            )
        if info.flag_bits & _ENCRYPTED:
            raise _not_whole(file, f"{info.filename!r:.80} is encrypted")
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if CONTENTS not in sizes or len(sizes) != len(archive.infolist()):
        raise _not_whole(file, f"it holds no {CONTENTS}, or a file twice")
    if sizes.pop(CONTENTS) > _MOST_CONTENTS:
        raise _not_whole(file, f"its {CONTENTS} is too large")
    try:
        contents = json.loads(archive.read(CONTENTS))
        if contents["format"] != FORMAT:
            raise ProjectError(
                f"Expected a backup of format {FORMAT}, {file} is of format "
                f"{contents['format']}.",
                cause="another version of nextslice made it.",
                remedy=f"Restore it with nextslice {contents['nextslice']}.",
            )
        told = {name: entry["size"] for name, entry in contents["files"].items()}
        hashes = {name: str(entry["sha256"]) for name, entry in contents["files"].items()}
        left_out = [str(name) for name in contents["left_out"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _not_whole(file, f"its {CONTENTS} cannot be read") from error
    if not all(map(_MADE_AGAIN.fullmatch, left_out)):
        raise _not_whole(file, "it was made without what nothing can make again")
    foreign = sorted(name for name in sizes if not _NAMES.fullmatch(name))
    if foreign:
        raise _not_whole(file, f"it holds {foreign[0]!r}, which no project has")
    if told != sizes or not told.keys() >= _NEEDED:
        raise _not_whole(file, f"it does not hold what its {CONTENTS} names")
    return hashes, left_out


def _check_room(archive: zipfile.ZipFile, folder: Path) -> None:
    there = next(place for place in folder.absolute().parents if place.is_dir())
    needed = sum(info.file_size for info in archive.infolist())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise ProjectError(
            f"The project takes {needed:,} bytes, and the disk of {folder} has {free:,} free.",
            remedy="Make room, or choose a folder on another disk.",
        )


def _unpack(
    archive: zipfile.ZipFile,
    hashes: Mapping[str, str],
    scratch: Path,
    on_progress: OnProgress,
) -> None:
    for done, (name, sha256) in enumerate(hashes.items(), 1):
        found = hashlib.sha256()
        with (
            writing_atomically(scratch / name, "restored") as target,
            archive.open(name) as packed,
        ):
            # No more than the directory says; zipfile sees to that.
            while piece := packed.read(_PIECE):
                found.update(piece)
                target.write(piece)
        if found.hexdigest() != sha256:
            raise _not_whole(Path(str(archive.filename)), f"{name} is damaged")
        on_progress(Progress("restore", done, len(hashes)))


def _prove(
    scratch: Path, left_out: list[str], file: Path, on_progress: OnProgress
) -> Verification:
    try:
        with Records.look(scratch) as records, records.reading() as connection:
            write_tables(scratch, connection)
    except ProjectError as error:
        raise _not_whole(file, error.problem.rstrip(".")) from error
    seen = verify(scratch, on_progress)
    damaged = [finding for finding in seen.findings if finding.path not in left_out]
    if damaged:
        raise _not_whole(file, f"{damaged[0].path}: {damaged[0].problem.rstrip('.')}")
    return seen


def _not_whole(file: Path, why: str) -> ProjectError:
    return ProjectError(
        f"{file} cannot be restored: {why}.",
        cause="it is no backup of nextslice, or was damaged or changed since it was made.",
        remedy="Nothing was kept of it. Copy it anew from its source, or take another backup.",
    )
