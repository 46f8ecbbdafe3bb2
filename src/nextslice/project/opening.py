"""How a run's folder begins, and what it is held against when it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from nextslice.data.pool import SliceId
from nextslice.errors import ProjectChangedError, ProjectError
from nextslice.files import make_folder, write_atomically
from nextslice.plain_files import read_plain
from nextslice.project.changes import (
    LIVE_MAY_CHANGE,
    SIMULATED_MAY_CHANGE,
    differences,
    differences_of_environments,
    told,
)
from nextslice.project.connections import connect_to_look
from nextslice.project.query import SliceState
from nextslice.project.schema import slices
from nextslice.wording import a_few
from nextslice.yaml_text import parse_yaml

__all__ = [
    "FAILURE",
    "begin_or_compare",
    "demand_same_pool",
    "edited_settings",
    "insert_pool",
    "usable_folder",
]

FAILURE: Final = "failure.txt"
"""Where in the code a run has failed, in its folder; it may begin again beside it."""

_SETTINGS: Final = "settings"
"""In environment.json, what ``config.yaml`` held when the run was opened last; a run of an
earlier version does not have it yet."""

_NOT_KNOWN: Final = (
    "environment.json: missing, so that nobody can say on which data, versions and hardware "
    "the run began"
)


def usable_folder(folder: Path) -> None:
    """Make the folder of a run, or find an earlier run in it.

    Raises:
        ProjectError: It cannot be made, or holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise ProjectError(f"Expected a folder for the run, got the file {folder}.")
    if not (folder / "config.yaml").exists() and _holds_files(folder):
        raise ProjectError(
            f"Expected an empty folder or an earlier run at {folder}; it holds other files.",
            remedy="Choose another folder for the run.",
        )
    try:
        make_folder(folder)
    except OSError as error:
        raise ProjectError(
            f"Expected to make the run's folder {folder}, which failed: {error.strerror}.",
            remedy="Choose a folder where you may write.",
        ) from error


def begin_or_compare(
    folder: Path,
    config: Mapping[str, object],
    environment: Mapping[str, object],
    may_change: frozenset[str],
    accept_changes: bool,
    pool: Sequence[SliceId],
) -> None:
    """Keep what a new run begins with; hold what an earlier one began with against it.

    Raises:
        ProjectChangedError: The pool differs, or something else does and `accept_changes` is
            not set; nothing is written then.
    """
    demand_same_pool(folder, pool)
    path, environment_file = folder / "config.yaml", folder / "environment.json"
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    now = parse_yaml(text)
    changes: list[list[str]] = []
    if path.exists():
        # Through YAML and JSON, which cannot tell tuples and lists apart.
        then: Mapping[str, Any] = _kept(path, parse_yaml)
        changed: list[str] = []
        if environment_file.exists():
            earlier = _kept(environment_file, json.loads)
            noted = earlier.pop("changes", [])
            changes = noted if isinstance(noted, list) else []
            # People may edit config.yaml, and a live project takes its settings from there.
            then = _settings_in(earlier, then)
            earlier.pop(_SETTINGS, None)
            present = json.loads(json.dumps(dict(environment)))
            changed = differences_of_environments(earlier, present)
        else:
            changed.append(_NOT_KNOWN)
        changed = differences(then, now, may_change) + changed
        if changed and not accept_changes:
            raise ProjectChangedError(
                f"The run in {folder} began otherwise:\n  " + "\n  ".join(told(changed)),
                cause="other settings or data were given, config.yaml was edited, or the code, "
                "the software or the machine is another than when it began.",
                remedy="Give what it began with, with the code put back as it was; or another "
                "folder for a new run. To go on all the same, and have it recorded: "
                "--accept-changes (accept_changes=True in Python).",
            )
        changes += [changed] if changed else []
    known = dict(environment) | {_SETTINGS: now} | ({"changes": changes} if changes else {})
    write_atomically(environment_file, json.dumps(known, indent=2) + "\n", "environment")
    write_atomically(path, text, "config")  # the last: a folder with it holds a run


