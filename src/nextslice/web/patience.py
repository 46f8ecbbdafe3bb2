"""How long a connection may take over a request, so that none is held open for nothing.

uvicorn waits as long as it takes for a request's head and body, and for its answer to be read.
Somebody who opens connections and sends nothing, or a byte now and then, would hold them all.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["MOST_CONNECTIONS", "PatientProtocol"]

MOST_CONNECTIONS: Final = 512
"""At once; whoever comes then is turned away until one is free."""


class PatientProtocol(H11Protocol):
    """One connection, closed where it takes too long.

    Attributes:
        head_seconds: From its beginning, or from the first byte of a further request, until
            the head of the request is there.
        body_seconds: From then until its body is there.
        rest_seconds: From an answer that was given before the body ended until its end.
        answer_seconds: From the end of the body until the answer is given. A save on a disk
            that is busy may take long.
        taking_seconds: From then until all of the answer is on its way.
    """

    head_seconds = 10.0
    body_seconds = 120.0
    rest_seconds = 2.0
    answer_seconds = 300.0
    taking_seconds = 120.0

    _waits_for = ""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection begins."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ends."""
        self._wait_for("")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request came."""
        super().data_received(data)
        self._set_deadline()

    def on_response_complete(self) -> None:
        """An answer was given."""
        super().on_response_complete()
        self._set_deadline(between=True)

    def _set_deadline(self, *, between: bool = False) -> None:
        theirs, ours = self.conn.their_state, self.conn.our_state
        if theirs is h11.SEND_BODY:
            self._wait_for("body" if ours in {h11.SEND_RESPONSE, h11.SEND_BODY} else "rest")
        elif theirs is not h11.IDLE:
            self._wait_for("answer")
        elif between and self.transport.get_write_buffer_size():
            self._wait_for("taking")
        else:  # between two requests it is uvicorn that counts, until the next one begins
            self._wait_for("" if between else "head")

    def _wait_for(self, what: str) -> None:
        if what == self._waits_for:
            return
        self._waits_for = what
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if what:
            seconds: float = getattr(self, f"{what}_seconds")
            self._deadline = self.loop.call_later(seconds, self.transport.abort)
