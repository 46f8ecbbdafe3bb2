"""Nobody gets in: what every request must prove, and what every answer says."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Client
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from nextslice.annotators import Desk
from nextslice.cli.app import app
from nextslice.errors import CheckpointError, NextsliceError, SettingsError
from nextslice.web.files import page_files
from nextslice.web.routes import Title
from nextslice.web.security import CSRF_HEADER, ENTRY, LARGEST_BODY, Door, Guard
from nextslice.web.server import create_app
from nextslice.web.serving import PageServer, Place
from nextslice.web.sessions import Sessions
from nextslice.web.wire import without_files

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

UNKNOWN = pytest.mark.promise(
    "Whoever has not shown the link's token gets nothing but the page's own files.",
    fault="every route with every method without a session, wrong tokens",
)
ELSEWHERE = pytest.mark.promise(
    "Another site, open in the same browser, can read and write nothing.",
    fault="foreign and missing Origin, Host, Sec-Fetch-Site and session secrets",
)
BOUND = pytest.mark.promise(
    "Other machines are served over TLS, or where somebody said that they need none.",
    fault="names and addresses of the network, and every address, without TLS",
)


@pytest.fixture
def desk(lasting_server: tuple[Desk, PageServer]) -> Desk:
    return lasting_server[0]


@pytest.fixture
def server(lasting_server: tuple[Desk, PageServer]) -> PageServer:
    return lasting_server[1]


def _paths(page: Any) -> set[str]:
    """Every address that the server knows, and some that it does not."""
    schema = {re.sub(r"{\w+}", "abc", p) for p in page.get("/api/openapi.json").json()["paths"]}
    assert len(schema) >= 13
    elsewhere = {"/api", "/api/nothing", "/api/openapi.json", "/nothing", "/docs", "/redoc"}
    return schema | elsewhere | set(page_files())


@UNKNOWN
def test_without_a_session_every_route_answers_401_to_every_method(
    page: Any, desk: Desk
) -> None:
    paths, public = _paths(page), set(page_files())
    page.client.cookies.clear()
    before = desk.overview()
    for path in paths:
        for method in METHODS:
            if path in public and method in {"GET", "HEAD"}:
                expected = 200
            elif (path, method) == (ENTRY, "POST"):
                expected = 403  # no Origin; with it, see below
            else:
                expected = 401
            answer = page.client.request(method, path)
            assert answer.status_code == expected, (method, path)
    assert desk.overview() == before


@ELSEWHERE
def test_the_cookie_alone_opens_no_route_to_any_method(page: Any, desk: Desk) -> None:
    """A browser sends it to every server of this machine; one that gets it may send it on."""
    paths, public = _paths(page), set(page_files())
    first = page.csrf
    page.enter()
    before = desk.overview()
    assert page.client.cookies
    for path in sorted(paths - public):
        for method in METHODS:
            if (path, method) == (ENTRY, "POST"):
                continue  # the token is the secret
            reads = method in {"GET", "HEAD", "OPTIONS", "TRACE"}
            answer = page.client.request(method, path, headers={"Origin": page.origin})
            assert answer.status_code == (401 if reads else 403), (method, path)
            for wrong in ("guessed", first, page.csrf[:-1], page.csrf + "x"):
                forged = {"Origin": page.origin, CSRF_HEADER: wrong}
                answer = page.client.request(method, path, headers=forged)
                assert answer.status_code == 403, (method, path)
    assert desk.overview() == before
    assert page.get("/api/overview").status_code == 200


@UNKNOWN
def test_only_the_token_of_the_link_opens_a_session(
    stranger: Client, server: PageServer
) -> None:
    origin = {"Origin": server.address}
    link, _, token = server.link.partition("/#token=")
    assert link == server.address
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    for wrong in ("", "x", token[:-1], token + " ", "\u00e9" * 9):
        answer = stranger.post(ENTRY, json={"token": wrong}, headers=origin)
        assert answer.status_code == 401
        assert stranger.get("/api/overview").status_code == 401
    answer = stranger.post(ENTRY, json={"token": token}, headers=origin)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"nextslice-{stranger.base_url.port}=")
    for word in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert word in cookie
    secret = answer.json()["csrf"]
    assert secret not in cookie
    known = stranger.get("/api/overview", headers={CSRF_HEADER: secret})
    assert known.status_code == 200


# Browsers send the cookies of every port of this machine, and keep nearly any bytes in them.
COOKIES_OF_OTHERS = (
    b'prefs={"a":1}', b'prefs={"a": 1, "b": 2}', b"x=a b", b'x="a', b'x=a"b', b"x=\xe4",
    "\u00fc=1".encode(), b"foo", b"=x", b"a=b,c=d", b"a@b=1", b"a b=1", b"[a]=1", b"a/b=1",
    b"$Version=1", b"secure", b"Path=/", b"x=y=z", b";;", b"nextslice-1=x",
    b'x="' + b"\\" * 50_000 + b'"',
)  # fmt: skip


@pytest.mark.promise(
    "Cookies of other programs of this machine shut nobody out and let nobody in.",
    fault="cookies as no standard has them, long ones, our own name twice",
)
@pytest.mark.parametrize("foreign", COOKIES_OF_OTHERS)
def test_cookies_of_other_programs_shut_nobody_out_and_let_nobody_in(
    page: Any, server: PageServer, foreign: bytes
) -> None:
    [(name, value)] = page.client.cookies.items()
    ours, none = f"{name}={value}".encode(), f"{name}={value[::-1]}".encode()

    browser = Client(base_url=server.address, trust_env=False)

    def status(*headers: bytes) -> int:
        cookies = [(b"Cookie", header) for header in headers]
        secret = (CSRF_HEADER.encode(), page.csrf.encode())
        return browser.get("/api/overview", headers=[*cookies, secret]).status_code

    with browser:
        both = (foreign + b"; " + ours, ours + b"; " + foreign)
        assert [status(header) for header in both] == [200, 200]
        assert [status(foreign, ours), status(ours, foreign)] == [200, 200]
        strangers = (foreign, none, foreign + b"; " + none, b"x" + ours, ours + b"x")
        assert [status(header) for header in strangers] == [401] * 5
        assert [status(none, none), status(none + b"; " + none)] == [401, 401]
        assert browser.get("/", headers=[(b"Cookie", foreign)]).status_code == 200


def test_two_servers_have_two_tokens(desk: Desk) -> None:
    links = set()
    for _ in range(2):
        server = PageServer(desk, Place(port=0), Title("K", "k"))
        links.add(server.link.partition("#token=")[2])
        server.stop()
        server.serve()
    assert len(links) == 2


def test_over_tls_the_cookie_never_travels_without_it(desk: Desk) -> None:
    door = Door(frozenset({"scans.example:443"}), "c", Sessions("t"), secure=True)
    app = create_app(desk, door, Title("K", "k"))

    async def enter() -> str:
        where = AsyncClient(transport=ASGITransport(app), base_url="https://scans.example")
        headers = {"Origin": "https://scans.example:443", "Host": "scans.example:443"}
        async with where as client:
            answer = await client.post(ENTRY, json={"token": "t"}, headers=headers)
            return answer.headers["set-cookie"]

    assert "Secure" in asyncio.run(enter())


def test_old_sessions_make_room_for_new_ones() -> None:
    sessions = Sessions("t")
    opened = [sessions.open("t") for _ in range(300)]
    known = [sessions.knows(each.cookie) for each in opened if each]
    assert known == [False] * 44 + [True] * 256


@ELSEWHERE
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.x:{port}",
     "127.0.0.1:{port}.", "127.0.0.1:{port},evil.example", "", "[::1]:{port}", "127.1:{port}"],
)  # fmt: skip
def test_under_another_name_nothing_is_answered(page: Any, host: str) -> None:
    """DNS rebinding: a site's own name, pointed at this machine, arrives in the Host header."""
    host = host.format(port=page.client.base_url.port)
    for path in ("/", "/static/main.js", "/api/overview"):
        assert page.client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    ("address", "hosts", "others"),
    [
        ("http://scans.example:80",
         ["scans.example", "scans.example:80", "SCANS.example", "Scans.Example:80"],
         ["scans.example:443", "scans.example:", "scans.example:80:80", "scans.example."]),
        ("https://scans.example:443",
         ["scans.example", "scans.example:443", "SCANS.EXAMPLE", "scans.Example:443"],
         ["scans.example:80", "scans.example:4430", "xscans.example", "scans.example:443:443"]),
        ("http://scans.example:8080",
         ["scans.example:8080", "Scans.example:8080"],
         ["scans.example", "scans.example:80", "scans.example:80:8080"]),
        ("http://[::1]:80", ["[::1]", "[::1]:80"], ["::1", "[::1", "[::80]", "[::1]:443"]),
    ],
)  # fmt: skip
def test_a_host_is_known_however_browsers_write_it_and_in_no_other_way(
    desk: Desk, address: str, hosts: list[str], others: list[str]
) -> None:
    scheme, _, name = address.partition("://")
    door = Door(frozenset({name.title()}), "c", Sessions("t"), secure=scheme == "https")
    app = create_app(desk, door, Title("K", "k"))

    async def statuses() -> list[tuple[str, int, int]]:
        told = []
        async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
            for host in [*hosts, *others]:
                seen = await client.get("/", headers={"Host": host})
                origin = {"Host": host, "Origin": f"{scheme}://{hosts[0]}"}
                entered = await client.post(ENTRY, json={"token": "t"}, headers=origin)
                told.append((host, seen.status_code, entered.status_code))
        return told

    expected = [(host, 200, 200) for host in hosts] + [(host, 421, 421) for host in others]
    assert asyncio.run(statuses()) == expected


