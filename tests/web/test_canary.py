"""Nothing that names a patient reaches the browser: not from headers, nor from folders."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import Client, Request, Response
from tests.canary import CASE, FOLDER, NAME, connections, found_in, logged, planted

from nextslice.annotators import Desk
from nextslice.failpoints import VARIABLE

from .conftest import Page, make_project
from .served import command_serving


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("canary"))


def test_the_name_stands_where_it_was_planted(scans: Path) -> None:
    for path in scans.iterdir():
        assert found_in(path.read_bytes(), NAME) or found_in(path.name, NAME), path
    assert found_in(str(scans), FOLDER)


@pytest.fixture(autouse=True)
def _nothing_is_connected_to() -> Iterator[None]:
    with connections() as elsewhere:
        yield
    assert elsewhere == []


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
    assert found_in(caplog.text, NAME) == []
    kept = logged(caplog.records) + out + error
    assert found_in(kept, NAME, FOLDER, str(scans.parents[1])) == []


@pytest.mark.promise(
    "Nothing leaves that names a patient",
    fault="a name in headers, folders and what is asked; all that a server says whose scans, "
    "masks and disk fail",
)
def test_the_log_of_the_server_tells_neither_headers_nor_folders_nor_who_asked_for_what(
    scans: Path,
    tmp_path: Path,
    drawn: Callable[[dict[str, Any]], np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that a server says while nearly everything goes wrong that can."""
    moved = tmp_path / FOLDER / "scans"
    shutil.copytree(scans, moved)
    (moved / "a.nii.gz").rename(moved / f"{CASE}.nii.gz")
    project = tmp_path / FOLDER / f"study of {FOLDER}"
    make_project(project, moved).close()
    monkeypatch.setenv(VARIABLE, "mask.written:enospc:1")
    with (
        command_serving(project, tmp_path / "log") as served,
        Client(base_url=served.address, trust_env=False, timeout=60) as client,
    ):
        addresses: list[str] = []
        client.event_hooks["request"] = [lambda sent: addresses.append(str(sent.url))]
        statuses: list[int] = []
        client.event_hooks["response"] = [lambda got: statuses.append(got.status_code)]
        page = Page(client, served.token, annotator="Nosy Nora").enter()
        views = page.overview()["slices"]
        page.answer(views[0]["id"], "skip", reason="Nosy Nora says it is Mrs Miller")
        one, mask = views[1]["id"], drawn(views[1]).tobytes()
        answers = [
            page.get("/api/slices/Mrs%20Miller/image?of=Mrs%20Miller"),
            page.get("/Mrs%20Miller"),
            page.put(one, b"Mrs Miller"),
            page.put(one, mask),  # finds the disk full
            page.put(one, mask),
            page.put(one, np.zeros_like(drawn(views[1])).tobytes()),  # on an old version
            page.put(one, b"\1" * 90_000),
            page.post("/api/query/finish", {"cycle": "Mrs Miller"}),
            page.client.get("/api/overview", headers={"Host": "mrs-miller"}),
            page.client.get("/api/overview"),
        ]
        for path in moved.iterdir():
            path.write_bytes(path.read_bytes()[:-20])
        answers += [page.get(f"/api/slices/{view['id']}/image") for view in views]
        for path in moved.iterdir():
            path.unlink()
        answers += [page.get(f"/api/slices/{view['id']}/image") for view in views]
        for path in (project / "annotations").rglob("*.npy"):
            path.write_bytes(b"Mrs Miller")
        answers += [page.get(f"/api/slices/{one}/annotation")]
        page.post("/api/query/finish", {"cycle": 0})
        overview = page.overview()
        for _ in range(600):
            if (overview := page.overview())["phase"] != "training":
                break
            time.sleep(0.1)
        assert overview["phase"] == "failed"
        shutil.rmtree(project / "annotations")
        answers += [page.get(f"/api/slices/{one}/annotation"), page.get("/api/overview")]
        cookie, csrf = client.cookies.values(), page.csrf
    assert {answer.status_code for answer in answers} == {
        200,
        401,
        404,
        409,
        413,
        421,
        422,
        500,
    }
    said = served.said().replace(served.link, "")
    assert "The way to the next query failed: " in said
    assert "image failed: DataError: " in said
    assert "annotation failed: StorageError: annotations/" in said
    assert "annotation failed: ProjectError: " in said
    assert {view["case"] for view in views} >= {CASE}
    assert len(addresses) > len(views)
    asked = re.findall(r"\b(?:GET|HEAD|PUT|POST) \S+", said)  # as the log has it
    failed = [status for status in statuses if status >= 500]
    assert 0 < len(asked) <= len(failed) < len(statuses)  # what went well leaves no line
    assert not [view["id"] for view in views if view["id"] in said]
    assert found_in("\n".join(addresses + asked), CASE) == []  # ids of slices say nothing
    wanted = (NAME, FOLDER, str(tmp_path), "Nosy Nora", "Mrs Miller")
    assert found_in(said, *wanted, served.token, csrf, *cookie) == []
    told = b"".join(answer.content + repr(answer.headers).encode() for answer in answers)
    assert found_in(told, NAME, FOLDER, str(tmp_path)) == []
