"""Damage of files that a project can go on without: models, scores, proposals."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Connection, select

from nextslice.errors import CheckpointError
from nextslice.models.checkpoints import read_manifest
from nextslice.plain_files import open_plain, read_plain
from nextslice.project.proposals import are_whole, model_that_proposes
from nextslice.project.records import Records
from nextslice.project.schema import cycles, queries, slices
from nextslice.project.scores import KeptScores, read_scores

__all__ = [
    "RESTORE",
    "Finding",
    "Keep",
    "damaged_models",
    "damaged_proposals",
    "damaged_scores",
]

Keep = Callable[[str, bytes], None]
"""Given the name of a file in a project's folder, and its bytes."""

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
            why = _wrong_hash(folder / "weights.safetensors", manifest["sha256"])
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


def damaged_scores(
    records: Records, connection: Connection, keep: Keep = lambda *_: None
) -> Iterator[Finding]:
    """Damaged scores: queries and answers stand without them.

    Args:
        records: The project.
        connection: Its database, or a copy of it.
        keep: Given each file that is whole.
    """
    everything = select(slices.c.case, slices.c.slice).order_by(slices.c.row)
    pool = [(entry.case, entry.slice) for entry in connection.execute(everything)]
    asked: dict[int, dict[int, float]] = {}
    for cycle, row, score in connection.execute(
        select(cycles.c.cycle, queries.c.row, queries.c.score)
        .join(queries, queries.c.cycle == cycles.c.cycle, isouter=True)
        .order_by(cycles.c.cycle, queries.c.rank)
    ):
        scores = asked.setdefault(cycle, {})
        if score is not None:
            scores[row] = score
    for cycle, scores in asked.items():
        name, content = _file(records, records.scores_file(cycle))
        if content is None and not scores:
            continue
        kept = read_scores(content or b"", len(pool))
        if kept is not None and _fit(kept, pool, scores):
            keep(name, content or b"")
        else:
            yield Finding(
                name,
                "it is missing, damaged, or not what the query was selected by.",
                "The slices cannot be ranked again; the query and its answers stand.",
                f"Nothing has to be done to go on. {RESTORE}",
            )


def _fit(
    kept: KeptScores, pool: Sequence[tuple[str, int]], scores: Mapping[int, float]
) -> bool:
    """Whether scores are those of the pool, and those that slices were asked for by."""
    return (
        max(scores, default=-1) < len(pool)
        and np.array_equal(kept.case, np.array([case for case, _ in pool]))
        and np.array_equal(kept.index, np.array([index for _, index in pool]))
        and all(kept.score[row] == score for row, score in scores.items())
    )


def damaged_proposals(
    records: Records,
    connection: Connection,
    classes: int | None,
    keep: Keep = lambda *_: None,
) -> Iterator[Finding]:
    """Damaged proposals, and such as are for other slices, classes or models.

    Args:
        records: The project.
        connection: Its database, or a copy of it.
        classes: How many there are besides the background; None where nobody knows.
        keep: Given each file that is whole.
    """
    asked: dict[int, list[int]] = {}
    for cycle, row in connection.execute(
        select(queries.c.cycle, queries.c.row).order_by(queries.c.cycle, queries.c.rank)
    ):
        asked.setdefault(cycle, []).append(row)
    trained = select(cycles.c.cycle, cycles.c.weights_sha256).order_by(cycles.c.cycle)
    weights = {entry.cycle: entry.weights_sha256 for entry in connection.execute(trained)}
    for cycle in weights:
        name, content = _file(records, records.proposals_file(cycle))
        model = model_that_proposes(weights, cycle)
        rows = asked.get(cycle, [])
        if content is None:
            continue
        if are_whole(content, rows=rows, classes=classes, weights_sha256=model):
            keep(name, content)
        else:
            yield Finding(
                name,
                "it is damaged, or not what the model proposes for that query.",
                "The model's proposals for that query cannot be shown.",
                "Nothing has to be done: those of an open query are computed again.",
            )


def _file(records: Records, path: Path) -> tuple[str, bytes | None]:
    """The name of a project's file, and its bytes: none where it is no file of its own."""
    name = path.relative_to(records.folder).as_posix()
    try:
        return name, read_plain(path)
    except FileNotFoundError:
        return name, None
    except OSError:
        return name, b""


def _wrong_hash(path: Path, sha256: str) -> str:
    """What is wrong with a file that should have this hash; nothing where it has."""
    try:
        with open_plain(path) as stream:
            whole = hashlib.file_digest(stream, "sha256").hexdigest() == sha256
        return "" if whole else "is damaged: its bytes are not its own"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
