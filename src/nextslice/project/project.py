"""A run's folder: what was asked, what was answered, what was trained and how good it was.

Each method is one transaction: it happened whole, or not at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
import yaml
from sqlalchemy import Connection, func, insert, select, true, update
from sqlalchemy.exc import DatabaseError

from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError, ProjectChangedError, ProjectError
from nextslice.evaluation.metrics import ClassMetrics
from nextslice.files import write_atomically, writing_atomically
from nextslice.project.changes import differences
from nextslice.project.events import write_events
from nextslice.project.lock import ProjectLock
from nextslice.project.masks import MaskStore
from nextslice.project.query import QueriedSlice, Query
from nextslice.project.schema import connect, cycles, metrics, queries, slices, versions
from nextslice.project.tables import write_tables
from nextslice.types import Rows, Scores

__all__ = ["Project", "SliceState"]


class SliceState(StrEnum):
    """What has become of a slice of the pool."""

    UNLABELLED = "unlabelled"
    QUERIED = "queried"
    LABELLED = "labelled"
    SKIPPED = "skipped"


class Project:
    """One run on disk. Open it as a context manager, or :meth:`close` it.

    Args:
        folder: Made if it is not there; gone on with if it is.
        config: The resolved settings, kept as ``config.yaml``. A project that began with
            others is refused.
        environment: Data, versions and hardware, kept as ``environment.json``. A project
            that began with others is refused.
        pool: The ids of all slices, in the pool's order.
        may_change: Dotted names of settings that may differ from those it began with.
        accept_changes: Go on with other settings or another environment all the same; what
            changed is added to ``environment.json``.

    Raises:
        ProjectLockedError: Another process works on it.
        ProjectChangedError: It began with other settings, data, versions or hardware, or
            with another pool; names what differs.
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
        self.folder = Path(folder)
        database = self.folder / "project.db"
        if self.folder.exists() and not self.folder.is_dir():
            raise ProjectError(f"Expected a folder for the run, got the file {self.folder}.")
        if not (self.folder / "config.yaml").exists() and _holds_files(self.folder):
            raise ProjectError(
                f"Expected an empty folder or an earlier run at {self.folder}; it holds other "
                "files.",
                remedy="Choose another folder for the run.",
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectError(
                f"Expected to make the run's folder {self.folder}, which failed: "
                f"{error.strerror}.",
                remedy="Choose a folder where you may write.",
            ) from error
        self._lock = ProjectLock(self.folder)
        try:
            self._begin_or_compare(config, environment, may_change, accept_changes)
            self._engine = connect(database)
            self._masks = MaskStore(self.folder / "annotations")
            with self._engine.begin() as connection:
                _insert_or_compare_pool(connection, pool)
            self.write_tables()  # a crash may have come between a commit and its tables
        except DatabaseError as error:
            self._lock.release()
            raise ProjectError(
                f"The database {database} cannot be read ({error.orig}).",
                cause="the file is damaged.",
                remedy="Restore it from a backup, or start the run anew in another folder.",
            ) from error
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes work on the project."""
        self._engine.dispose()
        self._lock.release()

    # Where things are

    def model_folder(self, cycle: int) -> Path:
        """Where the model of a cycle is kept."""
        return self.folder / "models" / f"cycle-{cycle:02d}"

    def scores_file(self, cycle: int) -> Path:
        """Where the scores are kept that a cycle's query was selected by."""
        return self.folder / "scores" / f"cycle-{cycle:02d}.npz"

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

    def labelled(self, *, through: int | None = None) -> tuple[Rows, list[np.ndarray]]:
        """Rows and newest masks of the labelled slices, in the order in which they were asked.

        Args:
            through: Only those that were first answered in this cycle or before; None for all.

        Raises:
            ProjectError: A mask is missing or damaged.
        """
        newest = (
            select(
                versions.c.row,
                func.max(versions.c.version).label("version"),
                # A slice may have been asked for before, in vain; its place is where it was
                # answered.
                func.min(versions.c.cycle).label("answered"),
            )
            .group_by(versions.c.row)
            .subquery()
        )
        with self._engine.connect() as connection:
            found = connection.execute(
                select(versions.c.row, versions.c.mask_sha256)
                .join(
                    newest,
                    (newest.c.row == versions.c.row) & (newest.c.version == versions.c.version),
                )
                .join(
                    queries,
                    (queries.c.row == newest.c.row) & (queries.c.cycle == newest.c.answered),
                )
                .where(true() if through is None else newest.c.answered <= through)
                .order_by(queries.c.cycle, queries.c.rank)
            ).all()
        rows = np.array([entry.row for entry in found], dtype=np.intp)
        return rows, [self._masks.get(entry.mask_sha256) for entry in found]

    # What happens, in the order in which it happens in a cycle

    def add_query(self, query: Query, *, score_seconds: float, select_seconds: float) -> None:
        """Begin a cycle with its query."""
        with self._engine.begin() as connection:
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
            _set_state(connection, [s.row for s in query.slices], SliceState.QUERIED)
        self.write_tables()

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
        # Files first: a row of the database never names a mask that is not on the disk.
        names = {row: self._masks.put(mask) for row, mask in masks.items()}
        created = datetime.now(UTC).isoformat(timespec="seconds")
        with self._engine.begin() as connection:
            for row, name in names.items():
                newest = connection.execute(
                    select(versions.c.version, versions.c.mask_sha256)
                    .where(versions.c.row == row)
                    .order_by(versions.c.version.desc())
                ).first()
                if newest is not None and newest.mask_sha256 == name:
                    continue
                connection.execute(
                    insert(versions).values(
                        row=row,
                        version=1 if newest is None else newest.version + 1,
                        cycle=cycle,
                        mask_sha256=name,
                        annotator=annotator,
                        created=created,
                    )
                )
            _set_state(connection, list(names), SliceState.LABELLED)

    def set_trained(
        self, cycle: int, *, n_labelled: int, weights_sha256: str, train_seconds: float
    ) -> None:
        """The cycle's model is trained and lies in :meth:`model_folder`.

        Raises:
            ProjectError: Nothing was asked in that cycle.
        """
        with self._engine.begin() as connection:
            done = connection.execute(
                update(cycles)
                .where(cycles.c.cycle == cycle)
                .values(
                    n_labelled=n_labelled,
                    weights_sha256=weights_sha256,
                    train_seconds=train_seconds,
                )
            )
        if done.rowcount == 0:
            raise ProjectError(f"Expected a query of cycle {cycle} before its model.")

    def save_scores(
        self, cycle: int, *, case: np.ndarray, index: np.ndarray, score: Scores
    ) -> None:
        """Keep the scores of every slice that a cycle's query is selected by."""
        with writing_atomically(self.scores_file(cycle)) as stream:
            np.savez(stream, case=case, slice=index, score=score)

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
            classes: Metrics by class name.
            eval_seconds: How long they took.
            losses: The model's mean training loss per epoch, for TensorBoard.
        """
        if self.is_recorded(cycle):
            return
        write_events(self.folder, cycle, losses, classes)
        with self._engine.begin() as connection:
            connection.execute(
                update(cycles)
                .where(cycles.c.cycle == cycle)
                .values(recorded=True, eval_seconds=eval_seconds)
            )
            if classes:
                connection.execute(
                    insert(metrics),
                    [
                        {
                            "cycle": cycle,
                            "position": position,
                            "class": name,
                            "dice_3d": values.dice_3d,
                            "dice_2d": None if math.isnan(values.dice_2d) else values.dice_2d,
                            "hd95_3d_mm": values.hd95_3d_mm,
                        }
                        for position, (name, values) in enumerate(classes.items())
                    ],
                )
        self.write_tables()

    def write_tables(self) -> None:
        """Write the CSV files anew from the database."""
        with self._engine.connect() as connection:
            write_tables(self.folder, connection)

    # Helpers

    def _cycle_value(self, cycle: int, column: str) -> object:
        with self._engine.connect() as connection:
            return connection.execute(
                select(cycles.c[column]).where(cycles.c.cycle == cycle)
            ).scalar_one_or_none()

    def _begin_or_compare(
        self,
        config: Mapping[str, object],
        environment: Mapping[str, object],
        may_change: frozenset[str],
        accept_changes: bool,
    ) -> None:
        """Keep what a new run begins with; hold what an earlier one began with against it."""
        path, environment_file = self.folder / "config.yaml", self.folder / "environment.json"
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        changes: list[list[str]] = []
        if path.exists():
            # Through YAML and JSON, which cannot tell tuples and lists apart.
            then, now = yaml.safe_load(path.read_text(encoding="utf-8")), yaml.safe_load(text)
            changed = differences(then or {}, now, may_change)
            if environment_file.exists():
                earlier = json.loads(environment_file.read_text(encoding="utf-8"))
                changes = earlier.pop("changes", [])
                changed += differences(earlier, json.loads(json.dumps(dict(environment))))
            if changed and not accept_changes:
                raise ProjectChangedError(
                    f"The run in {self.folder} began otherwise:\n  " + "\n  ".join(changed),
                    cause="other settings or data were given, or the software or the machine "
                    "is another than when it began.",
                    remedy="Give what it began with, or another folder for a new run. To go on "
                    "all the same, and have it recorded: --accept-changes "
                    "(accept_changes=True in Python).",
                )
            changes += [changed] if changed else []
        known = dict(environment) | ({"changes": changes} if changes else {})
        write_atomically(environment_file, json.dumps(known, indent=2) + "\n")
        write_atomically(path, text)  # the last: a folder with it holds a run


def _holds_files(folder: Path) -> bool:
    """Whether there is more than a run that was killed at its very beginning leaves."""
    ours = {"environment.json"}  # names with a dot in front are locks and unfinished files
    return folder.is_dir() and any(
        path.name not in ours and not path.name.startswith(".") for path in folder.iterdir()
    )


def _insert_or_compare_pool(connection: Connection, pool: Sequence[SliceId]) -> None:
    known = connection.execute(
        select(slices.c.case, slices.c.slice).order_by(slices.c.row)
    ).all()
    if not known:
        connection.execute(
            insert(slices),
            [
                {"row": row, "case": i.case, "slice": i.index, "state": SliceState.UNLABELLED}
                for row, i in enumerate(pool)
            ],
        )
    elif [tuple(entry) for entry in known] != [(i.case, i.index) for i in pool]:
        raise ProjectChangedError(
            f"The run began with a pool of {len(known)} slices that differs from the one of "
            f"{len(pool)} slices given now.",
            cause="cases were added to, removed from or renamed in the data set.",
            remedy="Restore the data set, or start a new run in another folder.",
        )


def _set_state(connection: Connection, rows: Sequence[int], state: SliceState) -> None:
    for row in rows:
        connection.execute(update(slices).where(slices.c.row == row).values(state=state))
