"""Who has which slice open, so that two people do not draw the same one by accident."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Lease", "Leases"]

_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a slice.

    Attributes:
        slice_id: The slice.
        holder: Who has it: the one who asked, or somebody who was there before. That is a
            warning and no wall: a save of anybody else is taken.
        mine: Whether the holder is the one who asked.
        seconds: Until it lapses, unless it is renewed.
    """

    slice_id: str
    holder: str
    mine: bool
    seconds: float


class Leases:
    """Leases of slices to people; in memory alone, shared by threads.

    Args:
        seconds: Until a lease lapses that is not renewed.
        clock: Seconds that never jump, whatever is done to the time of day.
    """

    def __init__(
        self, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def take(self, slice_id: str, annotator: str) -> Lease:
        """Lease a slice to somebody, or renew it, unless somebody else has it."""
        with self._lock:
            now = self._clock()
            holder, until = self._held.get(slice_id, (annotator, now))
            if holder == annotator or until <= now:
                holder, until = annotator, now + self._seconds
                self._held[slice_id] = (holder, until)
            return Lease(slice_id, holder, holder == annotator, until - now)

    def release(self, slice_id: str, annotator: str) -> None:
        """Give a slice back; nothing happens if somebody else has it."""
        with self._lock:
            if self._held.get(slice_id, ("", 0.0))[0] == annotator:
                del self._held[slice_id]

    def holders(self) -> dict[str, str]:
        """Slice -> who has it, for the leases that have not lapsed."""
        with self._lock:
            now = self._clock()
            self._held = {s: held for s, held in self._held.items() if held[1] > now}
            return {slice_id: holder for slice_id, (holder, _) in self._held.items()}
