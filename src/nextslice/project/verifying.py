"""Is a project whole? Every file is held against its hash, and the files against the database.

Nothing here writes, and nothing is locked: people may go on annotating meanwhile.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from sqlalchemy import Connection, func, select

from nextslice.data.labels import parse_labels
from nextslice.errors import ProjectError
from nextslice.files import read_plain
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project.damage import (
    RESTORE,
    Finding,
    damaged_files,
    damaged_models,
)
from nextslice.project.masks import is_mask_name
from nextslice.project.records import DATABASE, Records
from nextslice.project.schema import answers, cycles, metadata, slices
from nextslice.project.tables import tables_of
from nextslice.wording import a_few, counted
from nextslice.yaml_text import parse_yaml

__all__ = ["Verification", "named_masks", "verify"]

_SLICES: Final = select(func.count()).select_from(slices)
_LOOKS: Final = 3
_PAUSE: Final = 0.5  # seconds between two looks


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what of it is damaged.

    Attributes:
        answers: Answers in the database, all versions.
        masks: Mask files that they name.
        models: Trained models.
        findings: What is damaged; empty where all is whole.
    """

    answers: int
    masks: int
    models: int
    findings: tuple[Finding, ...]


def verify(folder: str | Path, on_progress: OnProgress = ignore_progress) -> Verification:
    """Look at all of a project that can be damaged.

    Args:
        folder: The project's.
        on_progress: Hears of the stage "verify", in masks.

    Raises:
        ProjectError: There is no project.
    """
    folder = Path(folder)
    seen = _look(folder, on_progress)
    for _ in range(_LOOKS - 1):
        if not seen.findings:
            break
        # Somebody may be at work, and a table is written a moment after its commit: only
        # what is damaged each time is damaged.
        time.sleep(_PAUSE)
        again = _look(folder, on_progress)
        lasting = tuple(finding for finding in seen.findings if finding in again.findings)
        seen = Verification(again.answers, again.masks, again.models, lasting)
    return seen


def _look(folder: Path, on_progress: OnProgress) -> Verification:
    try:
        with Records.look(folder) as records, records.reading() as connection:
            return _compared(records, connection, on_progress)
    except ProjectError as error:
        if not (folder / DATABASE).is_file():
            raise
        unreadable = Finding(
            DATABASE,
            error.problem,
            "Nothing can be said of the rest; masks in annotations/ are files of their own.",
            error.remedy,
        )
        return Verification(0, 0, 0, (unreadable,))


def _compared(
    records: Records, connection: Connection, on_progress: OnProgress
) -> Verification:
    _read_all(connection)
    masks = named_masks(connection)
    models = select(func.count()).where(cycles.c.weights_sha256.is_not(None))
    count = connection.execute(select(func.count()).select_from(answers)).scalar_one()
    findings = (
        *_of_database(connection),
        *_of_settings(records.folder),
        *_of_masks(records, masks, connection, on_progress),
        *_of_tables(records.folder, connection),
        *damaged_models(records, connection),
        *damaged_files(records, connection),
    )
    trained = connection.execute(models).scalar_one()
    return Verification(count, len(masks), trained, findings)


def _read_all(connection: Connection) -> None:
    """Have every value looked at.

    Raises:
        ProjectError: One is not what its column may hold.
    """
    for table in metadata.sorted_tables:
        for _ in connection.execute(select(table)):
            pass


def _of_database(connection: Connection) -> Iterator[Finding]:
    said = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if loose:
        said.append(f"{counted(len(loose), 'row')} of others that are not there")
    last = connection.execute(select(func.max(slices.c.row))).scalar_one()
    if last is not None and last + 1 != connection.execute(_SLICES).scalar_one():
        said.append("slices are missing")
    foreign = [name for name in named_masks(connection) if not is_mask_name(name)]
    if foreign:
        said.append(f"{foreign[0]!r:.80} is named as a mask, which no mask is called")
    if said != ["ok"]:
        yield Finding(
            DATABASE,
            f"it is damaged: {a_few([line for line in said if line != 'ok'])}.",
            "What it says of slices, queries and answers cannot be relied on.",
            "Stop working on the project, and restore it from a backup (nextslice restore "
            "FILE NEW_FOLDER). The masks in annotations/ are files of their own.",
        )


