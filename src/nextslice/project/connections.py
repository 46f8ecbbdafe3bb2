"""How ``project.db`` is opened: so that a commit is on the disk when it returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import NullPool

from nextslice.errors import ProjectError
from nextslice.project.journal import journal_mode
from nextslice.project.schema import VERSION
from nextslice.project.statements import TABLES

__all__ = ["connect", "connect_to_look", "copy_database", "told"]

_LONGEST: Final = 2**20  # bytes of a text or a row; ours have a thousand or so
_PATIENCE: Final = 30.0  # seconds to wait for another connection's transaction

# How much SQLite may compute for who looks. A file that was made to do harm may hold rows that
# cost more than their number; nothing that a project asks comes near this.
_STEPS: Final = 1_000_000  # of SQLite's machine, between two looks at what is left
_QUERY: Final = 2_000  # looks for any connection: a minute or so
_BYTES_A_CALL: Final = 10_000  # and one for this many bytes of the file
# Without what ANALYZE leaves: only SQLite itself can make such tables.
_PARTS: Final = (
    r"SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\_stat%' ESCAPE '\'"
)


def connect(path: Path, demand: Callable[[], None] = lambda: None) -> Engine:
    """Open the database, making its tables if it is new.

    What SQLite complains of, now or later, becomes a :class:`ProjectError`.

    Args:
        path: Its file.
        demand: Called whenever a connection to it is opened, to raise where it may not be.

    Raises:
        ProjectError: It cannot be read or written; or another version of nextslice made it,
            with other tables.
    """
    _settle_journal(path)
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})

    @event.listens_for(engine, "do_connect")
    def _may_open(*_: object) -> None:
        demand()

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
        _sync_each_commit(connection)

    _begin_at_once(engine)
    _tell_errors(engine, path)
    with engine.begin() as connection:
        if _version_of(connection, path) == 0:
            _make_tables(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    return engine


def connect_to_look(path: Path) -> Engine:
    """Open the database for reading alone, also while another process writes.

    Raises:
        ProjectError: There is none, it cannot be read, or another version of nextslice made
            it.
    """
    if not path.is_file() or path.is_symlink():
        raise ProjectError(
            f"Expected a project's database at {path}; there is none.",
            cause="the folder is another one, or was copied without it.",
        )
    engine = create_engine("sqlite://", creator=lambda: _existing(path), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _only_look(connection: Any, _: object) -> None:
        connection.execute("PRAGMA query_only = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        connection.set_progress_handler(_patience(path), _STEPS)

    _begin_at_once(engine)
    _tell_errors(engine, path)
    with engine.connect() as connection:
        _version_of(connection, path)
    return engine


def copy_database(path: Path, copy: Path) -> None:
    """Copy the database as it is at one moment, also while another process writes.

    Raises:
        ProjectError: It cannot be read, or the copy not written.
    """
    try:
        with closing(_existing(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise told(path, error) or error from error


def told(path: Path, error: BaseException) -> ProjectError | None:
    """What to say of a complaint of SQLite's; None of one that is a mistake in our code."""
    if isinstance(error, ProjectError):  # a value that no column may hold
        return error
    if not isinstance(error, (sqlite3.Error, UnicodeDecodeError)):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and "decode" not in str(error):  # else a text in the file is no text
        return None
    kind = sqlite3.SQLITE_CORRUPT if code is None else code & 0xFF  # the rest is in the text
    if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG):
        return ProjectError(
            f"The database {path} cannot be read ({error}).",
            cause="the file is damaged.",
            remedy="Restore the project from a backup into another folder (nextslice restore), "
            "or start the run anew there.",
        )
    causes = {
        sqlite3.SQLITE_FULL: "the disk is full.",
        sqlite3.SQLITE_IOERR: "the disk is full or fails, or the network to it does.",
        sqlite3.SQLITE_BUSY: "another program has it open for writing, such as a database "
        "browser, a copy or a virus scan.",
        sqlite3.SQLITE_LOCKED: "another program has it open for writing.",
        sqlite3.SQLITE_READONLY: "the file or its disk is for reading alone.",
        sqlite3.SQLITE_PERM: "the file belongs to somebody else.",
        sqlite3.SQLITE_INTERRUPT: "what is in it takes far longer to read than its size "
        "allows: the file is damaged, or was made to do harm.",
        sqlite3.SQLITE_CANTOPEN: "the folder is gone, or may not be entered or written to.",
    }
    if kind not in causes:
        return None
    return ProjectError(
        f"The database {path} cannot be used ({error}).",
        cause=causes[kind],
        remedy="See to that, then do the same again: what was kept before is as it was.",
    )


