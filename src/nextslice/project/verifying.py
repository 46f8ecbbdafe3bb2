"""Is a project whole? Every file is held against its hash, and the files against the database.

Nothing here writes, and nothing is locked: people may go on annotating meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from nextslice.errors import ProjectError
from nextslice.plain_files import read_plain
from nextslice.progress import OnProgress, ignore_progress
from nextslice.project.connections import connect_to_look
from nextslice.project.damage import (
    Finding,
    damaged_models,
    damaged_proposals,
    damaged_scores,
)
from nextslice.project.folders import linked_folders
from nextslice.project.irreplaceable import classes_in, damaged_masks, damaged_settings
from nextslice.project.named_masks import named_masks
from nextslice.project.records import DATABASE, Records
from nextslice.project.schema import answers, cycles
from nextslice.project.soundness import damaged_database
from nextslice.project.tables import tables_of

__all__ = ["Verification", "verify"]

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
    links = {path: path.relative_to(folder) for path in linked_folders(folder)}
    away = frozenset(link.parts[0] for link in links.values())
    try:
        with (
            Records(folder, connect_to_look(folder / DATABASE)) as records,
            records.reading() as connection,
        ):
            connection.exec_driver_sql("PRAGMA schema_version")  # it is free to be read
            seen = _compared(records, connection, away, on_progress)
    except ProjectError as error:
        if not (folder / DATABASE).is_file():
            raise
        unreadable = (_unread(error), *damaged_settings(lambda name: read_plain(folder / name)))
        seen = Verification(0, 0, 0, unreadable)
    linked = tuple(
        Finding(
            link.as_posix(),
            "it is a link, and nothing is read through it.",
            f"The project cannot be opened; what is in {link.parts[0]}/ was not looked at.",
            "Put the folder itself there. The project's own folder may be a link.",
        )
        for link in links.values()
    )
    return Verification(seen.answers, seen.masks, seen.models, linked + seen.findings)


def _unread(error: ProjectError) -> Finding:
    return Finding(
        DATABASE,
        error.problem,
        "What rests on it was not looked at; masks in annotations/ are files of their own.",
        error.remedy,
    )


def _compared(
    records: Records,
    connection: Connection,
    away: frozenset[str],
    on_progress: OnProgress,
) -> Verification:
    """All that can be looked at, each part by itself, but for folders that are elsewhere."""
    folder = records.folder

    def read(name: str) -> bytes:
        return read_plain(folder / name)

    classes = classes_in(read)
    masks = damaged_masks(records, connection, classes, on_progress=on_progress)
    parts: tuple[tuple[str, Iterable[Finding]], ...] = (
        ("", damaged_database(connection)),
        ("", damaged_settings(read)),
        ("annotations", masks),
        ("", _of_tables(folder, connection)),
        ("models", damaged_models(records, connection)),
        ("scores", damaged_scores(records, connection)),
        ("proposals", damaged_proposals(records, connection, classes)),
    )
    findings: list[Finding] = []
    for place, part in parts:
        try:
            for finding in part if place not in away else ():
                findings.append(finding)  # noqa: PERF402 - those before an error count
        except ProjectError as error:
            # What is damaged in the database is told once, and by what part does not matter.
            if DATABASE not in {finding.path for finding in findings}:
                findings.append(_unread(error))
    looked_at = [_count(connection, what) for what in (_answers, _masks, _models)]
    return Verification(looked_at[0], looked_at[1], looked_at[2], tuple(findings))


def _count(connection: Connection, what: Callable[[Connection], int]) -> int:
    """How many there are, or none where nobody can tell."""
    try:
        return what(connection)
    except ProjectError:
        return 0


def _answers(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(answers)).scalar_one()


def _masks(connection: Connection) -> int:
    return len(named_masks(connection))


def _models(connection: Connection) -> int:
    trained = select(func.count()).where(cycles.c.weights_sha256.is_not(None))
    return connection.execute(trained).scalar_one()


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
