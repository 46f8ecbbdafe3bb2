"""A hash for each file of nextslice that the results of a run come from.

They are taken of the files' bytes, as they lie on the disk when they are first asked for, so
that a changed comment counts as well: which change has no effect is for people to say. Ends of
lines do not count, for they are another matter of course on Windows.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = [
    "OF_RESULTS",
    "OF_SLICES",
    "OF_TRAINING",
    "WITHOUT_A_SAY",
    "differing_files",
    "digest_of",
    "hashes_of_nextslice",
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
        "project/folders.py",
        "project/identity.py",
        "project/irreplaceable.py",
        "project/journal.py",
        "project/lock.py",
        "project/named_masks.py",
        "project/opening.py",
        "project/restoring.py",
        "project/scratch.py",
        "project/soundness.py",
        "project/tables.py",
        "project/verifying.py",
        # Writes what others read.
        "data/formats/nifti.py",
        # What reports make of results.
        "evaluation/statistics.py",
    }
)
"""Files of those rooms that results do not come from; nor do the maps, ``__init__.py``."""

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


def hashes_of_nextslice(where: tuple[str, ...] = OF_RESULTS) -> dict[str, str]:
    """The hash of each of nextslice's own files that has a say in results.

    Args:
        where: Rooms, which end in a slash, and files.

    Returns:
        Path below the package, with slashes -> first 16 digits of the SHA-256; the same on
        every system, and for the whole life of a process. Empty where there are no sources.
    """
    return {name: digest for name, digest in _own().items() if name.startswith(where)}


def differing_files(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of files that are changed, new or gone, sorted."""
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


def digest_of(source: bytes) -> str:
    """The first 16 digits of the SHA-256 of a source, whatever its ends of lines."""
    return hashlib.sha256(source.replace(b"\r\n", b"\n")).hexdigest()[:_DIGITS]


@functools.cache  # the code that runs is what was read at the beginning, whatever comes later
def _own() -> dict[str, str]:
    package = Path(__file__).parent
    found = {}
    for place in OF_RESULTS:
        paths = (package / place).rglob("*.py") if place.endswith("/") else [package / place]
        for path in paths:
            name = path.relative_to(package).as_posix()
            # Editors keep files of their own beside those they work on; none has such a name.
            has_a_say = name not in WITHOUT_A_SAY and path.name != "__init__.py"
            if has_a_say and path.stem.isidentifier() and path.is_file():
                found[name] = digest_of(path.read_bytes())
    return dict(sorted(found.items()))
