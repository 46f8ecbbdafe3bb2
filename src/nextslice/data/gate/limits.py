"""What reading one case may cost: memory and time, so that no file takes the machine down."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nextslice.errors import SettingsError

if os.name == "posix":  # Windows has no such limits; there, whoever waits limits the time
    import resource

__all__ = ["Limits", "limit_memory", "limit_time", "usual_memory_gb"]

_GB: Final = 1 << 30
_SHARE: Final = 0.5  # of the machine's memory; the rest is for what is made of a case
_CONTAINERS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_MOST: Final = 1e6  # more than any machine has, and than systems can wait or limit
_RANGE: Final = f"a number above 0, {_MOST:,.0f} at most"
_COPIES: Final = 4  # a volume as it is unpacked, as an array, and while it is looked at


@dataclass(frozen=True)
class Limits:
    """What one case may take to be read.

    Attributes:
        memory_gb: Memory of the process that reads scans, in units of 2^30 bytes. Systems
            that cannot limit it (Windows, macOS) limit what a header may promise alone.
        seconds: Time for image and label together.

    Raises:
        SettingsError: One of them is not above 0, or above 1,000,000.
    """

    memory_gb: float = 8.0
    seconds: float = 300.0

    def __post_init__(self) -> None:
        for name, value in (("memory", self.memory_gb), ("time", self.seconds)):
            if not _in_range(value):
                raise SettingsError(
                    f"The {name} for reading a case should be {_RANGE}, but {value} came."
                )

    @classmethod
    def from_environment(cls) -> Limits:
        """The limits that `NEXTSLICE_SCAN_GB` and `NEXTSLICE_SCAN_SECONDS` set.

        Where the first is not set, memory is what :func:`usual_memory_gb` allows.

        Raises:
            SettingsError: One of them is not a number above 0, or above 1,000,000.
        """
        return cls(
            _number("NEXTSLICE_SCAN_GB", usual_memory_gb(_memory_there())),
            _number("NEXTSLICE_SCAN_SECONDS", cls.seconds),
        )

    @property
    def memory(self) -> int:
        """Bytes of memory."""
        return int(self.memory_gb * _GB)

    @property
    def largest(self) -> int:
        """Bytes of voxels that one file may promise."""
        return self.memory // _COPIES


def usual_memory_gb(there: int | None) -> float:
    """What reading may take on a machine with so many bytes: half of them, 8 GB at most.

    In steps of half a gigabyte, so that it stays the same when an update of the system takes
    or leaves a little. None, where nobody knows, is enough.
    """
    if there is None:
        return Limits.memory_gb
    halves = math.floor(there * _SHARE / _GB * 2)
    return min(Limits.memory_gb, max(halves, 1) / 2)


def _memory_there() -> int | None:
    """Bytes of the machine's memory, or of the container's where that is less."""
    found = []
    with suppress(AttributeError, ValueError, OSError):  # Windows does not say it so
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in _CONTAINERS:
        with suppress(ValueError, OSError):  # "max", or no such container
            found.append(int(path.read_text()))
    return min(found, default=None)


def _number(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not _in_range(value):
        raise SettingsError(
            f"{name} should be {_RANGE}, but is {text!r:.80}.",
            remedy=f"Set it as in {name}={default:g}, or unset it.",
        )
    return value


def _in_range(value: float) -> bool:
    return 0 < value <= _MOST


def limit_memory(limits: Limits) -> None:
    """Let this process have no more memory than that, and leave no image of it behind."""
    if os.name != "posix":
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would hold a patient's voxels
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limits.memory if most == resource.RLIM_INFINITY else min(limits.memory, most)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))


def limit_time(limits: Limits) -> None:
    """Let this process work that long from now on, though nobody waits for it any more."""
    if os.name != "posix":
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    until = math.ceil(used.ru_utime + used.ru_stime + limits.seconds) + 1
    if most == resource.RLIM_INFINITY or until < most:
        resource.setrlimit(resource.RLIMIT_CPU, (until, most))
