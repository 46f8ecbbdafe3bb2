"""Named places at which a test kills this process, or has a write fail.

A program that promises to survive a power cut is tested by cutting its power, at every step of
every write. The variable ``NEXTSLICE_FAILPOINT`` says where and how::

    mask.fsynced:kill        the process is killed (SIGKILL) when it gets there
    weights.half:enospc      the write fails there as on a full disk, whenever it gets there
    table.written:eio:3      it fails as on a broken disk, the third time it gets there alone

Unset, as it is outside of tests, reaching a place costs one look at the environment.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from typing import Final

from nextslice.errors import SettingsError

__all__ = ["FAILPOINTS", "PLACES", "STEPS", "STREAMED", "VARIABLE", "WRITTEN", "reach"]

VARIABLE: Final = "NEXTSLICE_FAILPOINT"

WRITTEN: Final[dict[str, tuple[str, ...]]] = {
    "run": (
        "holder",
        "environment",
        "config",
        "mask",
        "weights",
        "manifest",
        "scores",
        "table",
        "events",
    ),
    "live project": ("proposals",),
    "work order": ("identity", "scan", "volume", "list", "readme", "order"),
    "export": ("voxels", "description"),
    "backup": ("backup",),
    "restored project": ("restored",),
    "benchmark": ("recipe", "outcomes", "failure"),
    "report": ("report", "figure", "sums"),
    "data set": ("phantom", "cache"),
    "fetched data set": (),
}
"""Every kind of file that is written through :mod:`nextslice.files`, by what it is part of. A
live project is a run, too."""

STREAMED: Final = frozenset({"scan", "volume", "voxels", "backup", "restored", "figure"})
"""Kinds whose bytes come little by little, so that there is no half of them."""

STEPS: Final = ("opened", "half", "written", "fsynced", "renamed", "durable")
"""The steps of writing one: begun, in the midst of it, all bytes handed over, on the disk,
under its name, and its name on the disk."""

_OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "run": ("commit.before", "commit.after"),
    "live project": (
        "upload.received",  # a part of a mask has come in over HTTP
        "reply.before",  # an answer is kept, its sender not yet told
    ),
    "export": (
        "folder.whole",  # all is on the disk, and not yet under its name
        "folder.renamed",
    ),
    "report": (
        "moving.begun",  # all is written, and not yet in its place
        "moving.midst",  # some of it is
        "moving.done",  # all of it, and nothing of an earlier report
    ),
    "data set": (
        "array.written",  # slices of the cache, handed over
        "array.fsynced",
        "building.whole",  # the cache's folder, not yet under its name
        "building.renamed",
    ),
    "fetched data set": (
        "part.written",  # a piece of the archive has come in
        "part.renamed",  # all of it has, and is what it should be
        "unpacking.whole",  # the data set is on the disk, and not yet under its name
        "unpacking.renamed",
    ),
    "restored project": (
        "restore.whole",  # all is proved, and not yet under its name
        "restore.renamed",
    ),
}

PLACES: Final[dict[str, tuple[str, ...]]] = {
    whole: (
        *(
            f"{what}.{step}"
            for what in kinds
            for step in STEPS
            if not (step == "half" and what in STREAMED)
        ),
        *_OTHERS.get(whole, ()),
    )
    for whole, kinds in WRITTEN.items()
}
"""The places that are reached while each of these is written."""

FAILPOINTS: Final = tuple(place for places in PLACES.values() for place in places)
"""Every place there is; tests walk all of them."""

_ERRORS: Final = {"enospc": errno.ENOSPC, "eio": errno.EIO}

_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """Be at a place: most often nothing happens.

    Args:
        name: One of :data:`FAILPOINTS`.

    Raises:
        OSError: The variable has the write fail here.
        SettingsError: The variable cannot be understood.
    """
    setting = os.environ.get(VARIABLE)
    if setting is not None:
        _fail(setting, name)


def _fail(setting: str, name: str) -> None:
    place, _, rest = setting.partition(":")
    action, _, nth = rest.partition(":")
    if (
        place not in FAILPOINTS
        or action not in {"kill", *_ERRORS}
        or not (nth or "1").isdigit()
    ):
        raise SettingsError(
            f"Expected {VARIABLE} as mask.fsynced:kill, got {setting!r}.",
            cause="it is meant for tests, and set in this environment.",
            remedy=f"Unset it. Places are {', '.join(FAILPOINTS)}; "
            "what happens there is kill, enospc or eio.",
        )
    if place != name:
        return
    _reached[setting] += 1
    if nth and _reached[setting] != int(nth):
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(_ERRORS[action], os.strerror(_ERRORS[action]))
