"""What every request must prove before a route sees it, and what every answer says.

In this order: the Host is one of ours (else 421: another site's name was pointed at this
machine); the browser is known by its cookie (401), unless it asks for the page's own files or
brings its token; the request was not made by another site (403: Sec-Fetch-Site, and for
whatever writes the Origin); the page brings the session's second secret (403; nothing at all
in its place is 401 where something is read), because a browser sends a cookie to all servers of
a machine, and whichever gets it could send it on; the body is no larger than it may be (413),
counted as it comes in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nextslice.web.sessions import Sessions

__all__ = ["CSRF_HEADER", "ENTRY", "LARGEST_BODY", "Door", "Guard"]

CSRF_HEADER = "X-Nextslice-Session"
"""The header with the session's second secret."""

ENTRY = "/api/session"
"""Where a token is exchanged for a session."""

LARGEST_BODY = 64 * 1024
"""Bytes of a body, except of masks: those are as large as their slice."""

_LARGEST_MASK = 8192 * 8192  # as large as a slice may be; its route holds it to the slice
_READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_SAYS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Door:
    """Where the server stands, and who may come in.

    Attributes:
        hosts: What the Host header may say, with the port: ``127.0.0.1:8765``. Its letters
            may be large or small, and the port that goes without saying (80, or 443 with TLS)
            may stand there or not.
        secure: Whether the server speaks TLS.
        cookie: The name of the cookie. It names the port, because browsers send a cookie of
            one port of a machine to all others too.
        sessions: The browsers that are known.
    """

    hosts: frozenset[str]
    cookie: str
    sessions: Sessions = field(repr=False)
    secure: bool = False

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` with TLS."""
        return "https" if self.secure else "http"

    def answers_to(self, host: str) -> bool:
        """Whether a Host header names this server."""
        return self._plain(host) in {self._plain(name) for name in self.hosts}

    def is_of(self, origin: str, host: str) -> bool:
        """Whether an Origin header names the page that was asked for at this host."""
        scheme, _, name = origin.partition("://")
        return scheme == self.scheme and self._plain(name) == self._plain(host)

    def _plain(self, host: str) -> str:
        """A host as browsers write it."""
        return host.lower().removesuffix(":443" if self.secure else ":80")


class _RefusedError(Exception):
    def __init__(self, status: int, problem: str, remedy: str = "") -> None:
        self.status = status
        self.body = {"problem": problem, "cause": "", "remedy": remedy}
        super().__init__(problem)


class Guard:
    """Stands before the routes.

    Args:
        app: The routes.
        door: Where the server stands, and who may come in.
        public: Paths that anybody may read: the page's own files.
    """

    def __init__(self, app: ASGIApp, door: Door, public: Iterable[str]) -> None:
        self._app = app
        self._door = door
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in _SAYS.items():
                    told[name] = value
            await send(message)

        try:
            self._check(scope["method"], scope["path"], headers)
            largest = _largest(scope["method"], scope["path"])
            _check_length(headers, largest)
        except _RefusedError as refused:
            await _answer(say, refused)
            return
        # Nobody behind here asks for cookies, but FastAPI unquotes them for each route.
        kept = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
        await self._app({**scope, "headers": kept}, _bounded(receive, largest), say)

    def _check(self, method: str, path: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._door.answers_to(host) or len(headers.getlist("host")) != 1:
            raise _RefusedError(421, "This server does not answer under that name.")
        reads = method in _READS
        if reads and method in {"GET", "HEAD"} and path in self._public:
            return
        entering = method == "POST" and path == ENTRY
        sessions, csrf = self._door.sessions, headers.get(CSRF_HEADER, "")
        cookie = _cookie(headers, self._door.cookie)
        # A page that has lost its secret asks for the link, as after a 401.
        known = sessions.knows(cookie) and bool(csrf or not reads)
        if not entering and not known:
            raise _RefusedError(
                401,
                "The server does not know this browser.",
                "Open the link that the terminal shows.",
            )
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise _RefusedError(403, "Another site asked for this.")
        origins = headers.getlist("origin")
        if not reads and not (len(origins) == 1 and self._door.is_of(origins[0], host)):
            raise _RefusedError(403, "Another site asked for this.")
        if not entering and not sessions.belong(cookie, csrf):
            raise _RefusedError(
                403,
                "The page and its session do not belong together.",
                "Open the link that the terminal shows.",
            )


def _cookie(headers: Headers, name: str) -> str:
    """Our cookie's value, whatever others of this machine have set; of several, the last.

    Its letters need no quoting. What unquotes the others' stops at some that browsers keep,
    or takes seconds over a long one.
    """
    said = ";".join(headers.getlist("cookie")).split(";")
    pairs = (cookie.partition("=") for cookie in said)
    return {key.strip(): value.strip() for key, _, value in pairs}.get(name, "")


def _largest(method: str, path: str) -> int:
    writes_mask = method == "PUT" and path.endswith("/annotation")
    return _LARGEST_MASK if writes_mask else LARGEST_BODY


def _check_length(headers: Headers, largest: int) -> None:
    if "content-length" in headers and "transfer-encoding" in headers:
        raise _RefusedError(400, "A body of one length was expected, two were told.")
    declared = headers.get("content-length", "0")
    if not declared.isascii() or not declared.isdigit() or int(declared[:20]) > largest:
        raise _RefusedError(413, f"A body of at most {largest:,} bytes was expected.")


def _bounded(receive: Receive, largest: int) -> Receive:
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > largest:
            raise HTTPException(413, f"A body of at most {largest:,} bytes was expected.")
        return message

    return take


async def _answer(send: Send, refused: _RefusedError) -> None:
    body = json.dumps(refused.body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
