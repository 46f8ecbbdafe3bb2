"""Damage of files that a project can go on without: models, scores, proposals."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Connection, select

from nextslice.errors import CheckpointError
from nextslice.files import file_sha256
from nextslice.models.checkpoints import read_manifest
from nextslice.project.proposals import read_proposals
from nextslice.project.records import Records
from nextslice.project.schema import cycles, queries, slices

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
    asked: dict[int, dict[tuple[str, int], float]] = {}
    for entry in connection.execute(
        select(queries.c.cycle, slices.c.case, slices.c.slice, queries.c.score)
        .join(slices, slices.c.row == queries.c.row)
        .where(queries.c.score.is_not(None))
    ):
        asked.setdefault(entry.cycle, {})[entry.case, entry.slice] = entry.score
    for cycle, scores in asked.items():
        path = records.scores_file(cycle)
        if not scores.items() <= _read_scores(path).items():
            yield Finding(
                path.relative_to(records.folder).as_posix(),
                "it is missing, damaged, or not what the query was selected by.",
                "The slices cannot be ranked again; the query and its answers stand.",
                f"Nothing has to be done to go on. {RESTORE}",
            )


def _read_scores(path: Path) -> dict[tuple[str, int], float]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            columns = (kept[name].tolist() for name in ("case", "slice", "score"))
            return {(case, index): score for case, index, score in zip(*columns, strict=True)}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return {}


def _of_proposals(records: Records, connection: Connection) -> Iterator[Finding]:
    for cycle in connection.execute(select(cycles.c.cycle)).scalars():
        path = records.proposals_file(cycle)
        if path.exists() and read_proposals(path) is None:
            yield Finding(
                path.relative_to(records.folder).as_posix(),
                "it is damaged.",
                "The model's proposals for that query cannot be shown.",
                "Nothing has to be done: those of an open query are computed again.",
            )


def wrong_hash(path: Path, sha256: str) -> str:
    """What is wrong with a file that should have this hash; nothing where it has."""
    try:
        return "" if file_sha256(path) == sha256 else "is damaged: its bytes are not its own"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
