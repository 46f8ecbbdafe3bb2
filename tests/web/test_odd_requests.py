"""Requests as no browser sends them: answered with a refusal, and nothing is done or told."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest

from nextslice.annotators import Desk
from nextslice.web.files import page_files
from nextslice.web.security import CSRF_HEADER
from nextslice.web.serving import PageServer

UNUSUAL = ("HEAD", "OPTIONS", "TRACE", "PATCH", "DELETE", "PROPFIND", "BREW")


@pytest.fixture
def desk(lasting_server: tuple[Desk, PageServer]) -> Desk:
    return lasting_server[0]


@pytest.fixture
def server(lasting_server: tuple[Desk, PageServer]) -> PageServer:
    return lasting_server[1]


def test_with_a_session_a_route_does_what_it_is_described_to_do_and_nothing_else(
    page: Any, desk: Desk
) -> None:
    before = desk.overview()
    described = page.get("/api/openapi.json").json()["paths"]
    for path, ways in described.items():
        for method in {*UNUSUAL, "GET", "POST", "PUT"} - {way.upper() for way in ways}:
            one = path.replace("{slice_id}", before.slices[0].id)
            answer = page.client.request(method, one, headers=page.headers)
            assert answer.status_code == 405, (method, path)
            assert answer.headers["x-content-type-options"] == "nosniff"
    for path in page_files():
        for method in UNUSUAL[1:]:
            answer = page.client.request(method, path, headers=page.headers)
            assert answer.status_code == 405, (method, path)
    assert desk.overview() == before


def _ask(server: PageServer, request: bytes) -> bytes:
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


TARGETS = (
    b"/static/../server.py",
    b"/static/../../../../../../etc/passwd",
    b"/static/%2e%2e/server.py",
    b"/static/%2e%2e%2fserver.py",
    b"/static/%252e%252e/server.py",
    b"/static/..%5cserver.py",
    b"/static/..\\server.py",
    b"/static/..%c0%afserver.py",
    b"/static/main.js%00",
    b"/static/%00/main.js",
    b"/static/main.js%0d%0aX-More:%20yes",
    b"//etc/passwd",
    b"/%2fetc/passwd",
    b"/.%2e/.%2e/etc/passwd",
    b"file:///etc/passwd",
    b"http://evil.example/static/main.js",
    b"\\etc\\passwd",
    b"*",
    b"",
    b"/" + b"a" * 5000,
)


@pytest.mark.promise(
    "No address leads to a file that is not the page's own.",
    fault="`..`, back slashes, NUL, encoded once and twice, other schemes, written by hand",
)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("known", [True, False])
def test_no_target_leads_to_a_file(
    page: Any, server: PageServer, target: bytes, known: bool
) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in page.client.cookies.items())
    host = server.address.removeprefix("http://").encode()
    head = b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n"
    if known:
        head += b"Cookie: " + cookies.encode() + b"\r\n"
        head += f"{CSRF_HEADER}: {page.csrf}\r\n".encode()
    answer = _ask(server, head + b"\r\n")
    assert re.match(rb"HTTP/1.1 4\d\d ", answer), answer[:200]
    assert b"X-More" not in answer
    for told in (b"root:", b"import ", b"nextslice/web"):
        assert told not in answer


@pytest.mark.promise(
    "A request of which two readings are possible is refused.",
    fault="two lengths, a length and pieces, folded and broken heads, other versions",
)
@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 2", b"Content-Length: 3"),
        (b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        (b"Content-Length: +2",),
        (b"Content-Length: -2",),
        (b"Content-Length: 0x2",),
        (b"Content-Length: 99999999999999999999999999",),
        (b"Transfer-Encoding: gzip, chunked",),
        (b"Transfer-Encoding: \x0bchunked",),
        (b"Host: evil.example",),
        (b"Content-Length : 2",),
        (b"X\x00Y: 1",),
        (b"X: a\rb",),
        (b"no colon",),
    ],
)
def test_a_request_with_two_readings_is_refused(
    page: Any, desk: Desk, server: PageServer, lines: tuple[bytes, ...]
) -> None:
    before = desk.overview()
    cookies = "; ".join(f"{name}={value}" for name, value in page.client.cookies.items())
    head = [
        b"POST /api/query/finish HTTP/1.1",
        b"Host: " + server.address.removeprefix("http://").encode(),
        b"Cookie: " + cookies.encode(),
        *(f"{name}: {value}".encode() for name, value in page.headers.items()),
        b"Content-Type: application/json",
        b"Connection: close",
        *lines,
    ]
    answer = _ask(server, b"\r\n".join(head) + b"\r\n\r\n{}")
    assert re.match(rb"HTTP/1.1 (4\d\d|501) ", answer), answer[:200]
    assert answer.count(b"HTTP/1.1") == 1  # what is left of it is not read as another
    assert desk.overview() == before


@pytest.mark.promise(
    "What strangers send writes nothing to the terminal.",
    fault="web sockets, foreign hosts and origins, requests that are none",
)
@pytest.mark.parametrize(
    "lines",
    [
        (b"Upgrade: websocket", b"Connection: Upgrade, close", b"Origin: http://evil.example"),
        (b"Upgrade: h2c", b"Connection: Upgrade, close"),
        (b"Origin: http://evil.example",),
        (b"Host: evil.example",),
        (b"Cookie: nextslice=guessed",),
        (b"no colon",),
        (b"X: " + b"x" * 70_000,),
        (b"\x16\x03\x01\x02\x00",),
    ],
)
def test_what_strangers_send_writes_nothing_to_the_terminal(
    server: PageServer, lines: tuple[bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """Any page open in a browser can send such requests, as many as it likes."""
    host = b"Host: " + server.address.removeprefix("http://").encode()
    own = () if lines[0].startswith(b"Host") else (host,)
    for method in (b"GET", b"POST"):
        head = (method + b" /api/overview HTTP/1.1", *own, b"Connection: close", *lines)
        answer = _ask(server, b"\r\n".join(head) + b"\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d ", answer), answer[:200]
    assert not caplog.records