def edited_settings(config: Mapping[str, Any], environment: Mapping[str, Any]) -> list[str]:
    """A line for each setting that was edited since the run was opened last, and may not be.

    Args:
        config: What ``config.yaml`` holds.
        environment: What ``environment.json`` holds.
    """
    may_change = SIMULATED_MAY_CHANGE if "split" in config else LIVE_MAY_CHANGE
    return differences(_settings_in(environment, config), config, may_change)


def _settings_in(
    environment: Mapping[str, Any], otherwise: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The settings that an environment was kept with; `otherwise` where it has none yet."""
    kept = environment.get(_SETTINGS)
    return kept if isinstance(kept, dict) else otherwise


def _kept(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    try:
        content = parse(read_plain(path).decode())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ProjectError(
            f"Expected to read {path}, got: {error}.",
            cause="the file was changed by hand, or the disk is damaged.",
            remedy="Restore the file from a backup, or begin a new run in another folder.",
        ) from error
    return content if isinstance(content, dict) else {}


def _holds_files(folder: Path) -> bool:
    """Whether there is more than a run that was killed at its very beginning leaves."""
    ours = {
        "environment.json",
        FAILURE,
    }  # names with a dot in front are locks and unfinished files
    return folder.is_dir() and any(
        path.name not in ours and not path.name.startswith(".") for path in folder.iterdir()
    )


def demand_same_pool(folder: Path, pool: Sequence[SliceId]) -> None:
    """Make sure that an earlier run's pool is the one given now.

    Raises:
        ProjectChangedError: It is not; names the cases.
        ProjectError: The database is gone, and masks or models that it spoke of are there.
    """
    database = folder / "project.db"
    if not (folder / "config.yaml").exists():
        return
    if not database.exists() or database.stat().st_size == 0:
        _demand_nothing_kept(folder)
        return
    try:
        with connect_to_look(database).connect() as connection:
            query = select(slices.c.case, slices.c.slice).order_by(slices.c.row)
            known = [SliceId(case, index) for case, index in connection.execute(query)]
    except (ProjectError, SQLAlchemyError):
        return  # what is wrong with it is told where it is opened to be worked with
    if known and known != list(pool):
        raise _another_pool(folder, known, pool)


def _demand_nothing_kept(folder: Path) -> None:
    """A run without a database must be one that was killed before it had anything to keep."""
    kept = [name for name in ("annotations", "models") if any((folder / name).glob("*/*"))]
    if kept:
        raise ProjectError(
            f"Expected the database project.db in {folder}; it is missing or empty, and what "
            f"lies in {' and '.join(kept)} cannot be told without it. Nothing was written.",
            cause="it was removed, or the folder was copied without it.",
            remedy="Put it back, or restore the project from a backup into another folder "
            "(nextslice restore).",
        )


def insert_pool(connection: Connection, pool: Sequence[SliceId]) -> None:
    """Keep the pool that a new run begins with; one that goes on has it already."""
    if connection.execute(select(slices.c.row).limit(1)).first() is None:
        connection.execute(
            insert(slices),
            [
                {"row": row, "case": i.case, "slice": i.index, "state": SliceState.UNLABELLED}
                for row, i in enumerate(pool)
            ],
        )


def _another_pool(
    folder: Path, then: Sequence[SliceId], now: Sequence[SliceId]
) -> ProjectChangedError:
    before, there = ({i.case for i in which} for which in (then, now))
    new, missing = sorted(there - before), sorted(before - there)
    lines = [
        f"\n  {what}: {a_few(names)}"
        for what, names in (("new", new), ("missing", missing))
        if names
    ]
    return ProjectChangedError(
        f"The scans are not those that {folder} began with, {len(then)} slices of "
        f"{len(before)} cases, but {len(now)} slices of {len(there)} cases:"
        + ("".join(lines) or "\n  their slices are other ones"),
        cause="cases were added, taken away or renamed, or the folder is another one.",
        remedy="Take new ones out of the folder and put missing ones back. A project keeps "
        "the scans it began with; more scans make a project of their own.",
    )
