"""Damage of files that a project can go on without: models, scores, proposals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from nextslice.data.pool import SliceId
from nextslice.errors import CheckpointError
from nextslice.files import open_plain
from nextslice.models.checkpoints import read_manifest
from nextslice.project.proposals import are_whole
from nextslice.project.records import Records
from nextslice.project.schema import cycles, queries, slices
from nextslice.project.scores import read_scores

__all__ = ["RESTORE", "Finding", "damaged_files", "damaged_models", "wrong_hash"]

RESTORE: Final = "Restore it from a backup (nextslice restore FILE NEW_FOLDER)."

_TRAIN_AGAIN: Final = (
    "Nothing has to be done: where the model is needed it is trained again, to the same "
    "weights on the same machine."
)


@dataclass(frozen=True)
class Finding:
    """Something of a project that is damaged.

    Attributes:
        path: The file, or the folder of a model, relative to the project's.
        problem: What is wrong with it.
        meaning: What that means for the project.
        remedy: What to do.
    """

    path: str
    problem: str
    meaning: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.problem}\n"
            f"What it means: {self.meaning}\nWhat to do: {self.remedy}"
        )


def damaged_files(records: Records, connection: Connection) -> Iterator[Finding]:
    """Damaged scores and proposals: a project can go on without them.

    Args:
        records: The project.
        connection: Its database, or a copy of it.
    """
    yield from _of_scores(records, connection)
    yield from _of_proposals(records, connection)


def damaged_models(records: Records, connection: Connection) -> Iterator[Finding]:
    """Damaged models: a project trains them again where it needs them.

    Args:
        records: The project.
        connection: Its database, or a copy of it.
    """
    trained = select(cycles.c.cycle, cycles.c.weights_sha256)
    for cycle, sha256 in connection.execute(trained.order_by(cycles.c.cycle)):
        if sha256 is None:
            continue
        folder = records.model_folder(cycle)
        try:
            manifest = read_manifest(folder)
            why = wrong_hash(folder / "weights.safetensors", manifest["sha256"])
            if not why and manifest["sha256"] != sha256:
                why = "it is another model than the one that the database names"
        except CheckpointError as error:
            why = error.problem.rstrip(".")
        if why:
            yield Finding(
                folder.relative_to(records.folder).as_posix(),
                f"the model of cycle {cycle}: {why}.",
                "It cannot predict or propose until it is trained again.",
                _TRAIN_AGAIN,
            )


def _of_scores(records: Records, connection: Connection) -> Iterator[Finding]:
    count = connection.execute(select(func.count()).select_from(slices)).scalar_one()
    asked: dict[int, dict[SliceId, float]] = {}
    for entry in connection.execute(
        select(queries.c.cycle, slices.c.case, slices.c.slice, queries.c.score)
        .join(slices, slices.c.row == queries.c.row)
        .where(queries.c.score.is_not(None))
    ):
        asked.setdefault(entry.cycle, {})[SliceId(entry.case, entry.slice)] = entry.score
    for cycle, scores in asked.items():
        path = records.scores_file(cycle)
        if not scores.items() <= (read_scores(path, count) or {}).items():
            yield Finding(
                path.relative_to(records.folder).as_posix(),
                "it is missing, damaged, or not what the query was selected by.",
                "The slices cannot be ranked again; the query and its answers stand.",
                f"Nothing has to be done to go on. {RESTORE}",
            )


def _of_proposals(records: Records, connection: Connection) -> Iterator[Finding]:
    asked = (
        select(cycles.c.cycle, func.count(queries.c.rank))
        .join(queries, queries.c.cycle == cycles.c.cycle, isouter=True)
        .group_by(cycles.c.cycle)
    )
    for cycle, count in connection.execute(asked):
        path = records.proposals_file(cycle)
        there = path.exists() or path.is_symlink()
        if there and not are_whole(path, slices=count):
            yield Finding(
                path.relative_to(records.folder).as_posix(),
                "it is damaged.",
                "The model's proposals for that query cannot be shown.",
                "Nothing has to be done: those of an open query are computed again.",
            )


def wrong_hash(path: Path, sha256: str) -> str:
    """What is wrong with a file that should have this hash; nothing where it has."""
    try:
        with open_plain(path) as stream:
            whole = hashlib.file_digest(stream, "sha256").hexdigest() == sha256
        return "" if whole else "is damaged: its bytes are not its own"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
