"""What every request must prove before a route sees it, and what every answer says.

In this order: the Host is one of ours (else 421: another site's name was pointed at this
machine); the browser is known by its cookie (401), unless it asks for the page's own files or
brings its token; the request was not made by another site (403: Sec-Fetch-Site, and for
whatever writes the Origin and the session's second secret); the body is no larger than it may
be (413), counted as it comes in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

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
        hosts: What the Host header may say, with the port: ``127.0.0.1:8765``.
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
        await self._app(scope, _bounded(receive, largest), say)

    def _check(self, method: str, path: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if host not in self._door.hosts or len(headers.getlist("host")) != 1:
            raise _RefusedError(421, "This server does not answer under that name.")
        reads = method in _READS
        if reads and method in {"GET", "HEAD"} and path in self._public:
            return
        entering = method == "POST" and path == ENTRY
        cookie = _cookie(headers, self._door.cookie)
        if not entering and not self._door.sessions.knows(cookie):
            raise _RefusedError(
                401,
                "The server does not know this browser.",
                "Open the link that the terminal shows.",
            )
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise _RefusedError(403, "Another site asked for this.")
        if reads:
            return
        if headers.getlist("origin") != [f"{self._door.scheme}://{host}"]:
            raise _RefusedError(403, "Another site asked for this.")
        csrf = headers.get(CSRF_HEADER, "")
        if not entering and not self._door.sessions.may_write(cookie, csrf):
            raise _RefusedError(
                403,
                "The page and its session do not belong together.",
                "Open the link that the terminal shows.",
            )


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


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
