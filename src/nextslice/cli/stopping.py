"""Ctrl-C, which waits until an import has come to its end.

A library that is interrupted while it is imported may end the whole process with words of its
own (torch does), or be left half there.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["imports_in_peace"]

_IMPORT: Final = "<frozen importlib._bootstrap>"
_A_MOMENT: Final = 0.05  # seconds


@contextmanager
def imports_in_peace() -> Iterator[None]:
    """Within the block, Ctrl-C during an import takes effect after it; twice, at once."""
    usual = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread()
    if not ours or usual is not signal.default_int_handler:  # nohup, say, has it ignored
        yield
        return
    waiting: list[threading.Timer] = []

    def again() -> None:
        waiting.clear()
        _press()

    def stop(number: int, frame: FrameType | None) -> None:
        if waiting or not _imports(frame):
            _cancel(waiting)
            signal.default_int_handler(number, frame)
        waiting.append(threading.Timer(_A_MOMENT, again))
        waiting[0].start()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        _cancel(waiting)
        signal.signal(signal.SIGINT, usual)


def _press() -> None:
    """Ctrl-C, as the main thread hears it, even where it waits for the system."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _cancel(waiting: list[threading.Timer]) -> None:
    for timer in waiting:
        timer.cancel()
    waiting.clear()


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False
