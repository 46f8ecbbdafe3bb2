"""A project in one file, made while people work on it.

The database is copied first, as it was at one moment; then the files that it names. Masks are
never changed once they are named; a model may be replaced by one that is trained anew, so its
weights and its manifest are opened together, and are copied if they are those that the database
names. Each file is looked at on the way as `verify` does, and so as what is restored is held
against: an older backup is never replaced by one that would be refused.

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
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, select

from nextslice.errors import CheckpointError, ProjectError, SettingsError
from nextslice.files import writing_atomically
from nextslice.models.checkpoints import opened_checkpoint
from nextslice.models.manifest import MANIFEST, WEIGHTS
from nextslice.plain_files import read_plain
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project.connections import copy_database
from nextslice.project.damage import Finding, damaged_proposals, damaged_scores
from nextslice.project.irreplaceable import classes_in, damaged_masks, damaged_settings
from nextslice.project.named_masks import named_masks
from nextslice.project.records import DATABASE, Records
from nextslice.project.schema import cycles
from nextslice.project.scratch import scratch
from nextslice.project.soundness import damaged_database
from nextslice.wording import counted

__all__ = ["CONTENTS", "FORMAT", "Backup", "back_up"]

CONTENTS: Final = "backup.json"
FORMAT: Final = 1

_USER: Final = getattr(os, "getuid", lambda: 0)()  # on Windows, each has a folder of their own
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the same project gives the same file
_READABLE: Final = 0o644 << 16
_LOOKS: Final = 3
_PAUSE: Final = 0.2  # seconds between two looks
_PACKED: Final = 1  # level; masks shrink to a few percent even so


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        files: How many files.
        size: Bytes of them, unpacked.
        left_out: Models, scores and proposals that are missing or damaged in the project, and
            a model that is being trained anew.
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
        SettingsError: `file` lies in the project, or is there and is no backup.
        ProjectError: There is no project, its database is damaged, or a mask or a file of its
            settings is; nothing is written then, and an older backup stays.
        StorageError: The disk does not take it.
    """
    folder, file = Path(folder), Path(file)
    _demand_no_other(folder, file)
    with (
        Records.look(folder) as records,
        scratch(Path(tempfile.gettempdir()), f".nextslice-backup-{_USER}-") as place,
    ):
        place.mkdir()
        copied = place / DATABASE
        copy_database(folder / DATABASE, copied)
        with Records.look(place) as copy, copy.reading() as connection:
            _demand_whole(folder, damaged_database(connection))
            with (
                writing_atomically(file, "backup") as stream,
                zipfile.ZipFile(stream, "w") as archive,
            ):
                kept = _Kept(archive, _count(records, connection), on_progress)
                kept.put(DATABASE, copied.read_bytes())
                left_out = _put_all(kept, records, connection)
                contents = {
                    "format": FORMAT,
                    "nextslice": version("nextslice"),
                    "left_out": left_out,
                    "files": kept.entries,
                }
                archive.writestr(_info(CONTENTS), json.dumps(contents, indent=1).encode())
    return Backup(len(kept.entries), kept.size, tuple(left_out))