def _of_settings(folder: Path) -> Iterator[Finding]:
    kept: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("config.yaml", parse_yaml),
        ("environment.json", json.loads),
    )
    for name, read in kept:
        try:
            content = read(read_plain(folder / name).decode())
            why = "" if isinstance(content, dict) else "it holds no settings"
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            why = "it is missing" if isinstance(error, FileNotFoundError) else "it is damaged"
        if why:
            yield Finding(
                name,
                f"{why}.",
                "The project cannot be opened.",
                "Put it back from a copy, or from a backup: a zip file that any program opens.",
            )


def named_masks(connection: Connection) -> dict[str, str]:
    """The name of each mask that an answer has -> whose it is, in words."""
    found = connection.execute(
        select(answers, slices.c.case, slices.c.slice)
        .join(slices, slices.c.row == answers.c.row)
        .order_by(answers.c.id)
    )
    named: dict[str, str] = {}
    for entry in found:
        what = f"slice {entry.slice} of {entry.case}, version {entry.version}"
        for name in (entry.mask_sha256, entry.native_sha256):
            if name is not None:
                named.setdefault(name, f"{what} by {entry.annotator}")
    return named


def _of_masks(
    records: Records,
    masks: dict[str, str],
    connection: Connection,
    on_progress: OnProgress,
) -> Iterator[Finding]:
    classes = _classes_of(records.folder)
    shapes: dict[str, tuple[int, ...]] = {}
    wrong: dict[str, str] = {}
    for done, name in enumerate(masks, 1):
        if is_mask_name(name):  # one that is not is told of the database
            try:
                shapes[name] = records.mask(name, classes=classes).shape
            except ProjectError as error:
                wrong[name] = error.problem
        on_progress(Progress("verify", done, len(masks)))
    for names in _on_one_grid(connection):
        there = {name: shapes[name] for name in names if name in shapes}
        for shape, count in Counter(there.values()).items():
            if 2 * count <= len(there) and len(there) > 1:  # else most are of this shape
                of_it = (name for name in there if there[name] == shape)
                wrong |= dict.fromkeys(of_it, f"its shape {shape} is not that of others.")
    for name, why in wrong.items():
        yield Finding(
            records.mask_file(name).relative_to(records.folder).as_posix(),
            f"the mask of {masks[name]}: {why}",
            "The annotation cannot be shown, exported or trained on; training stops and "
            "names it.",
            "Put the file back from a copy, or annotate the slice again; a simulated run is "
            f"begun anew in another folder. {RESTORE}",
        )


def _on_one_grid(connection: Connection) -> Iterator[list[str]]:
    """The names of masks that have one shape: those on the pool's grid, and those of a case."""
    drawn: dict[str, list[str]] = {}
    pool: list[str] = []
    for entry in connection.execute(
        select(answers.c.mask_sha256, answers.c.native_sha256, slices.c.case)
        .join(slices, slices.c.row == answers.c.row)
        .order_by(answers.c.id)
    ):
        if entry.mask_sha256 is not None:
            pool.append(entry.mask_sha256)
        if entry.native_sha256 is not None:
            drawn.setdefault(entry.case, []).append(entry.native_sha256)
    yield pool
    yield from drawn.values()


def _classes_of(folder: Path) -> int | None:
    """How many classes the project draws; None where its settings do not say."""
    try:
        content = parse_yaml(read_plain(folder / "config.yaml").decode())
        return len(parse_labels(content["data"]["labels"]).names)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError):
        return None  # among them SettingsError, a ValueError


def _of_tables(folder: Path, connection: Connection) -> Iterator[Finding]:
    for name, text in tables_of(connection).items():
        try:
            same = read_plain(folder / name) == text.encode()
        except OSError:
            same = False
        if not same:
            yield Finding(
                name,
                "it is missing, or does not say what the database says.",
                "Reports and other programs may read wrong numbers from it.",
                "Nothing has to be done: it is written anew when the project is opened next.",
            )
