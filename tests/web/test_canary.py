"""Nothing that names a patient reaches the browser: not from headers, nor from folders."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import Client, Request, Response
from tests.canary import FOLDER, NAME, found_in, planted

from nextslice.annotators import Desk

from .conftest import Page, make_project
from .served import command_serving


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("canary"))


def test_the_name_stands_where_it_was_planted(scans: Path) -> None:
    for path in scans.iterdir():
        assert found_in(path.read_bytes(), NAME) or found_in(path.name, NAME), path
    assert found_in(str(scans), FOLDER)


@pytest.mark.promise(
    "Nothing leaves that names a patient",
    fault="a name in headers, comments and folders: pages, addresses, errors",
)
def test_neither_pages_nor_addresses_nor_errors_nor_logs_name_the_patient(
    page: Any,
    desk: Desk,
    scans: Path,
    drawn: Callable[[dict[str, Any]], np.ndarray],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[bytes] = []
    statuses: list[int] = []

    def address(request: Request) -> None:
        seen.append(str(request.url).encode())

    def answer(response: Response) -> None:
        response.read()
        statuses.append(response.status_code)
        seen.append(response.content + repr(response.headers.multi_items()).encode())

    page.client.event_hooks = {"request": [address], "response": [answer]}
    documented = page.get("/api/openapi.json").json()["paths"]
    readable = [path for path, ways in documented.items() if "get" in ways]
    assert len(readable) >= 7
    views = page.overview()["slices"]
    page.put(views[0]["id"], drawn(views[0]).tobytes())
    page.put(views[0]["id"], b"\xff" * 10)  # does not fit
    page.answer(views[1]["id"], "skip", reason="blurred")

    def read_all() -> None:
        for path in readable:
            for view in views if "{" in path else views[:1]:
                one = path.replace("{slice_id}", view["id"])
                page.get(one)
                page.get(f"{one}?offset=1")

    read_all()
    desk._pictures._scans._kept.clear()  # so that each scan has to be read again
    whole = {path: path.read_bytes() for path in scans.iterdir()}
    try:
        for path in whole:
            path.write_bytes(b"")
        read_all()
        assert 500 in statuses
        for path in whole:
            path.unlink()
        read_all()
    finally:
        for path, content in whole.items():
            path.write_bytes(content)
    told = b"\n".join(seen)
    assert len(seen) > 100
    assert found_in(told, NAME, FOLDER, str(scans.parents[1])) == []
    out, error = capfd.readouterr()
    assert found_in(caplog.text + out + error, NAME) == []


@pytest.mark.promise(
    "Nothing leaves that names a patient",
    fault="a name in headers and in what is asked; the log of a server whose scans are broken",
)
def test_the_log_of_the_server_tells_neither_headers_nor_who_asked_for_what(
    scans: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "scans"
    shutil.copytree(scans, moved)
    make_project(tmp_path / "project", moved).close()
    with (
        command_serving(tmp_path / "project", tmp_path / "log") as served,
        Client(base_url=served.address, trust_env=False, timeout=60) as client,
    ):
        page = Page(client, served.token, annotator="Nosy Nora").enter()
        views = page.overview()["slices"]
        page.answer(views[0]["id"], "skip", reason="Nosy Nora says it is Mrs Miller")
        page.get("/api/slices/Mrs%20Miller/image?of=Mrs%20Miller")
        page.put(views[1]["id"], b"Mrs Miller")
        for path in moved.iterdir():
            path.write_bytes(path.read_bytes()[:-20])
        answers = [page.get(f"/api/slices/{view['id']}/image") for view in views]
        cookie, csrf = client.cookies.values(), page.csrf
    assert 500 in {answer.status_code for answer in answers}
    said = served.said().replace(served.link, "")
    assert "cannot be" in said or "damaged" in said or "cut" in said, said
    assert found_in(said, NAME, "Nosy Nora", "Mrs Miller", served.token, csrf, *cookie) == []
    told = b"".join(answer.content for answer in answers)
    assert found_in(told, NAME, "Nosy Nora", str(tmp_path)) == []
