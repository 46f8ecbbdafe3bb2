"""What a project's folder says; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import numpy as np
from sqlalchemy import Connection, Engine, func, select

from nextslice.data.pool import SliceId
from nextslice.errors import ProjectError
from nextslice.project.answers import (
    Answer,
    AnswerKind,
    asked_in,
    newest_answers,
    statement_of_newest,
    versions_of,
)
from nextslice.project.connections import connect_to_look
from nextslice.project.folders import demand_own_folders
from nextslice.project.history import CycleView, cycle_views
from nextslice.project.masks import MaskStore
from nextslice.project.proposals import Proposals, model_that_proposes, read_proposals
from nextslice.project.query import QueriedSlice, Query, SliceState
from nextslice.project.schema import answers, cycles, queries, slices
from nextslice.project.scores import KeptScores, read_scores
from nextslice.types import Rows, SliceMask

__all__ = ["DATABASE", "Records"]

DATABASE: Final = "project.db"

_TRAINED_ON = (AnswerKind.MASK, AnswerKind.GIVEN)


class Records:
    """A project's records, to look at.

    :meth:`look` opens them without the lock, so that they can be read while another process
    works on the project; :class:`~nextslice.project.Project` adds all that writes.
    """

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self._engine = engine
        self._masks = MaskStore(folder / "annotations")

    @classmethod
    def look(cls, folder: str | Path) -> Records:
        """Open a project for reading alone.

        Raises:
            ProjectError: There is none, its database cannot be read, or a folder in it
                leads elsewhere.
        """
        folder = Path(folder)
        demand_own_folders(folder)
        return Records(folder, connect_to_look(folder / DATABASE))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        self._engine.dispose()

    # Where things are

    def model_folder(self, cycle: int) -> Path:
        """Where the model of a cycle is kept."""
        return self.folder / "models" / f"cycle-{cycle:02d}"

    def scores_file(self, cycle: int) -> Path:
        """Where the scores are kept that a cycle's query was selected by."""
        return self.folder / "scores" / f"cycle-{cycle:02d}.npz"

    def proposals_file(self, cycle: int) -> Path:
        """Where the model's proposals for a cycle's query are kept."""
        return self.folder / "proposals" / f"cycle-{cycle:02d}.npz"

    def mask_file(self, sha256: str) -> Path:
        """Where a mask is kept, by its name in an answer."""
        return self._masks.file(sha256)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The database as it is at one moment."""
        with self._engine.connect() as connection:
            yield connection

    # What there is

    def last_cycle(self) -> int | None:
        """The cycle whose query was asked last; None before the first."""
        with self._engine.connect() as connection:
            last: int | None = connection.execute(select(func.max(cycles.c.cycle))).scalar_one()
        return last

    def is_recorded(self, cycle: int) -> bool:
        """Whether the cycle has ended: its model is trained and its metrics are kept."""
        return bool(self._cycle_value(cycle, "recorded"))

    def weights_of(self, cycle: int) -> str | None:
        """SHA-256 of the weights of the cycle's model; None until it is trained."""
        value = self._cycle_value(cycle, "weights_sha256")
        return None if value is None else str(value)

    def newest_trained(self) -> int | None:
        """The last cycle whose model is trained; None where none is."""
        trained = select(func.max(cycles.c.cycle)).where(cycles.c.weights_sha256.is_not(None))
        with self._engine.connect() as connection:
            cycle: int | None = connection.execute(trained).scalar_one()
        return cycle

    def training_began(self, cycle: int) -> bool:
        """Whether it is settled on which answers the cycle's model is trained."""
        return self._cycle_value(cycle, "trained_through") is not None

    def query(self, cycle: int) -> Query:
        """The query of a cycle.

        Raises:
            ProjectError: Nothing was asked in that cycle.
        """
        with self._engine.connect() as connection:
            facts = connection.execute(select(cycles).where(cycles.c.cycle == cycle)).first()
            rows = connection.execute(
                select(queries.c.row, queries.c.score, slices.c.case, slices.c.slice)
                .join(slices, slices.c.row == queries.c.row)
                .where(queries.c.cycle == cycle)
                .order_by(queries.c.rank)
            ).all()
        if facts is None:
            raise ProjectError(f"Expected a query of cycle {cycle}; none was asked yet.")
        asked = tuple(QueriedSlice(r.row, SliceId(r.case, r.slice), r.score) for r in rows)
        return Query(cycle, asked, facts.batch_score, facts.strength)

    def rows_in(self, *states: SliceState) -> Rows:
        """Positions in the pool of the slices in any of these states, in the pool's order."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(slices.c.row).where(slices.c.state.in_(states)).order_by(slices.c.row)
            ).scalars()
            return np.fromiter(found, dtype=np.intp)

    def states(self) -> dict[SliceId, SliceState]:
        """The state of every slice, in the pool's order."""
        with self._engine.connect() as connection:
            found = connection.execute(select(slices).order_by(slices.c.row)).all()
        return {SliceId(r.case, r.slice): SliceState(r.state) for r in found}

    def n_labelled(self) -> int:
        """How many slices are labelled."""
        return len(self.rows_in(SliceState.LABELLED))

    def asked_in(self, row: int) -> int | None:
        """The newest cycle whose query has this slice; None if it was never asked for."""
        with self._engine.connect() as connection:
            return asked_in(connection, row)

    def answers_since(self, cycle: int) -> int:
        """How many answers that count came in after the training of a cycle began.

        All of them for a cycle that was never trained, such as -1.
        """
        until = self._cycle_value(cycle, "trained_through")
        counting = select(func.count()).select_from(answers).where(~answers.c.conflicting)
        if isinstance(until, int):
            counting = counting.where(answers.c.id > until)
        with self._engine.connect() as connection:
            count: int = connection.execute(counting).scalar_one()
        return count

    def newest_answers(self, rows: Iterable[int] | None = None) -> dict[int, Answer]:
        """Row -> its newest answer that counts; slices never answered are left out.

        Args:
            rows: Only of these slices; None for all.
        """
        with self._engine.connect() as connection:
            return newest_answers(connection, rows)

    def versions(self, row: int) -> tuple[Answer, ...]:
        """Every answer to a slice, those that conflict included, in order."""
        with self._engine.connect() as connection:
            return versions_of(connection, row)

    def mask(
        self, sha256: str, *, shape: tuple[int, int] | None = None, classes: int | None = None
    ) -> SliceMask:
        """A mask by its name in an answer: see :meth:`~nextslice.project.MaskStore.get`.

        Raises:
            ProjectError: It is missing or damaged.
        """
        return self._masks.get(sha256, shape=shape, classes=classes)

    def mask_content(self, sha256: str) -> bytes:
        """The bytes of a mask's file: see :meth:`~nextslice.project.MaskStore.content`.

        Raises:
            ProjectError: It is missing or damaged.
        """
        return self._masks.content(sha256)

    def labelled(
        self,
        *,
        through: int | None = None,
        shape: tuple[int, int] | None = None,
        classes: int | None = None,
    ) -> tuple[Rows, list[np.ndarray]]:
        """Rows and newest masks of the labelled slices, on the pool's grid.

        Labels that came with the data first, in the pool's order; then the others in the
        order in which they were asked.

        Args:
            through: As they were when the training of this cycle's model began, if it did;
                None as they are.
            shape: (height, width) that the masks must have; None where nobody knows.
            classes: How many there are besides the background; the same.

        Raises:
            ProjectError: A mask is missing or damaged.
        """
        until = None if through is None else self._cycle_value(through, "trained_through")
        counting = statement_of_newest(None, until if isinstance(until, int) else None)
        newest = counting.subquery()
        with self._engine.connect() as connection:
            found = connection.execute(
                select(newest.c.row, newest.c.mask_sha256)
                .join(
                    queries,
                    (queries.c.row == newest.c.row) & (queries.c.cycle == newest.c.cycle),
                    isouter=True,
                )
                .where(newest.c.kind.in_(_TRAINED_ON))
                .order_by(newest.c.cycle.nulls_first(), queries.c.rank, newest.c.row)
            ).all()
        rows = np.array([entry.row for entry in found], dtype=np.intp)
        return rows, [
            self._masks.get(entry.mask_sha256, shape=shape, classes=classes) for entry in found
        ]

    def history(self) -> tuple[CycleView, ...]:
        """What became of each query, in order."""
        with self._engine.connect() as connection:
            return cycle_views(connection)

    def proposals(
        self, cycle: int, *, shape: tuple[int, int] | None = None, classes: int | None = None
    ) -> Proposals | None:
        """What the model proposed for a cycle's query; None if nothing is kept, or damaged.

        Args:
            cycle: The query's.
            shape: (height, width) of the pool's slices, where the pool is at hand.
            classes: How many there are besides the background, the same.
        """
        asked = select(queries.c.row).where(queries.c.cycle == cycle).order_by(queries.c.rank)
        with self._engine.connect() as connection:
            rows = connection.execute(asked).scalars().all()
            trained = connection.execute(select(cycles.c.cycle, cycles.c.weights_sha256))
            weights = {entry.cycle: entry.weights_sha256 for entry in trained}
        return read_proposals(
            self.proposals_file(cycle),
            rows=rows,
            shape=shape,
            classes=classes,
            weights_sha256=model_that_proposes(weights, cycle),
        )

    def scores(self, cycle: int) -> KeptScores | None:
        """The scores of all slices that a query was selected by; None as for proposals."""
        with self._engine.connect() as connection:
            everything = select(func.count()).select_from(slices)
            count: int = connection.execute(everything).scalar_one()
        return read_scores(self.scores_file(cycle), count)

    def _cycle_value(self, cycle: int, column: str) -> object:
        with self._engine.connect() as connection:
            return connection.execute(
                select(cycles.c[column]).where(cycles.c.cycle == cycle)
            ).scalar_one_or_none()
