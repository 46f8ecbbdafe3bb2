"""The tables of ``project.db``.

Rows of the table ``annotations`` (`versions` here: the other name is taken by the import from
``__future__``) are only ever added.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Boolean,
    Column,
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

__all__ = ["connect", "cycles", "metadata", "metrics", "queries", "slices", "versions"]

VERSION = 1
"""Raised with each change of the tables that an older program could not read."""

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

versions = Table(
    "annotations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("row", Integer, ForeignKey("slices.row"), nullable=False),
    Column("version", Integer, nullable=False, doc="from 1; the highest counts"),
    Column("cycle", Integer, ForeignKey("cycles.cycle"), nullable=False),
    Column("mask_sha256", String, nullable=False, doc="names the file in annotations/"),
    Column("annotator", String, nullable=False),
    Column("created", String, nullable=False, doc="UTC, ISO 8601"),
    UniqueConstraint("row", "version"),
)

cycles = Table(
    "cycles",
    metadata,
    Column("cycle", Integer, primary_key=True),
    Column("batch_score", Float),
    Column("strength", Float),
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
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
        cursor.close()

    with engine.begin() as connection:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version not in (0, VERSION):
            raise ProjectError(
                f"Expected the database {path} in version {VERSION}, got version {version}.",
                cause="another version of nextslice made it.",
                remedy="Go on with the version of nextslice named in environment.json.",
            )
        metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    return engine
