"""The tables of ``project.db``, word for word as SQLite keeps them.

A project that was not made with these words is refused: a view, a trigger or a generated column
could do more than keep rows. So they may depend on no other package: one that writes the same
tables in other words would make every older project look like a damaged one. They are the
tables of :mod:`nextslice.project.schema`, to which a test holds them; with a new version there
they get a new text here, and with none they stay as they are to the letter.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLES"]

TABLES: Final = (
    """
    CREATE TABLE slices (
        "row" INTEGER NOT NULL,
        "case" VARCHAR NOT NULL,
        slice INTEGER NOT NULL,
        state VARCHAR NOT NULL,
        PRIMARY KEY ("row"),
        UNIQUE ("case", slice)
    )
    """,
    """
    CREATE TABLE cycles (
        cycle INTEGER NOT NULL,
        batch_score FLOAT,
        strength FLOAT,
        trained_through INTEGER,
        n_labelled INTEGER,
        weights_sha256 VARCHAR,
        recorded BOOLEAN NOT NULL,
        score_seconds FLOAT,
        select_seconds FLOAT,
        train_seconds FLOAT,
        eval_seconds FLOAT,
        PRIMARY KEY (cycle)
    )
    """,
    """
    CREATE TABLE queries (
        cycle INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        "row" INTEGER NOT NULL,
        score FLOAT,
        PRIMARY KEY (cycle, rank),
        FOREIGN KEY(cycle) REFERENCES cycles (cycle),
        FOREIGN KEY("row") REFERENCES slices ("row")
    )
    """,
    """
    CREATE TABLE answers (
        id INTEGER NOT NULL,
        "row" INTEGER NOT NULL,
        version INTEGER NOT NULL,
        kind VARCHAR NOT NULL,
        cycle INTEGER,
        mask_sha256 VARCHAR,
        native_sha256 VARCHAR,
        annotator VARCHAR NOT NULL,
        seconds FLOAT,
        reason VARCHAR,
        "key" VARCHAR,
        conflicting BOOLEAN NOT NULL,
        agreement FLOAT,
        created VARCHAR NOT NULL,
        PRIMARY KEY (id),
        UNIQUE ("row", version),
        FOREIGN KEY("row") REFERENCES slices ("row"),
        FOREIGN KEY(cycle) REFERENCES cycles (cycle),
        UNIQUE ("key")
    )
    """,
    """
    CREATE TABLE metrics (
        cycle INTEGER NOT NULL,
        position INTEGER NOT NULL,
        class VARCHAR NOT NULL,
        dice_3d FLOAT,
        dice_2d FLOAT,
        hd95_3d_mm FLOAT,
        PRIMARY KEY (cycle, position),
        FOREIGN KEY(cycle) REFERENCES cycles (cycle)
    )
    """,
)
"""A statement for each table, in an order in which they can be made."""
