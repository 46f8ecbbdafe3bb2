"""The page as people start it: ``nextslice serve`` in a process of its own, and its memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Served", "command_serving"]

_SECONDS = 120  # for a start on a busy machine


@dataclass
class Served:
    """A server that runs.

    Attributes:
        process: Its process.
        link: What opens its page.
        log: The file with all that it says.
    """

    process: subprocess.Popen[bytes]
    link: str
    log: Path

    @property
    def address(self) -> str:
        return self.link.partition("/#token=")[0]

    @property
    def token(self) -> str:
        return self.link.partition("#token=")[2]

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def memory(self) -> float:
        """Megabytes that it holds now (Linux)."""
        return self._status("VmRSS")

    def most_memory(self) -> float:
        """The most megabytes that it held since :meth:`forget_most_memory` (Linux)."""
        return self._status("VmHWM")

    def forget_most_memory(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _status(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [kilobytes] = re.findall(rf"{name}:\s+(\d+) kB", status)
        return int(kilobytes) / 1024


@contextmanager
def command_serving(project: Path, log: Path, *options: str) -> Iterator[Served]:
    """Start ``nextslice serve``; at the end it is stopped as by Ctrl-C."""
    command = [sys.executable, "-m", "nextslice", "serve", str(project), "--no-browser"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--port", "0", *options],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield Served(process, _link(process, log), log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()


def _link(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"https?://\S+/#token=\S+", log.read_text(encoding="utf-8"))
        if found:
            return found.group()
        time.sleep(0.05)
    raise AssertionError(f"no link came:\n{log.read_text(encoding='utf-8')}")
