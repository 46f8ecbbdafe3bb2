"""The long work between two queries, in a thread of its own, so that people go on drawing."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nextslice.annotators.views import TrainingProgress
from nextslice.discretion import for_a_log, traced
from nextslice.errors import NextsliceError
from nextslice.progress import Progress

__all__ = ["Background"]

logger = logging.getLogger(__name__)


class Background:
    """One piece of work at a time.

    Args:
        steps_per_epoch: To count a training's epochs by.
        folders: Whose files the log may name.
        clock: Seconds that never jump.
    """

    def __init__(
        self,
        steps_per_epoch: int,
        *,
        folders: Sequence[Path],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps_per_epoch = steps_per_epoch
        self._folders = tuple(folders)
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._stage, self._since = "", 0.0
        self.progress: TrainingProgress | None = None
        self.error = ""

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Callable[[], None]) -> None:
        """Do `work` in a thread; what it raises becomes :attr:`error`."""
        self.error, self._stage = "", ""
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._run, args=(work,), name="nextslice-training", daemon=True
        )
        self._thread.start()

    def listen(self, progress: Progress) -> None:
        """Hear how far the work is; a work that is to stop is ended from here."""
        if self._stopping.is_set():
            raise _Stopped
        now = self._clock()
        if progress.stage != self._stage:
            self._stage, self._since = progress.stage, now
        left = None
        if progress.done:
            left = (now - self._since) / progress.done * (progress.total - progress.done)
        training = progress.stage == "train"
        self.progress = TrainingProgress(
            stage=progress.stage,
            step=progress.done,
            steps=progress.total,
            epoch=math.ceil(progress.done / self._steps_per_epoch) if training else 0,
            epochs=math.ceil(progress.total / self._steps_per_epoch) if training else 0,
            loss=progress.loss,
            seconds_left=left,
        )

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work is over; False if it is not after `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def stop(self) -> None:
        """End the work at its next step, and wait for that."""
        self._stopping.set()
        self.wait()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except _Stopped:
            pass
        except NextsliceError as error:
            self._log(for_a_log(error, *self._folders))
            self.error = str(error)
        except Exception as error:
            # Whatever it is, people go on annotating and are told; nothing saved is lost.
            self._log(traced(error, *self._folders))
            why = error.strerror if isinstance(error, OSError) else None  # without its path
            self.error = f"{type(error).__name__}: {why or error}"
        finally:
            self.progress = None

    def _log(self, why: str) -> None:
        logger.warning("The way to the next query failed: %s", why)


class _Stopped(Exception):  # noqa: N818  nothing went wrong
    """The work is to end."""
