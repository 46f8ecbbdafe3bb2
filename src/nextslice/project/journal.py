"""Which journal keeps ``project.db`` whole: a write-ahead log where it is safe.

With a write-ahead log (WAL) people who look never wait for one who saves. Two things speak
against it:

- SQLite up to 3.51.2 may lose a commit where two connections write and tidy the log at the same
  moment ("the WAL-reset bug", https://sqlite.org/wal.html#walresetbug); it was set right in
  3.51.3, and in 3.50.7 and 3.44.6 for those who stay behind.
- All who use a log must be on one machine, since its index lies in shared memory. Folders on a
  network are seen by several, as on a cluster.

Elsewhere it is the rollback journal, which has neither.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final, Literal

__all__ = ["journal_mode"]

_MOUNTS: Final = Path("/proc/self/mounts")
_LOCAL: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs"})


def journal_mode(
    database: Path,
    version: tuple[int, ...] = sqlite3.sqlite_version_info,
    mounts: Path = _MOUNTS,
) -> Literal["WAL", "DELETE"]:
    """The journal for a database.

    Args:
        database: Its file, there or not.
        version: SQLite's.
        mounts: Which file systems are where, as Linux tells it. Other systems do not tell;
            they get the rollback journal.
    """
    return "WAL" if _resets_well(version) and _on_this_machine(database, mounts) else "DELETE"


def _resets_well(version: tuple[int, ...]) -> bool:
    return version >= (3, 51, 3) or any(
        fixed <= version < (3, fixed[1] + 1) for fixed in ((3, 44, 6), (3, 50, 7))
    )


def _on_this_machine(path: Path, mounts: Path) -> bool:
    """Whether a file lies on a file system that is known to be seen by this machine alone."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    place = path.resolve()
    over = [
        (len(Path(where).parts), order, kind)
        for order, (_, where, kind, *_) in enumerate(map(str.split, lines))
        if place.is_relative_to(where.replace("\\040", " "))
    ]
    return max(over)[2] in _LOCAL if over else False
