"""Reading scans in a process of its own: a file that does harm ends that process alone.

One process serves case after case, and all of a program's data sets one after another. When a
file ends it, or takes too long, that case is refused and another process goes on with the rest.
While one case is worked on here, the next is read there.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import IO, Any, Final

from nextslice.data.cases import Refusal
from nextslice.data.gate.asking import Request, from_answer
from nextslice.data.gate.checks import CheckedCase, Verdict
from nextslice.data.gate.frames import Array, FrameError, read_frame
from nextslice.data.gate.limits import Limits
from nextslice.errors import DataError

__all__ = ["read_guarded"]

_AHEAD: Final = 2  # cases asked about at a time: the one waited for, and the next
_START_S: Final = 120.0
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from nextslice.data.gate.reader_process import main; main(*sys.argv[2:])"
)

_Frame = tuple[dict[str, Any], list[Array]]
_Heard = _Frame | FrameError | MemoryError | None


def read_guarded(
    requests: Sequence[Request], limits: Limits | None = None
) -> Iterator[CheckedCase]:
    """Check case after case, each under limits.

    Args:
        requests: The cases.
        limits: What each may cost; None takes those of the environment.

    Yields:
        One checked case per request, in order.

    Raises:
        DataError: The process that reads scans cannot be started.
    """
    limits = limits or Limits.from_environment()
    waiting, asked = deque(requests), deque[Request]()
    reader: _Reader | None = None
    spared: Request | None = None
    try:
        while waiting or asked:
            reader = reader or _idle_or_new(limits)
            while waiting and len(asked) < _AHEAD:
                reader.ask(waiting[0])
                asked.append(waiting.popleft())
            try:
                checked = reader.answer()
            except _EndedError as ended:
                waiting.extendleft(reversed(asked))
                asked.clear()
                reader.close()
                reader = None
                if ended.idle and waiting[0] is not spared:
                    spared = waiting[0]
                    continue
                case = waiting.popleft().files.case
                checked = CheckedCase(Verdict(case, (ended.refusal(limits),)))
            else:
                asked.popleft()
                if not waiting and not asked:
                    _keep(reader)
                    reader = None
            yield checked
    finally:
        if reader is not None:
            reader.close()


class _EndedError(Exception):
    """The process ended, or was ended, before it answered.

    Args:
        how: In words, to follow "reading its files".
        idle: It may have gone because nobody asked for a while; then no case is to blame.
    """

    def __init__(self, how: str, *, idle: bool = False) -> None:
        super().__init__(how)
        self.how = how
        self.idle = idle

    def refusal(self, limits: Limits) -> Refusal:
        return Refusal(
            f"reading its files {self.how}",
            "Copy or download them again from their source. If they are sound, allow more: "
            f"NEXTSLICE_SCAN_GB (now {limits.memory_gb:g}) and NEXTSLICE_SCAN_SECONDS (now "
            f"{limits.seconds:g}).",
            "a file is damaged or made to do harm, or it is too large for this machine",
            again=True,
        )


class _Reader:
    """A process that reads scans."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.owner = os.getpid()
        self._frames: SimpleQueue[_Heard] = SimpleQueue()
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - see close
        # -P: nothing is imported from the folder that the program is started in.
        command = [sys.executable, "-P", "-c", _START, json.dumps(sys.path)]
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and a text of ours
            [*command, str(limits.memory_gb), str(limits.seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            ready = isinstance(self._next(_START_S), tuple)
        except _EndedError:
            ready = False
        if not ready:
            raise self._no_start()

    def ask(self, request: Request) -> None:
        """Put a request in line."""
        stream = self._process.stdin
        try:
            if stream is not None:
                stream.write(request.to_line())
                stream.flush()
        except OSError:
            pass  # the process has ended, which is found out when its answer is waited for

    def answer(self) -> CheckedCase:
        """The answer to the oldest request.

        Raises:
            _EndedError: There will be none.
        """
        frame = self._next(self.limits.seconds)
        if frame is None:
            raise self._ended()
        try:
            if isinstance(frame, FrameError):
                raise frame
            if isinstance(frame, MemoryError):
                raise _EndedError("needs more memory than there is")
            return from_answer(*frame)
        except FrameError as error:
            raise _EndedError("ended in a muddle") from error

    @property
    def alive(self) -> bool:
        """Whether it may be asked again, by this process."""
        return self.owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        """End the process and leave nothing behind."""
        if self.owner != os.getpid():
            return  # a copy in a forked process: not ours to end
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass  # what was not sent any more

    def _listen(self) -> None:
        stream = self._process.stdout
        frame: _Heard = None
        try:
            while stream and (frame := read_frame(stream, self.limits.memory)) is not None:
                self._frames.put(frame)
        except FrameError as error:
            frame = error if self._process.poll() is None else None
        except MemoryError as error:
            frame = error
        except (OSError, ValueError):
            pass
        self._frames.put(frame)

    def _next(self, seconds: float) -> _Heard:
        try:
            return self._frames.get(timeout=seconds)
        except Empty:
            raise _EndedError(f"took longer than {seconds:g} seconds") from None

    def _ended(self) -> _EndedError:
        code = self._process.wait()
        if code >= 0:
            how = f"ended the process that reads scans with exit code {code}"
            return _EndedError(how, idle=code == 0)
        if -code == getattr(signal, "SIGXCPU", 0):
            return _EndedError(f"took longer than {self.limits.seconds:g} seconds")
        name = signal.Signals(-code).name
        return _EndedError(f"ended the process that reads scans by the signal {name}")

    def _no_start(self) -> DataError:
        self._process.kill()
        self._process.wait()
        self._said.seek(0)
        last = self._said.read().decode(errors="replace").strip().splitlines()[-1:]
        self.close()
        return DataError(
            f"The process that reads scans cannot be started: {''.join(last) or 'no reason'}.",
            cause="too little memory is allowed to start it, or the installation is damaged.",
            remedy="Allow more with NEXTSLICE_SCAN_GB, or install nextslice again.",
        )


_kept: list[_Reader] = []
"""At most one process that waits for the next data set; starting one takes a moment."""

_keeping = threading.Lock()


def _idle_or_new(limits: Limits) -> _Reader:
    with _keeping:
        reader = _kept.pop() if _kept else None
    if reader is not None:
        if reader.alive and reader.limits == limits:
            return reader
        reader.close()
    return _Reader(limits)


def _keep(reader: _Reader) -> None:
    with _keeping:
        if not _kept:
            _kept.append(reader)
            return
    reader.close()


@atexit.register
def _close_kept() -> None:
    while _kept:
        _kept.pop().close()
