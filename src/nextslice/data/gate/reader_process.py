"""The process that reads scans, so that a file that does harm takes nothing else with it.

It is asked in lines of JSON on its standard input and answers in frames on its standard output:
first that it is ready, then once for each line, in order. It works under limits of memory and
time, and ends when nobody has asked for a while.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from typing import Final

from nextslice.data.gate.asking import Request, to_answer
from nextslice.data.gate.checks import CheckedCase, check_case, check_mask
from nextslice.data.gate.frames import write_frame
from nextslice.data.gate.label_checks import Terms
from nextslice.data.gate.limits import Limits, limit_memory, limit_time

__all__ = ["READY", "main"]

READY: Final = {"ready": True}
"""The first frame."""

_IDLE_S: Final = 60.0


def main(memory_gb: str, seconds: str) -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides what Ctrl-C means
    # Libraries may print what they like: the way to whoever asks is not standard output.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    limits = Limits(float(memory_gb), float(seconds))
    limit_memory(limits)
    try:
        write_frame(told, READY, [])
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())  # what libraries say names files
        for line in _lines(sys.stdin.fileno()):
            limit_time(limits)
            request = Request.from_line(line)
            write_frame(told, *to_answer(_checked(request, limits), request.voxels))
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more, so nothing is left to be flushed


def _checked(request: Request, limits: Limits) -> CheckedCase:
    files, declared = request.files, request.declared
    terms = Terms(request.folder, limits.largest, request.accept_sheared)
    if request.grid is not None:
        return check_mask(files, request.grid, declared, terms)
    return check_case(files, declared, terms, stored=request.stored)


def _lines(questions: int) -> Iterator[bytes]:
    """Lines of a pipe, until it is closed or nothing comes for a while."""
    rest = b""
    while True:
        *whole, rest = rest.split(b"\n")
        yield from whole
        if hasattr(select, "poll"):  # elsewhere pipes cannot be waited for with a limit
            waiting = select.poll()
            waiting.register(questions, select.POLLIN)
            if not waiting.poll(_IDLE_S * 1000):
                return
        block = os.read(questions, 1 << 16)
        if not block:
            return
        rest += block
