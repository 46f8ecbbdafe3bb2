"""The tables of ``project.db``. Rows of the table ``answers`` are only ever added."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.pool import NullPool

from nextslice.errors import ProjectError

__all__ = [
    "answers",
    "connect",
    "connect_to_look",
    "cycles",
    "metadata",
    "metrics",
    "queries",
    "slices",
]

VERSION = 2
"""Raised with each change of the tables that an older program could not read."""

_PATIENCE: Final = 30.0  # seconds to wait for another connection's transaction

metadata = MetaData()

slices = Table(
    "slices",
    metadata,
    Column("row", Integer, primary_key=True, doc="position in the pool"),
    Column("case", String, nullable=False),
    Column("slice", Integer, nullable=False, doc="index in the volume, along the sliced axis"),
    Column("state", String, nullable=False, doc="unlabelled, queried, labelled or skipped"),
    UniqueConstraint("case", "slice"),
)

queries = Table(
    "queries",
    metadata,
    Column("cycle", Integer, ForeignKey("cycles.cycle"), primary_key=True),
    Column("rank", Integer, primary_key=True, doc="order of annotation, from 0"),
    Column("row", Integer, ForeignKey("slices.row"), nullable=False),
    Column("score", Float, doc="empty where nothing was scored"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("row", Integer, ForeignKey("slices.row"), nullable=False),
    Column("version", Integer, nullable=False, doc="from 1 for each slice"),
    Column("kind", String, nullable=False, doc="mask, skip, withdrawn or given"),
    Column(
        "cycle",
        Integer,
        ForeignKey("cycles.cycle"),
        doc="whose query asked for the slice; empty for labels that came with the data",
    ),
    Column("mask_sha256", String, doc="the mask on the pool's grid, which training uses"),
    Column("native_sha256", String, doc="the mask as it was drawn, on the native slice"),
    Column("annotator", String, nullable=False),
    Column("seconds", Float, doc="spent by the annotator"),
    Column("reason", String, doc="why the slice was skipped"),
    Column("key", String, unique=True, doc="the sender's; sent again it is the same answer"),
    Column(
        "conflicting",
        Boolean,
        nullable=False,
        default=False,
        doc="given on an old version of the slice: kept, but does not count",
    ),
    Column("agreement", Float, doc="Dice of the model's proposal with this mask"),
    Column("created", String, nullable=False, doc="UTC, ISO 8601"),
    UniqueConstraint("row", "version"),
)

cycles = Table(
    "cycles",
    metadata,
    Column("cycle", Integer, primary_key=True),
    Column("batch_score", Float),
    Column("strength", Float),
    Column(
        "trained_through",
        Integer,
        doc="id of the newest answer that the cycle's model is trained on; empty until then",
    ),
    Column("n_labelled", Integer, doc="slices the cycle's model was trained on"),
    Column("weights_sha256", String, doc="empty until the cycle's model is trained"),
    Column("recorded", Boolean, nullable=False, default=False),
    Column("score_seconds", Float),
    Column("select_seconds", Float),
    Column("train_seconds", Float),
    Column("eval_seconds", Float),
)

metrics = Table(
    "metrics",
    metadata,
    Column("cycle", Integer, ForeignKey("cycles.cycle"), primary_key=True),
    Column("position", Integer, primary_key=True, doc="order of the classes, the mean last"),
    Column("class", String, nullable=False),
    Column("dice_3d", Float),
    Column("dice_2d", Float),
    Column("hd95_3d_mm", Float),
)


def connect(path: Path) -> Engine:
    """Open the database, making its tables if it is new.

    Raises:
        ProjectError: Another version of nextslice made it, with other tables.
    """
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        # A commit is on the disk when it returns: with FULL the end of its journal is not.
        cursor.execute("PRAGMA synchronous = EXTRA")
        cursor.close()

    _begin_at_once(engine)
    with engine.begin() as connection:
        if _version_of(connection, path) == 0:
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    return engine


def connect_to_look(path: Path) -> Engine:
    """Open the database for reading alone, also while another process writes.

    Raises:
        ProjectError: There is none, or another version of nextslice made it.
    """
    if not path.is_file():
        raise ProjectError(
            f"Expected a project's database at {path}; there is none.",
            cause="the folder is another one, or was copied without it.",
        )
    # Not mode=ro, which cannot read what a process left that was killed while it committed:
    # opened so, SQLite first puts the database back, and refuses to write all else.
    uri = path.absolute().as_uri() + "?mode=rw"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=_PATIENCE),
        poolclass=NullPool,
    )

    @event.listens_for(engine, "connect")
    def _only_look(connection: Any, _: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    _begin_at_once(engine)
    with engine.connect() as connection:
        _version_of(connection, path)
    return engine


def _begin_at_once(engine: Engine) -> None:
    """Let a transaction begin where it is opened: by itself sqlite3 begins at the first write.

    What is read and then written would else not be one transaction.
    """

    @event.listens_for(engine, "connect")
    def _leave_it_to_us(connection: Any, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def _version_of(connection: Connection, path: Path) -> int:
    version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version not in (0, VERSION):
        raise ProjectError(
            f"Expected the database {path} in version {VERSION}, got version {version}.",
            cause="another version of nextslice made it.",
            remedy="Go on with the version of nextslice named in environment.json.",
        )
    return version