@ELSEWHERE
@pytest.mark.parametrize(
    "origin",
    ["http://scans.example", "https://scans.example:80", "https://scans.example.", "https://",
     "scans.example", "https://scans.example:443, null", "https:scans.example"],
)  # fmt: skip
def test_another_origin_is_told_from_ours_at_the_usual_port_too(
    desk: Desk, origin: str
) -> None:
    door = Door(frozenset({"scans.example:443"}), "c", Sessions("t"), secure=True)
    app = create_app(desk, door, Title("K", "k"))

    async def enter() -> int:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
            headers = {"Host": "scans.example", "Origin": origin}
            answer = await client.post(ENTRY, json={"token": "t"}, headers=headers)
            return answer.status_code

    assert asyncio.run(enter()) == 403


def test_this_machine_has_two_names(page: Any, server: PageServer) -> None:
    port = page.client.base_url.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert page.client.get("/", headers={"Host": host}).status_code == 200


@ELSEWHERE
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:{port}"},  # the same server, but not the page that asks
        {"Origin": ""},
        {CSRF_HEADER: ""},
        {CSRF_HEADER: "guessed"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_write(page: Any, headers: dict[str, str]) -> None:
    view = page.first()
    port = page.client.base_url.port
    headers = {name: value.format(port=port) for name, value in headers.items()}
    body = {"annotator": "Eve", "base_version": 0, "key": "key-of-eve", "reason": "mischief"}
    answer = page.client.post(
        f"/api/slices/{view['id']}/skip", json=body, headers=page.headers | headers
    )
    assert answer.status_code == 403
    assert page.first() == view


@ELSEWHERE
def test_every_route_that_writes_holds_out_other_sites(page: Any, desk: Desk) -> None:
    routes = page.get("/api/openapi.json").json()["paths"]
    writing = [(p, m) for p, methods in routes.items() for m in methods if m != "get"]
    assert len(writing) >= 7
    before = desk.overview()
    for path, method in writing:
        for forged in (
            {"Origin": "http://evil.example"},
            {CSRF_HEADER: "guessed"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            if path == ENTRY and CSRF_HEADER in forged:
                continue  # there is no session yet; the token is the secret
            answer = page.client.request(
                method.upper(), path.replace("{slice_id}", "abc"), headers=page.headers | forged
            )
            assert answer.status_code == 403, (method, path, forged)
    assert desk.overview() == before


@ELSEWHERE
def test_without_an_origin_nothing_is_written(page: Any) -> None:
    answer = page.client.post(
        "/api/query/finish", json={"cycle": 0}, headers={CSRF_HEADER: page.csrf}
    )
    assert answer.status_code == 403


@ELSEWHERE
def test_another_site_cannot_read(page: Any) -> None:
    for site in ("cross-site", "same-site"):
        forged = {CSRF_HEADER: page.csrf, "Sec-Fetch-Site": site}
        answer = page.client.get("/api/overview", headers=forged)
        assert answer.status_code == 403


@ELSEWHERE
def test_the_secret_of_one_session_is_none_for_another(page: Any) -> None:
    first = page.csrf
    page.enter()
    answer = page.client.post(
        "/api/query/finish", json={"cycle": 0}, headers=page.headers | {CSRF_HEADER: first}
    )
    assert answer.status_code == 403


def test_every_answer_says_what_a_browser_may_do(page: Any) -> None:
    view = page.first()
    answers = [
        page.get("/"),
        page.get("/static/main.js"),
        page.get("/api/overview"),
        page.get(f"/api/slices/{view['id']}/image"),
        page.get(f"/api/slices/{view['id']}/proposal"),
        page.get("/api/slices/none/image"),
        page.get("/nothing"),
        page.client.get("/", headers={"Host": "evil.example"}),
        page.client.post("/api/overview", headers=page.headers),
        page.client.post("/api/query/finish", content=b"{", headers=page.headers),
    ]
    assert [a.status_code for a in answers] == [
        200,
        200,
        200,
        200,
        204,
        404,
        404,
        421,
        405,
        422,
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        allowed = answer.headers["permissions-policy"]
        assert allowed == "camera=(), geolocation=(), microphone=()"
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_page_loads_nothing_from_elsewhere_and_holds_no_script_of_its_own() -> None:
    files = page_files()
    html = files["/"].content.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", html)
    for path, file in files.items():
        text = file.content.decode()
        outside = set(re.findall(r"https?://[^\s\"'`)]+", text))
        assert outside <= {"http://www.w3.org/2000/svg"}, path
        for banned in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ):
            assert banned not in text, path
        for module in re.findall(r"from \"([^\"]+)\"", text):
            place = Path("/static", *Path(path).parts[2:-1], module)
            assert str(place).replace("/tools/../", "/") in files, (path, module)


@pytest.mark.parametrize(
    "path",
    ["/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2fserver.py",
     "//etc/passwd", "/static//main.js", "/static/tools", "/static/", "/static/main.js/",
     "/static/%00main.js",
     "/static/..\\server.py", "/api/slices/..%2f..%2fetc%2fpasswd/image"],
)  # fmt: skip
def test_no_path_of_an_address_reaches_the_file_system(page: Any, path: str) -> None:
    assert page.get(path).status_code == 404


def test_the_description_of_the_routes_is_behind_the_token_and_its_pages_are_off(
    page: Any,
) -> None:
    assert page.get("/api/openapi.json").json()["paths"]["/api/overview"]
    assert page.get("/docs").status_code == page.get("/redoc").status_code == 404


def test_a_body_is_bounded_whether_its_length_is_announced_or_not(page: Any) -> None:
    large = b'{"cycle": "' + b"x" * LARGEST_BODY + b'"}'
    kind = {"Content-Type": "application/json"}
    announced = page.client.post(
        "/api/query/finish", content=large, headers=page.headers | kind
    )
    streamed = page.client.post(
        "/api/query/finish",
        content=iter([large[:100], large[100:]]),
        headers=page.headers | kind,
    )
    assert (announced.status_code, streamed.status_code) == (413, 413)


def test_the_browser_is_told_of_no_file_and_the_log_of_those_of_the_project_alone(
    page: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    view = page.first()
    project, _ = desk.folders
    problem = CheckpointError(
        f"{project}/models/model.safetensors is damaged.",
        cause="the disk is failing.",
        remedy="Delete /home/anna/Mrs Miller.",
    )

    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(Desk, "image", fail)
    told = page.get(f"/api/slices/{view['id']}/image")
    assert told.status_code == 500
    assert "the terminal of nextslice serve says which" in told.json()["problem"]
    assert told.json()["cause"] == "the disk is failing."
    assert "Miller" not in told.text
    assert "model" not in told.text
    assert "failed: CheckpointError: models/model.safetensors is damaged." in caplog.text
    assert "What to do: Delete [elsewhere on this machine]" in caplog.text
    assert "Miller" not in caplog.text
    assert str(project) not in caplog.text


def test_a_surprise_is_told_to_the_log_by_its_place_and_to_the_browser_as_one(
    page: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    view = page.first()

    folder = Path("/home/anna/Mrs Miller")

    def surprise(*_: object) -> None:
        folder.read_text()

    monkeypatch.setattr(Desk, "image", surprise)
    surprised = page.get(f"/api/slices/{view['id']}/image?of=Mrs%20Miller")
    assert surprised.status_code == 500
    assert surprised.headers["content-security-policy"] == POLICY
    assert surprised.json()["problem"] == "Something went wrong in the server."
    assert "GET /api/slices/{slice_id}/image failed." in caplog.text
    assert ", in surprise" in caplog.text
    assert caplog.text.rstrip().endswith("FileNotFoundError")
    assert "Miller" not in caplog.text + surprised.text
    assert "/home" not in caplog.text
    assert "Traceback" not in caplog.text + surprised.text


def test_a_surprise_at_the_door_is_told_no_further_either(
    page: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the server underneath would log what the error says."""
    sent = "Mrs Miller"

    def surprise(*_: object) -> None:
        raise ValueError(sent)

    monkeypatch.setattr(Guard, "_check", surprise)
    surprised = page.get("/api/overview")
    assert surprised.status_code == 500
    assert surprised.json()["problem"] == "Something went wrong in the server."
    assert ", in surprise" in caplog.text
    assert "Miller" not in caplog.text + surprised.text


_NAMES = st.text("aZ9 ,.-()é", min_size=1, max_size=8).filter(lambda name: name.strip() == name)


@given(st.lists(_NAMES, min_size=1, max_size=4), st.from_regex(r"[a-z]{1,8}", fullmatch=True))
def test_no_folder_and_no_file_is_left_in_a_message(folders: list[str], name: str) -> None:
    for start, sign in (("/", "/"), ("C:\\", "\\"), ("\\\\", "\\")):
        path = start + sign.join([*folders, name])
        told = without_files(f"Expected to read {path}, got: nothing.\nWhat to do: rest.")
        first, rest = told.splitlines()
        assert first.startswith("A file of this project cannot be used")
        assert rest == "What to do: rest."
    told = without_files(f"Nothing is wrong.\nLikely cause: {name}.nii.gz was moved.")
    assert told == "Nothing is wrong."


def test_messages_without_files_stay_as_they_are() -> None:
    text = "Expected 3 slices/volume, got 1/2; ratio 3 / 4 and 12.5 mm.\nWhat to do: wait."
    assert without_files(text) == text
    assert without_files("") == ""


@BOUND
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"host": "0.0.0.0"}, "stands for all"),  # noqa: S104
        ({"host": "::"}, "stands for all"),
        ({"host": ""}, "stands for all"),
        ({"host": "192.168.1.20"}, "without TLS"),
        ({"host": "scans.example"}, "without TLS"),
        ({"port": 70_000}, "65535"),
        ({"certfile": Path("cert.pem")}, "belong together"),
        ({"certfile": Path("no.pem"), "keyfile": Path("no.key")}, "no.pem"),
    ],
)
def test_a_place_that_others_could_read_along_is_refused(
    place: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SettingsError, match=expected):
        Place(**place)


@BOUND
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--host", "192.0.2.1"], "At 192.0.2.1 other machines can connect, and without TLS"),
        (["--host", "192.0.2.1", "--insecure"], "there is no config.yaml"),
        (["--host", "localhost"], "there is no config.yaml"),
        ([], "there is no config.yaml"),
    ],
)
def test_the_command_asks_for_tls_or_a_word_before_anything_is_opened(
    words: list[str], expected: str, tmp_path: Path
) -> None:
    """An address of no machine, as RFC 5737 keeps it for examples; and no project is there."""
    typed = ["serve", str(tmp_path / "none"), "--no-browser", *words]
    with pytest.raises(NextsliceError, match=expected):
        CliRunner().invoke(app, typed, catch_exceptions=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.5.5.5"])
def test_this_machine_alone_needs_no_tls(host: str) -> None:
    assert Place(host=host).loopback
    assert not Place(host="192.168.1.20", insecure=True).loopback