def _demand_no_other(folder: Path, file: Path) -> None:
    """Make sure that nothing but an older backup is replaced: a scan could not be had again."""
    if file.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(
            f"Expected a file outside the project {folder}, got {file}.",
            cause="a backup within the project would be lost with it.",
            remedy="Name a file elsewhere, best on another disk.",
        )
    try:
        with zipfile.ZipFile(file) as archive:
            archive.getinfo(CONTENTS)
    except FileNotFoundError:
        return
    except (OSError, zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise SettingsError(
            f"Expected the name of a new file or of an older backup, got {file}, which is "
            "there and is neither.",
            cause="the name belongs to something else, or the older backup is damaged.",
            remedy="Name another file, or remove this one if nobody needs it.",
        ) from error


class _Kept:
    """An archive, and what is in it so far."""

    def __init__(self, archive: zipfile.ZipFile, steps: int, on_progress: OnProgress) -> None:
        self.entries: dict[str, dict[str, object]] = {}
        self.size = 0
        self._archive = archive
        self._steps = steps
        self._done = 0
        self._on_progress = on_progress

    def put(self, name: str, content: bytes) -> None:
        """Put a file into it."""
        self._archive.writestr(_info(name), content, compresslevel=_PACKED)
        self._add(name, len(content), hashlib.sha256(content).hexdigest())

    def put_model(self, name: str, manifest: bytes, weights: IO[bytes], sha256: str) -> None:
        """Put a checkpoint into it, a little of its weights at a time."""
        info = _info(f"{name}/{WEIGHTS}")
        info.file_size = os.fstat(weights.fileno()).st_size
        with self._archive.open(info, "w") as target:
            shutil.copyfileobj(weights, target, 2**20)
        self._archive.writestr(_info(f"{name}/{MANIFEST}"), manifest, compresslevel=_PACKED)
        self.entries[f"{name}/{WEIGHTS}"] = {"size": info.file_size, "sha256": sha256}
        self.size += info.file_size
        self._add(f"{name}/{MANIFEST}", len(manifest), hashlib.sha256(manifest).hexdigest())

    def _add(self, name: str, size: int, sha256: str) -> None:
        self.entries[name] = {"size": size, "sha256": sha256}
        self.size += size
        self._done += 1
        self._on_progress(Progress("backup", self._done, self._steps))


def _put_all(kept: _Kept, records: Records, connection: Connection) -> list[str]:
    """Put all that belongs to what the database says into a backup; what is left out of it.

    Raises:
        ProjectError: Something is damaged that nothing can make again.
    """
    folder = records.folder
    settings = _settings(folder)
    for name, content in settings.items():
        kept.put(name, content)
    classes = classes_in(settings.__getitem__)
    _demand_whole(folder, damaged_masks(records, connection, classes, keep=kept.put))
    again = (
        *damaged_scores(records, connection, kept.put),
        *damaged_proposals(records, connection, classes, kept.put),
    )
    for path in _curves(folder):
        kept.put(f"tensorboard/{path.name}", read_plain(path))
    left_out = [finding.path for finding in again]
    for name, sha256 in _models(records, connection):
        if not _put_model(kept, folder / name, name, sha256):
            left_out.append(name)
    return sorted(left_out)


def _settings(folder: Path) -> dict[str, bytes]:
    """The files that a project is opened by, and its name.

    Raises:
        ProjectError: One is damaged.
    """
    kept: dict[str, bytes] = {}

    def read(name: str) -> bytes:
        kept[name] = read_plain(folder / name)
        return kept[name]

    for _ in range(_LOOKS - 1):
        if not any(damaged_settings(read)):
            return kept
        time.sleep(_PAUSE)  # somebody may be opening it with other settings just now
    _demand_whole(folder, damaged_settings(read))
    return kept


def _demand_whole(folder: Path, findings: Iterable[Finding]) -> None:
    """Raise unless nothing is damaged: what is restored is held against the same."""
    found = list(findings)
    if found:
        first = found[0]
        raise ProjectError(
            f"{folder} cannot be backed up: {first.path}: {first.problem}",
            cause=f"{counted(len(found), 'part')} of it that nothing can make again "
            f"{'is' if len(found) == 1 else 'are'} damaged.",
            remedy=f"{first.remedy} Nothing was written; an older backup is as it was. "
            "nextslice verify PROJECT names all that is damaged.",
        )


def _put_model(kept: _Kept, folder: Path, name: str, sha256: str) -> bool:
    """Put a model into a backup, if it is there and the one that the database names."""
    for look in range(_LOOKS):
        if look:
            time.sleep(_PAUSE)  # a training may be putting the same weights back just now
        try:
            with opened_checkpoint(folder, sha256) as (manifest, weights):
                kept.put_model(name, manifest, weights, sha256)
        except CheckpointError:
            continue
        return True
    return False


def _count(records: Records, connection: Connection) -> int:
    """How many files there are to put into a backup, a model for one."""
    known = connection.execute(select(cycles.c.cycle)).scalars().all()
    again = [
        path(cycle) for cycle in known for path in (records.scores_file, records.proposals_file)
    ]
    settings = (
        records.folder / name for name in ("config.yaml", "environment.json", "identity.txt")
    )
    return (
        1
        + len(named_masks(connection))
        + len(list(_models(records, connection)))
        + sum(path.is_file() for path in (*again, *settings, *_curves(records.folder)))
    )


def _curves(folder: Path) -> list[Path]:
    """Curves for TensorBoard, but for links: in a foreign project one could lead anywhere."""
    found = sorted((folder / "tensorboard").glob("events.*"))
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _models(records: Records, connection: Connection) -> Iterator[tuple[str, str]]:
    """The folder of each trained model -> the SHA-256 of its weights."""
    trained = select(cycles.c.cycle, cycles.c.weights_sha256)
    for cycle, sha256 in connection.execute(trained.order_by(cycles.c.cycle)):
        if sha256 is not None:
            yield records.model_folder(cycle).relative_to(records.folder).as_posix(), sha256


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.external_attr = _READABLE
    random = name.endswith(WEIGHTS)  # nothing to gain there
    info.compress_type = zipfile.ZIP_STORED if random else zipfile.ZIP_DEFLATED
    return info
