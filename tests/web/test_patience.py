"""Whoever is slow, silent or endless holds nobody up: connections are closed in time."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from nextslice.annotators import Desk
from nextslice.web import patience
from nextslice.web.patience import PatientProtocol
from nextslice.web.serving import PageServer
from nextslice.web.sessions import Sessions

TIMELY = pytest.mark.promise(
    "Whoever is slow, silent or endless is cut off in time, and others are answered meanwhile.",
    fault="heads and bodies byte by byte, connections without a word, bodies without an end",
)


@pytest.fixture
def be_patient(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """For so many seconds with what is named only: a busy machine is slow with everybody."""

    def be(seconds: float, *with_what: str) -> None:
        for name in with_what:
            monkeypatch.setattr(PatientProtocol, f"{name}_seconds", seconds)

    return be


@pytest.fixture
def desk(lasting_server: tuple[Desk, PageServer]) -> Desk:
    return lasting_server[0]


@pytest.fixture
def server(lasting_server: tuple[Desk, PageServer]) -> PageServer:
    return lasting_server[1]


@pytest.fixture
def connect(server: PageServer) -> Iterator[Callable[[], socket.socket]]:
    host, _, port = server.address.removeprefix("http://").partition(":")
    with ExitStack() as opened:
        yield lambda: opened.enter_context(
            socket.create_connection((host, int(port)), timeout=30)
        )


def _send_until_closed(connection: socket.socket, pieces: Iterator[bytes]) -> float:
    """How many seconds it took the server to close the connection."""
    begun = time.monotonic()
    while time.monotonic() - begun < 30:
        try:
            connection.sendall(next(pieces, b""))
            connection.settimeout(0.05)
            if connection.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begun


def _head(page: Any, method: str, path: str, *more: str) -> bytes:
    cookies = "; ".join(f"{name}={value}" for name, value in page.client.cookies.items())
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {page.origin.removeprefix('http://')}",
        f"Cookie: {cookies}",
        *(f"{name}: {value}" for name, value in page.headers.items()),
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _forever(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


@TIMELY
@pytest.mark.parametrize(
    ("what", "of"),
    [
        ("nothing", "head"),
        ("a head", "head"),
        ("a second head", "head"),
        ("a body", "body"),
        ("a rest", "rest"),
    ],
)
def test_who_takes_too_long_is_cut_off_and_others_are_answered(
    connect: Callable[[], socket.socket],
    page: Any,
    be_patient: Callable[..., None],
    what: str,
    of: str,
) -> None:
    be_patient(0.6, of)
    begin = _head(page, "GET", "/api/overview")
    announced = ("Content-Type: application/json", "Content-Length: 1000")
    slow: dict[str, tuple[bytes, Iterator[bytes]]] = {
        "nothing": (b"", iter(())),
        "a head": (b"", (bytes([byte]) for byte in begin + b"x" * 9999)),
        "a second head": (begin, (bytes([byte]) for byte in begin[:-4] + b"x" * 9999)),
        "a body": (_head(page, "POST", "/api/query/finish", *announced), _forever(b" ")),
        "a rest": (  # the answer, 401, came before the body
            b"POST /api/query/finish HTTP/1.1\r\nHost: "
            + page.origin.removeprefix("http://").encode()
            + b"\r\nTransfer-Encoding: chunked\r\n\r\n",
            _forever(b"5\r\nxxxxx\r\n" * 1000),
        ),
    }
    connection = connect()
    first, then = slow[what]
    connection.sendall(first)
    waited: list[float] = []
    sending = threading.Thread(
        target=lambda: waited.append(_send_until_closed(connection, then))
    )
    sending.start()
    while sending.is_alive():
        assert page.get("/api/overview").status_code == 200
        time.sleep(0.05)
    assert 0.4 < waited[0] < 20


@TIMELY
def test_who_waits_too_long_for_the_answer_is_cut_off(
    connect: Callable[[], socket.socket],
    page: Any,
    desk: Desk,
    be_patient: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_patient(0.6, "answer")
    asked, go_on = threading.Event(), threading.Event()
    overview = desk.overview()

    def wait(_: Desk) -> Any:
        asked.set()
        go_on.wait(30)
        return overview

    monkeypatch.setattr(Desk, "overview", wait)
    connection = connect()
    connection.sendall(_head(page, "GET", "/api/overview"))
    assert asked.wait(30)
    assert _send_until_closed(connection, iter(())) < 20
    go_on.set()


@pytest.fixture
def _answers_left_behind(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it looks to the server; from now on, for the page has been let in."""
    transport = "asyncio.selector_events._SelectorSocketTransport"
    monkeypatch.setattr(f"{transport}.get_write_buffer_size", lambda _: 1)