def _existing(path: Path) -> sqlite3.Connection:
    # Not mode=ro, which cannot read what a process left that was killed while it committed:
    # opened so, SQLite first puts the database back; who only looks sets query_only.
    uri = path.absolute().as_uri() + "?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE)
    try:
        _sync_each_commit(connection)  # what it puts back must stay so
    except BaseException as error:
        connection.close()
        if isinstance(error, UnicodeDecodeError):
            raise told(path, error) or error from error
        raise
    return connection


def _sync_each_commit(connection: sqlite3.Connection) -> None:
    """Have a connection bring what it writes to the disk before it says that it has."""
    # FULL, and more: with a rollback journal, a power cut could bring back one whose name was
    # removed to commit but is not yet gone from the disk. EXTRA syncs its folder, too.
    connection.execute("PRAGMA synchronous = EXTRA")
    # macOS, whose disks may keep what they were told to write; elsewhere these do nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")


def _patience(path: Path) -> Callable[[], int]:
    """Ends a query that takes far longer than any can on a database of this size."""
    left = _QUERY + path.stat().st_size // _BYTES_A_CALL

    def spent() -> int:
        nonlocal left
        left -= 1
        return int(left < 0)

    return spent


def _tell_errors(engine: Engine, path: Path) -> None:
    @event.listens_for(engine, "handle_error")
    def _tell(context: ExceptionContext) -> ProjectError | None:
        return told(path, context.original_exception)


def _settle_journal(path: Path) -> None:
    """Give the database the journal that is safe here; the file remembers it."""
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
            _sync_each_commit(connection)
            connection.execute(f"PRAGMA journal_mode = {journal_mode(path)}").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise told(path, error) or error from error


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
    _demand_our_tables(connection, path, new=version == 0)
    return version


def _demand_our_tables(connection: Connection, path: Path, *, new: bool) -> None:
    """Raise unless the database holds the tables of a project and nothing else.

    This comes before anything is selected: a view under the name of a table can compute
    without end, and a trigger changes what is written.
    """
    found = connection.exec_driver_sql(_PARTS).all()
    if (found or not new) and {_plainly(*part) for part in found} != _our_parts():
        raise ProjectError(
            f"The database {path} cannot be read: its tables are not those of a project.",
            cause="the file is damaged, or was changed with another program or by somebody.",
            remedy="Restore the project from a backup into another folder (nextslice restore). "
            "The masks in annotations/ are files of their own.",
        )


def _make_tables(connection: Connection) -> None:
    for statement in TABLES:
        wanted = statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
        connection.exec_driver_sql(wanted)


@cache
def _our_parts() -> frozenset[tuple[str, str, str]]:
    """Every table and index of a project, as SQLite itself tells of them."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _make_tables(connection)
        parts = connection.exec_driver_sql(_PARTS).all()
    engine.dispose()
    return frozenset(_plainly(*part) for part in parts)


def _plainly(kind: object, name: object, sql: object) -> tuple[str, str, str]:
    """A part of a schema, however it is spaced and quoted."""
    return str(kind), str(name), "".join(str(sql).replace('"', "").split())
