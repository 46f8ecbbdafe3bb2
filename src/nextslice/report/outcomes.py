"""How the runs of a benchmark ended, as the benchmark noted it in ``outcomes.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nextslice.json_text import parse_json
from nextslice.plain_files import read_text
from nextslice.report.tables import plain_text

__all__ = ["Ended", "read_outcomes"]

_FILE: Final = "outcomes.json"
_LONGEST: Final = 1e12  # seconds


@dataclass(frozen=True)
class Ended:
    """One run's end.

    Attributes:
        run: Its name in the benchmark.
        folder: Where it lies, or would.
        state: "finished", "failed" or "unfinished".
        cause: Why it failed; empty where it did not.
        seconds: How long it took this time; None where that is not known.
        traceback: The file that shows where in the code it failed, seen from the benchmark's
            folder; empty where there is none.
    """

    run: str
    folder: Path
    state: str
    cause: str
    seconds: float | None
    traceback: str = ""


def read_outcomes(folder: Path) -> tuple[Ended, ...]:
    """What a benchmark noted in this folder, or in the one above where the runs lie.

    Returns:
        Nothing where there is no such file, or none that can be read: a report about runs
        does not fail for a note about them.
    """
    for place in (folder, folder.resolve().parent):
        try:
            noted = parse_json(read_text(place / _FILE))
        except (OSError, ValueError):
            continue
        rows = noted if isinstance(noted, list) else []
        return tuple(_ended(row, place) for row in rows if isinstance(row, Mapping))
    return ()


def _ended(row: Mapping[str, object], place: Path) -> Ended:
    run, seconds = plain_text(str(row.get("run", ""))), row.get("seconds")
    known = isinstance(seconds, int | float) and 0 <= seconds <= _LONGEST
    return Ended(
        run=run,
        folder=place / run,
        state=plain_text(str(row.get("state", ""))),
        cause=plain_text(str(row.get("cause") or "")),
        seconds=float(seconds) if known and isinstance(seconds, int | float) else None,
        traceback=plain_text(str(row.get("traceback") or "")),
    )