@TIMELY
@pytest.mark.usefixtures("_answers_left_behind")
def test_who_does_not_take_the_answer_is_cut_off(
    connect: Callable[[], socket.socket],
    server: PageServer,
    page: Any,
    be_patient: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_patient(0.6, "taking")
    monkeypatch.setattr(server._server.config, "timeout_keep_alive", 60)
    connection = connect()
    connection.sendall(_head(page, "GET", "/api/overview"))
    assert _send_until_closed(connection, iter(())) < 20


@TIMELY
def test_connections_are_bounded_and_free_again_in_time(
    connect: Callable[[], socket.socket],
    server: PageServer,
    page: Any,
    be_patient: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_patient(0.6, "head")
    monkeypatch.setattr(patience, "MOST_CONNECTIONS", 30)
    silent = [connect() for _ in range(60)]
    time.sleep(0.2)
    assert len(server._server.server_state.connections) <= 31
    deadline = time.monotonic() + 20
    while len(server._server.server_state.connections) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Client(base_url=server.address, trust_env=False) as client:
        assert client.get("/").status_code == 200
    assert len(silent) == 60


def test_the_page_waits_as_long_as_it_is_documented_to() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    patient = PatientProtocol
    assert (
        f"A request has {patient.head_seconds:g} seconds for its head and "
        f"{patient.body_seconds:g} for its body; the server keeps at most "
        f"{patience.MOST_CONNECTIONS} connections."
    ) in " ".join(text.split())
    assert (patient.rest_seconds, patient.answer_seconds, patient.taking_seconds) == (
        2,
        300,
        120,
    )


def test_a_connection_that_is_used_in_time_stays(
    page: Any, be_patient: Callable[..., None]
) -> None:
    be_patient(2, "head", "body", "rest", "answer", "taking")
    kept = [page.get("/api/overview").extensions["network_stream"] for _ in range(8)]
    time.sleep(3)  # longer than any patience with a request, shorter than uvicorn's after it
    kept.append(page.get("/api/overview").extensions["network_stream"])
    sockets = {stream.get_extra_info("socket").fileno() for stream in kept}
    assert len(sockets) == 1


@pytest.mark.usefixtures("_answers_left_behind")
def test_an_answer_that_is_taken_late_takes_no_time_from_the_next(
    page: Any, desk: Desk, be_patient: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(2, "answer", "taking")
    overview = desk.overview()
    assert page.get("/api/overview").status_code == 200
    time.sleep(1.5)

    def take_long(_: Desk) -> Any:
        time.sleep(1)
        return overview

    monkeypatch.setattr(Desk, "overview", take_long)
    assert page.get("/api/overview").status_code == 200


def test_a_head_is_bounded(
    connect: Callable[[], socket.socket], page: Any, be_patient: Callable[..., None]
) -> None:
    be_patient(60, "head")
    connection = connect()
    connection.sendall(_head(page, "GET", "/api/overview")[:-2])
    connection.settimeout(0.02)
    for _ in range(1000):
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
        try:
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
            break
        except TimeoutError:
            continue
    else:
        pytest.fail("a head of a megabyte was taken")


def test_a_page_that_is_closed_in_the_midst_of_a_save_is_no_failure_of_the_server(
    connect: Callable[[], socket.socket], page: Any, caplog: pytest.LogCaptureFixture
) -> None:
    view = page.first()
    connection = connect()
    said = (
        "Content-Type: application/octet-stream",
        f"Content-Length: {view['shape'][0] * view['shape'][1]}",
        "X-Annotator: Ada",
        "X-Base-Version: 0",
        "X-Key: key-of-ada",
    )
    path = f"/api/slices/{view['id']}/annotation"
    connection.sendall(_head(page, "PUT", path, *said) + b"\0" * 10)
    time.sleep(0.2)
    connection.close()
    time.sleep(0.2)
    assert page.first() == view
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_session_ends_after_half_a_day_without_a_request() -> None:
    now = 0.0
    sessions = Sessions("t", clock=lambda: now)
    session = sessions.open("t")
    assert session is not None
    for _ in range(5):
        now += 11 * 3600
        assert sessions.belong(session.cookie, session.csrf)
    now += 12 * 3600 + 1
    assert not sessions.knows(session.cookie)
    assert not sessions.belong(session.cookie, session.csrf)


def test_the_terminal_is_told_of_many_wrong_links_and_not_of_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sessions = Sessions("t")
    for _ in range(150):
        assert sessions.open("wrong") is None
    assert [record.args for record in caplog.records] == [(10,), (100,)]
    assert "wrong'" not in caplog.text
    assert sessions.open("t") is not None  # whoever has the link does not wait
