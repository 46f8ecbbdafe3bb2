"""The tables of ``project.db``. Rows of the table ``answers`` are only ever added."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

__all__ = [
    "VERSION",
    "answers",
    "cycles",
    "metadata",
    "metrics",
    "queries",
    "slices",
]

VERSION = 2
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
