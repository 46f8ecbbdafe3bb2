"""A hash for each file of code that the results of a run come from.

They are taken of the files' bytes, as they lie on the disk when they are first asked for, so
that a changed comment counts as well: which change has no effect is for people to say. Ends of
lines do not count, for they are another matter of course on Windows.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, Final

__all__ = [
    "OF_RESULTS",
    "OF_SLICES",
    "OF_TRAINING",
    "WITHOUT_A_SAY",
    "differing_files",
    "hashes_of_nextslice",
    "hashes_of_others",
]

OF_RESULTS: Final = (
    "data/",
    "selection/",
    "models/",
    "uncertainty/",
    "evaluation/",
    "project/",
    "annotators/answering.py",  # drawn masks -> the pool's grid
    "annotators/oracle.py",
    "config.py",
    "contexts.py",
    "learner.py",
    "live.py",
    "native_masks.py",
    "parts.py",
    "seeds.py",
    "settings.py",
    "simulation.py",
    "strategies.py",
    "trainings.py",
)
"""Where in nextslice lies what makes results of scans, settings and answers: rooms and files.

Presets are not among them: what a run took from one stands in its ``config.yaml``, which is
compared itself. Nor is what people see of results: pages, reports, words, commands.
"""

WITHOUT_A_SAY: Final = frozenset(
    {
        # Scans come through them, and the data's fingerprint tells whether they are the same.
        "data/anatomy.py",
        "data/archives.py",
        "data/download.py",
        "data/phantom.py",
        "data/scans.py",
        # How a run's folder is kept, shown and looked after, not what is in it.
        "project/backup.py",
        "project/changes.py",
        "project/connections.py",
        "project/damage.py",
        "project/events.py",
        "project/identity.py",
        "project/journal.py",
        "project/lock.py",
        "project/opening.py",
        "project/restoring.py",
        "project/tables.py",
        "project/verifying.py",
        # What reports make of results.
        "evaluation/statistics.py",
    }
)
"""Files of those rooms that results do not come from."""

OF_TRAINING: Final = ("models/", "seeds.py", "trainings.py")
"""The part of :data:`OF_RESULTS` that makes weights of slices and their masks."""

OF_SLICES: Final = (
    "data/building.py",
    "data/cases.py",
    "data/formats/",
    "data/gate/",
    "data/geometry.py",
    "data/labels.py",
    "data/places.py",
    "data/preparation.py",
    "data/prepared.py",
    "data/sides.py",
)
"""The part that makes prepared slices of scans, or refuses them."""

_DIGITS: Final = 16  # of hexadecimal: what changed by itself is told, not what somebody forged
# Python, and packages whose versions a run keeps.
_KNOWN_BY_VERSION: Final = frozenset(sys.stdlib_module_names) | {"numpy", "torch"}
_SCRIPTS: Final = frozenset({"__main__", "__mp_main__"})


def hashes_of_nextslice(where: tuple[str, ...] = OF_RESULTS) -> dict[str, str]:
    """The hash of each of nextslice's own files that has a say in results.

    Args:
        where: Rooms, which end in a slash, and files.

    Returns:
        Path below the package, with slashes -> first 16 digits of the SHA-256; the same on
        every system, and for the whole life of a process. Empty where there are no sources.
    """
    return {name: digest for name, digest in _own().items() if name.startswith(where)}


def hashes_of_others(*parts: object) -> dict[str, str]:
    """The hash of each module of other people's that parts of a loop are made by.

    A module's own file is looked at, and those of the classes it derives from; not what else
    it imports. Of a script that is run itself the class alone counts, for the script holds
    settings, too. Nothing is imported or run.

    Args:
        parts: Strategies, networks, functions; those in the fields of dataclasses as well.

    Returns:
        Name of the module (of a script ``__main__:Class``) -> first 16 digits of the SHA-256.
        Left out are Python, NumPy, PyTorch and nextslice itself, and what has no source, such
        as a class typed at a prompt.
    """
    found = {}
    for made_by in _made_by(parts):
        module = made_by.__module__
        top = module.partition(".")[0]
        if module in _SCRIPTS:
            name, source = f"__main__:{made_by.__qualname__}", _source_of(made_by)
        elif top == "nextslice" or top in _KNOWN_BY_VERSION:
            continue
        else:
            name, source = module, _source_of_module(module)
        if source is not None:
            found[name] = _digest(source)
    return dict(sorted(found.items()))


def differing_files(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of files that are changed, new or gone, sorted."""
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


@functools.cache  # the code that runs is what was read at the beginning, whatever comes later
def _own() -> dict[str, str]:
    package = Path(__file__).parent
    found = {}
    for place in OF_RESULTS:
        paths = (package / place).rglob("*.py") if place.endswith("/") else [package / place]
        for path in paths:
            name = path.relative_to(package).as_posix()
            # Editors keep files of their own beside those they work on; none has such a name.
            if name not in WITHOUT_A_SAY and path.stem.isidentifier() and path.is_file():
                found[name] = _digest(path.read_bytes())
    return dict(sorted(found.items()))


def _made_by(parts: object) -> Iterator[type[Any] | FunctionType]:
    """The classes and functions that parts are made by, and what their fields are made by."""
    if isinstance(parts, tuple | list):
        for part in parts:
            yield from _made_by(part)
    elif isinstance(parts, FunctionType):
        yield parts
    else:
        yield from type(parts).__mro__
        if dataclasses.is_dataclass(parts):
            yield from _made_by([getattr(parts, f.name) for f in dataclasses.fields(parts)])


def _source_of_module(name: str) -> bytes | None:
    path = getattr(sys.modules.get(name), "__file__", None)
    try:
        return Path(path).read_bytes() if path and path.endswith(".py") else None
    except OSError:  # it was taken away since, or lies in an archive
        return None


def _source_of(made_by: type[Any] | FunctionType) -> bytes | None:
    try:
        return inspect.getsource(made_by).encode()
    except (OSError, TypeError):  # typed at a prompt
        return None


def _digest(source: bytes) -> str:
    return hashlib.sha256(source.replace(b"\r\n", b"\n")).hexdigest()[:_DIGITS]
