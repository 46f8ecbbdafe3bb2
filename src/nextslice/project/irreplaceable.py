"""Damage of what nothing can make again: a project's settings, its name and its masks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml
from sqlalchemy import Connection

from nextslice.data.labels import parse_labels
from nextslice.errors import ProjectError
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project.damage import RESTORE, Finding, Keep
from nextslice.project.masks import is_mask_name, parse_mask
from nextslice.project.named_masks import named_masks, on_one_grid
from nextslice.project.opening import edited_settings
from nextslice.project.records import Records
from nextslice.wording import a_few
from nextslice.yaml_text import parse_yaml

__all__ = ["Read", "classes_in", "damaged_masks", "damaged_settings"]

Read = Callable[[str], bytes]
"""The bytes of a file in a project's folder, by its name; an OSError where there are none."""

_CONFIG: Final = "config.yaml"
_ENVIRONMENT: Final = "environment.json"
_IDENTITY: Final = "identity.txt"
_NAME: Final = re.compile(r"[0-9a-f]{16}\n?")
_PUT_BACK: Final = (
    "Put it back from a copy, or from a backup: a zip file that any program opens."
)


def damaged_settings(read: Read) -> Iterator[Finding]:
    """Damaged settings, and a damaged name by which work orders are told apart.

    Args:
        read: The project's files.
    """
    kept: dict[str, dict[str, Any]] = {}
    for name, parse in ((_CONFIG, parse_yaml), (_ENVIRONMENT, json.loads)):
        found, why = _settings(read, name, parse)
        kept[name] = found
        if why:
            yield Finding(name, f"{why}.", "The project cannot be opened.", _PUT_BACK)
    if kept[_CONFIG] and (edited := edited_settings(kept[_CONFIG], kept[_ENVIRONMENT])):
        yield Finding(
            _CONFIG,
            f"it is not what {_ENVIRONMENT} keeps of it ({a_few(edited)}).",
            "The project is not gone on with by settings that nobody acknowledged.",
            "Put it back as it was. Where it was meant, open the project with "
            "--accept-changes, which is recorded.",
        )
    try:
        known = _NAME.fullmatch(read(_IDENTITY).decode()) is not None
    except FileNotFoundError:
        known = True  # a project has none until it is first asked for
    except (OSError, ValueError):
        known = False
    if not known:
        yield Finding(
            _IDENTITY,
            "it is damaged, or no file of the project.",
            "Work orders that are out are not taken for this project's.",
            _PUT_BACK,
        )


def _settings(read: Read, name: str, parse: Callable[[str], Any]) -> tuple[dict[str, Any], str]:
    """What a file of settings holds, and what is wrong with it, if anything is."""
    try:
        content = parse(read(name).decode())
    except FileNotFoundError:
        return {}, "it is missing"
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}, "it is damaged"
    return (content, "") if isinstance(content, dict) else ({}, "it holds no settings")


def classes_in(read: Read) -> int | None:
    """How many classes a project draws; None where its settings do not say.

    Args:
        read: The project's files.
    """
    content, _ = _settings(read, _CONFIG, parse_yaml)
    try:
        return len(parse_labels(content["data"]["labels"]).names)
    except (ValueError, KeyError, TypeError):
        return None  # among them SettingsError, a ValueError


def damaged_masks(
    records: Records,
    connection: Connection,
    classes: int | None,
    *,
    keep: Keep = lambda *_: None,
    on_progress: OnProgress = ignore_progress,
) -> Iterator[Finding]:
    """Damaged masks.

    Args:
        records: The project.
        connection: Its database, or a copy of it.
        classes: How many there are besides the background; None where nobody knows.
        keep: Given each file that is whole.
        on_progress: Hears of the stage "verify", in masks.
    """
    masks = named_masks(connection)
    shapes: dict[str, tuple[int, ...]] = {}
    wrong: dict[str, str] = {}
    for done, name in enumerate(masks, 1):
        if is_mask_name(name):  # one that is not is told of the database
            file = records.mask_file(name)
            try:
                content = records.mask_content(name)
                shapes[name] = parse_mask(content, file, classes=classes).shape
            except ProjectError as error:
                wrong[name] = error.problem
            else:
                keep(file.relative_to(records.folder).as_posix(), content)
        on_progress(Progress("verify", done, len(masks)))
    for names in on_one_grid(connection):
        there = {name: shapes[name] for name in names if name in shapes}
        for shape, count in Counter(there.values()).items():
            if 2 * count <= len(there) and len(there) > 1:  # else most are of this shape
                of_it = (name for name in there if there[name] == shape)
                wrong |= dict.fromkeys(of_it, f"its shape {shape} is not that of others.")
    for name, why in wrong.items():
        yield Finding(
            records.mask_file(name).relative_to(records.folder).as_posix(),
            f"the mask of {masks[name]}: {why}",
            "The annotation cannot be shown, exported or trained on; training stops and "
            "names it.",
            "Put the file back from a copy, or annotate the slice again; a simulated run is "
            f"begun anew in another folder. {RESTORE}",
        )
