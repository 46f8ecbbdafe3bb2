"""A run's folder: what was asked, what was answered, what was trained and how good it was.

Each method is one transaction: it happened whole, or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, func, insert, select, update

from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError, ProjectError
from nextslice.evaluation.metrics import ClassMetrics
from nextslice.failpoints import reach
from nextslice.files import remove_unfinished
from nextslice.project.answers import (
    Answer,
    AnswerKind,
    NewAnswer,
    add_answer,
    add_changed,
)
from nextslice.project.connections import connect
from nextslice.project.events import write_events
from nextslice.project.folders import FOLDERS, demand_own_folders
from nextslice.project.lock import ProjectLock
from nextslice.project.metric_rows import metric_rows
from nextslice.project.opening import begin_or_compare, insert_pool, usable_folder
from nextslice.project.proposals import Proposals, write_proposals
from nextslice.project.query import Query, SliceState
from nextslice.project.records import DATABASE, Records
from nextslice.project.schema import answers, cycles, metrics, queries, slices
from nextslice.project.scores import write_scores
from nextslice.project.tables import write_tables
from nextslice.types import Scores, SliceMask

__all__ = ["Project"]

DATA_SET = "data set"
"""The annotator of labels that came with the data."""


class Project(Records):
    """One run on disk, to be closed. Threads may share it: one writes at a time.

    Args:
        folder: Made if it is not there; gone on with if it is.
        config: The resolved settings, kept as ``config.yaml``. A project that began with
            others is refused.
        environment: Data, code, versions and hardware, kept as ``environment.json``. A
            project that began with others is refused.
        pool: The ids of all slices, in the pool's order.
        may_change: Dotted names of settings that may differ from those it began with.
        accept_changes: Go on with other settings or another environment all the same; what
            changed is added to ``environment.json``.

    Raises:
        ProjectLockedError: Another process works on it.
        ProjectChangedError: It began with other settings, data, code, versions or hardware,
            or with another pool; names what differs.
        ProjectError: The folder holds something else.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        config: Mapping[str, object],
        environment: Mapping[str, object],
        pool: Sequence[SliceId],
        may_change: frozenset[str] = frozenset(),
        accept_changes: bool = False,
    ) -> None:
        folder = Path(folder)
        usable_folder(folder)
        demand_own_folders(folder)
        self._lock = ProjectLock(folder)
        self._writing_lock = threading.RLock()
        try:
            begin_or_compare(folder, config, environment, may_change, accept_changes, pool)
            super().__init__(folder, connect(folder / DATABASE, self.demand_place))
            with self._writing() as connection:
                insert_pool(connection, pool)
            self.write_tables()  # a crash may have come between a commit and its tables
            remove_unfinished(folder, below=FOLDERS)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Let other processes work on the project."""
        super().close()
        self._lock.release()

    def demand_place(self) -> None:
        """See :meth:`~nextslice.project.lock.ProjectLock.demand_place`.

        It is demanded whenever the database is opened, to write or to read.
        """
        self._lock.demand_place()

    # What annotators answer

    def put_mask(self, mask: SliceMask) -> str:
        """Bring a mask to the disk; returns the name that an answer may give it."""
        self.demand_place()
        return self._masks.put(mask)

    def add_answers(self, new: Sequence[NewAnswer]) -> list[Answer]:
        """Keep answers, all or none; they are on the disk when this returns.

        Args:
            new: Their masks were given to :meth:`put_mask` before: a row of the database
                never names a mask that is not on the disk.

        Returns:
            Each as it is kept. One that is based on an old version is kept, too, marked as
            conflicting.

        Raises:
            AnnotationError: See :func:`~nextslice.project.answers.add_answer`; nothing is
                kept then.
        """
        with self._writing() as connection:
            return [add_answer(connection, answer) for answer in new]

    def add_annotations(
        self, cycle: int, masks: Mapping[int, np.ndarray], *, annotator: str
    ) -> None:
        """Keep the masks of queried slices, each as a new version.

        A mask equal to the newest version of its slice changes nothing.

        Args:
            cycle: The cycle whose query is answered.
            masks: Row in the pool -> class numbers, shape (height, width).
            annotator: Who or what drew them.

        Raises:
            AnnotationError: A slice was not asked for in that cycle; nothing is kept then.
        """
        asked = {queried.row for queried in self.query(cycle).slices}
        if foreign := sorted(set(masks) - asked):
            raise AnnotationError(
                f"Expected masks of slices asked for in cycle {cycle}, got row {foreign[0]}.",
                cause="the annotation belongs to another query.",
            )
        self._add_masks(masks, AnswerKind.MASK, annotator, cycle)

    def add_given(self, masks: Mapping[int, np.ndarray]) -> None:
        """Keep labels that came with the data: slices that are labelled without a query.

        Args:
            masks: Row in the pool -> class numbers, shape (height, width); as in
                :meth:`add_annotations`, one that is known already changes nothing.
        """
        self._add_masks(masks, AnswerKind.GIVEN, DATA_SET, None)

    def _add_masks(
        self,
        masks: Mapping[int, np.ndarray],
        kind: AnswerKind,
        annotator: str,
        cycle: int | None,
    ) -> None:
        names = {row: self.put_mask(mask) for row, mask in masks.items()}
        with self._writing() as connection:
            add_changed(connection, names, kind=kind, annotator=annotator, cycle=cycle)

    # What happens, in the order in which it happens in a cycle

    def add_query(self, query: Query, *, score_seconds: float, select_seconds: float) -> None:
        """Begin a cycle with its query.

        A slice that was answered while the query was selected stays answered.
        """
        with self._writing() as connection:
            connection.execute(
                insert(cycles).values(
                    cycle=query.cycle,
                    batch_score=query.batch_score,
                    strength=query.strength,
                    recorded=False,
                    score_seconds=score_seconds,
                    select_seconds=select_seconds,
                )
            )
            if query.slices:
                connection.execute(
                    insert(queries),
                    [
                        {"cycle": query.cycle, "rank": rank, "row": s.row, "score": s.score}
                        for rank, s in enumerate(query.slices)
                    ],
                )
                asked = select(queries.c.row).where(queries.c.cycle == query.cycle)
                connection.execute(
                    update(slices)
                    .where(slices.c.row.in_(asked))
                    .where(slices.c.state == SliceState.UNLABELLED)
                    .values(state=SliceState.QUERIED)
                )
        self.write_tables()

    def save_proposals(self, cycle: int, proposals: Proposals) -> None:
        """Keep what the model proposes for a cycle's query."""
        self.demand_place()
        write_proposals(self.proposals_file(cycle), proposals)

    def begin_training(self, cycle: int) -> None:
        """Settle that the cycle's model is trained on all answers that there are now.

        What comes in while it is trained counts for the next one.

        Raises:
            ProjectError: Nothing was asked in that cycle.
        """
        newest = select(func.coalesce(func.max(answers.c.id), 0)).scalar_subquery()
        self._set_of_cycle(cycle, trained_through=newest)

    def set_trained(
        self, cycle: int, *, n_labelled: int, weights_sha256: str, train_seconds: float
    ) -> None:
        """The cycle's model is trained and lies in :meth:`model_folder`.

        Raises:
            ProjectError: Nothing was asked in that cycle.
        """
        self._set_of_cycle(
            cycle,
            n_labelled=n_labelled,
            weights_sha256=weights_sha256,
            train_seconds=train_seconds,
        )

    def save_scores(
        self, cycle: int, *, case: np.ndarray, index: np.ndarray, score: Scores
    ) -> None:
        """Keep the scores of every slice that a cycle's query is selected by."""
        self.demand_place()
        write_scores(self.scores_file(cycle), case=case, index=index, score=score)

    def record(
        self,
        cycle: int,
        classes: Mapping[str, ClassMetrics],
        *,
        eval_seconds: float,
        losses: Sequence[float] = (),
    ) -> None:
        """End a cycle with the metrics of its model; recording again changes nothing.

        Args:
            cycle: The cycle whose model is trained.
            classes: Metrics by class name; none where there is nothing to measure against.
            eval_seconds: How long they took.
            losses: The model's mean training loss per epoch, for TensorBoard.
        """
        if self.is_recorded(cycle):
            return
        write_events(self.folder, cycle, losses, classes)
        with self._writing() as connection:
            connection.execute(
                update(cycles)
                .where(cycles.c.cycle == cycle)
                .values(recorded=True, eval_seconds=eval_seconds)
            )
            if classes:
                connection.execute(insert(metrics), metric_rows(cycle, classes))
        self.write_tables()

    def write_tables(self) -> None:
        """Write the CSV files anew from the database."""
        with self._writing_lock, self._engine.connect() as connection:
            write_tables(self.folder, connection)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction, while no other thread writes."""
        with self._writing_lock, self._engine.begin() as connection:
            yield connection
            reach("commit.before")
        reach("commit.after")

    def _set_of_cycle(self, cycle: int, **values: object) -> None:
        with self._writing() as connection:
            done = connection.execute(
                update(cycles).where(cycles.c.cycle == cycle).values(**values)
            )
        if done.rowcount == 0:
            raise ProjectError(f"Expected a query of cycle {cycle} before its model.")
