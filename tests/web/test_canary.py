"""Nothing that names a patient reaches the browser: not from headers, nor from folders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import Request, Response
from tests.canary import FOLDER, NAME, found_in, planted

from nextslice.annotators import Desk


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("canary"))


def test_the_name_stands_where_it_was_planted(scans: Path) -> None:
    for path in scans.iterdir():
        assert found_in(path.read_bytes(), NAME), path
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
