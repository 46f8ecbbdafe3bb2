"""The words in which a project's tables are kept: they change with the version alone."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from nextslice.errors import ProjectError
from nextslice.project.connections import connect
from nextslice.project.schema import VERSION, metadata
from nextslice.project.statements import TABLES

_DIGEST_OF_VERSION = {2: "a34d09a8db6ddbb74fb9e83681760302cbd162017a290ead892809991b7c783a"}


def _shape(connection: Connection) -> dict[str, object]:
    """Columns, types, keys and references of each table, as SQLite tells of them."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    shape: dict[str, object] = {}
    for name in names.scalars().all():
        asked = {
            about: connection.exec_driver_sql(f"PRAGMA {about}('{name}')").all()
            for about in ("table_xinfo", "foreign_key_list", "index_list")
        }
        keys = [
            (unique, origin, connection.exec_driver_sql(f"PRAGMA index_info('{index}')").all())
            for _, index, unique, origin, _ in asked.pop("index_list")
        ]
        shape[name] = ({k: sorted(map(repr, v)) for k, v in asked.items()}, sorted(keys))
    return shape


def test_the_words_make_the_tables_that_the_program_works_with() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        expected = _shape(connection)
    engine.dispose()
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for statement in TABLES:
            connection.exec_driver_sql(statement)
        assert _shape(connection) == expected
    engine.dispose()
    assert len(expected) == len(metadata.tables) == 5


def test_the_words_of_a_version_never_change() -> None:
    """Whoever changes them raises the version, and adds its digest here."""
    words = "".join("".join(TABLES).replace('"', "").split())
    assert hashlib.sha256(words.encode()).hexdigest() == _DIGEST_OF_VERSION[VERSION]


def test_a_project_made_by_hand_in_these_words_opens_and_with_others_does_not(
    tmp_path: Path,
) -> None:
    for name, more in (("sound", ""), ("other", "CREATE TABLE more (a INTEGER)")):
        database = sqlite3.connect(tmp_path / name)
        database.executescript(";".join([*TABLES, more, f"PRAGMA user_version = {VERSION}"]))
        database.close()
    connect(tmp_path / "sound").dispose()
    with pytest.raises(ProjectError, match="not those of a project"):
        connect(tmp_path / "other")


def test_a_table_in_other_words_of_sqlalchemy_is_none_of_our_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(tmp_path / "project.db").dispose()

    def none(*_: object, **__: object) -> None:
        raise AssertionError("the words are SQLAlchemy's")

    monkeypatch.setattr(metadata, "create_all", none)
    connect(tmp_path / "project.db").dispose()
    connect(tmp_path / "new.db").dispose()
