"""The tables of ``project.db``. Rows of the table ``answers`` are only ever added."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, MetaData, Table, UniqueConstraint

from nextslice.project.columns import Count, Flag, Moment, Real, Text, Word
from nextslice.project.query import AnswerKind, SliceState

__all__ = [
    "LONGEST",
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

LONGEST: Final = {"annotator": 100, "reason": 500, "key": 200}
"""How many characters a text that people or programs give may have."""

_NAME: Final = Text(1000, empty=False)  # of a case or a class: as long as those of files get
_SHA256: Final = Text(200)  # what is one is decided where it is used
_CYCLE: Final = Count(most=999_999)
_A_CYCLE: Final = Count(most=999_999, empty=False)
_A_COUNT: Final = Count(empty=False)

metadata = MetaData()

slices = Table(
    "slices",
    metadata,
    Column("row", Count(), primary_key=True, doc="position in the pool"),
    Column("case", _NAME, nullable=False),
    Column("slice", _A_COUNT, nullable=False, doc="index in the volume, along the sliced axis"),
    Column(
        "state",
        Word(SliceState),
        nullable=False,
        doc="unlabelled, queried, labelled or skipped",
    ),
    UniqueConstraint("case", "slice"),
)

queries = Table(
    "queries",
    metadata,
    Column("cycle", _A_CYCLE, ForeignKey("cycles.cycle"), primary_key=True),
    Column("rank", _A_COUNT, primary_key=True, doc="order of annotation, from 0"),
    Column("row", _A_COUNT, ForeignKey("slices.row"), nullable=False),
    Column("score", Real, doc="empty where nothing was scored"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", Count(1), primary_key=True, autoincrement=True),
    Column("row", _A_COUNT, ForeignKey("slices.row"), nullable=False),
    Column("version", Count(1, empty=False), nullable=False, doc="from 1 for each slice"),
    Column("kind", Word(AnswerKind), nullable=False, doc="mask, skip, withdrawn or given"),
    Column(
        "cycle",
        _CYCLE,
        ForeignKey("cycles.cycle"),
        doc="whose query asked for the slice; empty for labels that came with the data",
    ),
    Column("mask_sha256", _SHA256, doc="the mask on the pool's grid, which training uses"),
    Column("native_sha256", _SHA256, doc="the mask as it was drawn, on the native slice"),
    Column("annotator", Text(LONGEST["annotator"], empty=False), nullable=False),
    Column("seconds", Real, doc="spent by the annotator"),
    Column("reason", Text(LONGEST["reason"]), doc="why the slice was skipped"),
    Column(
        "key",
        Text(LONGEST["key"]),
        unique=True,
        doc="the sender's; sent again it is the same answer",
    ),
    Column(
        "conflicting",
        Flag(empty=False),
        nullable=False,
        default=False,
        doc="given on an old version of the slice: kept, but does not count",
    ),
    Column("agreement", Real, doc="Dice of the model's proposal with this mask"),
    Column("created", Moment, nullable=False, doc="UTC, ISO 8601"),
    UniqueConstraint("row", "version"),
)

cycles = Table(
    "cycles",
    metadata,
    Column("cycle", _CYCLE, primary_key=True),
    Column("batch_score", Real),
    Column("strength", Real),
    Column(
        "trained_through",
        Count(),
        doc="id of the newest answer that the cycle's model is trained on; empty until then",
    ),
    Column("n_labelled", Count(), doc="slices the cycle's model was trained on"),
    Column("weights_sha256", _SHA256, doc="empty until the cycle's model is trained"),
    Column("recorded", Flag(empty=False), nullable=False, default=False),
    Column("score_seconds", Real),
    Column("select_seconds", Real),
    Column("train_seconds", Real),
    Column("eval_seconds", Real),
)

metrics = Table(
    "metrics",
    metadata,
    Column("cycle", _A_CYCLE, ForeignKey("cycles.cycle"), primary_key=True),
    Column("position", _A_COUNT, primary_key=True, doc="order of the classes, the mean last"),
    Column("class", _NAME, nullable=False),
    Column("dice_3d", Real),
    Column("dice_2d", Real),
    Column("hd95_3d_mm", Real),
)
