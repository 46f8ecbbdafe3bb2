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
from sqlalchemy import Connection, func, insert, select, update

from nextslice.data.pool import SliceId
from nextslice.errors import AnnotationError, ProjectChangedError, ProjectError
from nextslice.evaluation.metrics import ClassMetrics
from nextslice.files import write_atomically
from nextslice.project.lock import ProjectLock
from nextslice.project.masks import MaskStore
from nextslice.project.query import QueriedSlice, Query
from nextslice.project.schema import connect, cycles, metrics, queries, slices, versions
from nextslice.project.tables import write_tables
from nextslice.types import Rows

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
        environment: Versions and hardware, kept as ``environment.json`` from the first start.
        pool: The ids of all slices, in the pool's order.
        may_change: Dotted names of settings that may differ from those it began with.

    Raises:
        ProjectLockedError: Another process works on it.
        ProjectChangedError: It began with other settings or another pool; names them.
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
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = ProjectLock(self.folder)
        try:
            self._begin_or_compare(config, environment, may_change)
            self._engine = connect(database)
            self._masks = MaskStore(self.folder / "annotations")
            with self._engine.begin() as connection:
                _insert_or_compare_pool(connection, pool)
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

    def labelled(self) -> tuple[Rows, list[np.ndarray]]:
        """Rows and newest masks of all labelled slices, in the order in which they were asked.

        Raises:
            ProjectError: A mask is missing or damaged.
        """
        newest = (
            select(versions.c.row, func.max(versions.c.version).label("version"))
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
                .join(queries, queries.c.row == versions.c.row)
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
            write_tables(self.folder, connection)

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
        """The cycle's model is trained and lies in :meth:`model_folder`."""
        with self._engine.begin() as connection:
            connection.execute(
                update(cycles)
                .where(cycles.c.cycle == cycle)
                .values(
                    n_labelled=n_labelled,
                    weights_sha256=weights_sha256,
                    train_seconds=train_seconds,
                )
            )

    def record(
        self, cycle: int, classes: Mapping[str, ClassMetrics], *, eval_seconds: float
    ) -> None:
        """End a cycle with the metrics of its model; recording again changes nothing."""
        with self._engine.begin() as connection:
            done = connection.execute(
                update(cycles)
                .where(cycles.c.cycle == cycle, cycles.c.recorded.is_(False))
                .values(recorded=True, eval_seconds=eval_seconds)
            )
            if done.rowcount and classes:
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
    ) -> None:
        """Keep the settings of a new run; hold those of an earlier one against them."""
        # Through YAML, so that tuples and lists, which it cannot tell apart, compare equal.
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        path = self.folder / "config.yaml"
        if path.exists():
            began_with = _flattened(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
            now = _flattened(yaml.safe_load(text))
            absent = "(absent)"
            changed = [
                f"{name}: {began_with.get(name, absent)} then, {now.get(name, absent)} now"
                for name in sorted(began_with.keys() | now.keys())
                if name not in may_change and began_with.get(name) != now.get(name)
            ]
            if changed:
                raise ProjectChangedError(
                    f"The run in {self.folder} began with other settings:\n  "
                    + "\n  ".join(changed),
                    remedy="Give the settings it began with, or another folder for a new run.",
                )
        environment_file = self.folder / "environment.json"
        if not environment_file.exists():
            write_atomically(environment_file, json.dumps(dict(environment), indent=2) + "\n")
        write_atomically(path, text)


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(
        not path.name.startswith(".lock") for path in folder.iterdir()
    )


def _flattened(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


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
