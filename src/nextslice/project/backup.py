"""A project in one file, made while people work on it.

The database is copied first, as it was at one moment; then the files that it names, which are
never changed once they are named. What is copied is held against its hash on the way.

The file is a zip archive: what it holds, and how large that is, stands in a directory of its
own, so that it can be looked at before anything is unpacked::

    project.db  config.yaml  environment.json  identity.txt
    annotations/  models/  scores/  proposals/  tensorboard/
    backup.json      size and SHA-256 of each of them; written last

``cycles.csv`` and ``queries.csv`` are derived from the database when it is restored.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from nextslice.errors import ProjectError
from nextslice.files import writing_atomically
from nextslice.models.checkpoints import FILES as MODEL_FILES
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project.connections import copy_database
from nextslice.project.damage import damaged_files
from nextslice.project.records import DATABASE, Records
from nextslice.project.schema import cycles
from nextslice.project.verifying import named_masks

__all__ = ["CONTENTS", "FORMAT", "Backup", "back_up"]

CONTENTS: Final = "backup.json"
FORMAT: Final = 1

_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the same project gives the same file
_READABLE: Final = 0o644 << 16
_PACKED: Final = 1  # level; masks shrink to a few percent even so


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        files: How many files.
        size: Bytes of them, unpacked.
        left_out: Models, scores and proposals that are missing or damaged in the project.
    """

    files: int
    size: int
    left_out: tuple[str, ...]


def back_up(
    folder: str | Path, file: str | Path, on_progress: OnProgress = ignore_progress
) -> Backup:
    """Write a project into one file; people may go on annotating meanwhile.

    Args:
        folder: The project's.
        file: The backup; an older one is replaced once the new one is whole.
        on_progress: Hears of the stage "backup", in files.

    Raises:
        ProjectError: There is no project, its database is damaged, or a mask or a file of its
            settings is; nothing is written then, and an older backup stays.
        StorageError: The disk does not take it.
    """
    folder, file = Path(folder), Path(file)
    with Records.look(folder) as records, tempfile.TemporaryDirectory() as place:
        copied = Path(place) / DATABASE
        copy_database(folder / DATABASE, copied)
        database = copied.read_bytes()
        with Records.look(place) as copy, copy.reading() as connection:
            left_out = tuple(f.path for f in damaged_files(records, connection))
            names = dict(_named(records, connection, left_out))
    entries: dict[str, dict[str, object]] = {}
    size = 0
    with writing_atomically(file) as stream, zipfile.ZipFile(stream, "w") as archive:
        for done, (name, sha256) in enumerate([(DATABASE, None), *names.items()], 1):
            content = database if name == DATABASE else _read(folder / name, sha256)
            _put(archive, name, content)
            entries[name] = {
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            size += len(content)
            on_progress(Progress("backup", done, len(names) + 1))
        contents = {
            "format": FORMAT,
            "nextslice": version("nextslice"),
            "left_out": left_out,
            "files": entries,
        }
        _put(archive, CONTENTS, json.dumps(contents, indent=1).encode())
    return Backup(len(entries), size, left_out)


def _named(
    records: Records, connection: Connection, left_out: tuple[str, ...]
) -> Iterator[tuple[str, str | None]]:
    """Every file that belongs to what the database says -> its hash, where that is known."""
    folder = records.folder
    yield "config.yaml", None
    yield "environment.json", None
    if (folder / "identity.txt").is_file():
        yield "identity.txt", None
    for sha256 in named_masks(connection):
        yield records.mask_file(sha256).relative_to(folder).as_posix(), sha256
    for cycle, weights in connection.execute(select(cycles.c.cycle, cycles.c.weights_sha256)):
        model = records.model_folder(cycle).relative_to(folder).as_posix()
        if weights is not None and model not in left_out:
            for name in MODEL_FILES:
                yield f"{model}/{name}", weights if name.endswith(".safetensors") else None
        for path in (records.scores_file(cycle), records.proposals_file(cycle)):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in left_out:
                yield name, None
    for path in sorted((folder / "tensorboard").glob("*")):
        if path.is_file():
            yield f"tensorboard/{path.name}", None


def _read(path: Path, sha256: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror
    else:
        if sha256 is None or hashlib.sha256(content).hexdigest() == sha256:
            return content
        why = "its bytes are not its own"
    raise ProjectError(
        f"{path} cannot be backed up: {why}.",
        cause="the file is damaged or was removed.",
        remedy="nextslice verify PROJECT says what it is and what to do. Nothing was written; "
        "an older backup is as it was.",
    )


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.external_attr = _READABLE
    random = name.endswith(".safetensors")  # nothing to gain there
    info.compress_type = zipfile.ZIP_STORED if random else zipfile.ZIP_DEFLATED
    archive.writestr(info, content, compresslevel=_PACKED)
