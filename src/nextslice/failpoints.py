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

__all__ = ["FAILPOINTS", "STEPS", "VARIABLE", "WRITTEN", "reach"]

VARIABLE: Final = "NEXTSLICE_FAILPOINT"

WRITTEN: Final = (
    "holder",
    "environment",
    "config",
    "mask",
    "weights",
    "manifest",
    "scores",
    "proposals",
    "table",
)
"""Every kind of file that a run's folder gets through :mod:`nextslice.files`."""

STEPS: Final = ("opened", "half", "written", "fsynced", "renamed", "durable")
"""The steps of writing one: begun, in the midst of it, all bytes handed over, on the disk,
under its name, and its name on the disk."""

FAILPOINTS: Final = (
    *(f"{what}.{step}" for what in WRITTEN for step in STEPS),
    "upload.received",  # a part of a mask has come in over HTTP
    "commit.before",
    "commit.after",
    "events.cleared",  # the curves of a cycle are written anew
    "events.written",
    "reply.before",  # an answer is kept, its sender not yet told
)
"""Every place there is; a test walks all of them."""

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
