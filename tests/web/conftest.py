"""The page's server over a desk on a small phantom, and a browser's way of asking it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import Client, Response

from nextslice.annotators import Desk
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.live import LiveProject
from nextslice.web.routes import Title
from nextslice.web.security import CSRF_HEADER, ENTRY
from nextslice.web.serving import PageServer, Place

SETTINGS = (
    "network.channels=[4, 8]",
    "training.steps=8",
    "training.steps_per_epoch=4",
    "uncertainty.samples=2",
    "initial=4",
    "budget=3",
    "device=cpu",
)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small synthetic patients with their labels; slices and pixels are not square."""
    folder = tmp_path_factory.mktemp("phantom") / "labelled"
    write_phantom(
        folder, Phantom(patients=3, size=(40, 48), slices=(8, 9), spacing=(2.0, 1.5, 5.0))
    )
    return folder


@pytest.fixture(scope="session")
def scans(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same scans without anything else."""
    folder = tmp_path_factory.mktemp("bare") / "scans"
    shutil.copytree(labelled / "imagesTr", folder)
    return folder


def make_project(folder: Path, scans: Path) -> LiveProject:
    """A live project with tiny trainings."""
    return LiveProject.create(
        folder, images=scans, labels="cortex,medulla", assignments=SETTINGS
    )


@contextmanager
def serving(desk: Desk) -> Iterator[PageServer]:
    """The real server, on a port of its own."""
    server = PageServer(desk, Place(port=0), Title("Kidneys", "k1"))
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


@pytest.fixture
def live(scans: Path, tmp_path: Path) -> LiveProject:
    return make_project(tmp_path / "project", scans)


@pytest.fixture
def desk(live: LiveProject) -> Iterator[Desk]:
    with Desk(live) as desk:
        yield desk


@pytest.fixture
def server(desk: Desk) -> Iterator[PageServer]:
    with serving(desk) as server:
        yield server


@pytest.fixture(scope="module")
def lasting_server(
    scans: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, PageServer]]:
    """One for tests that change nothing, with its desk."""
    folder = tmp_path_factory.mktemp("lasting") / "project"
    with Desk(make_project(folder, scans)) as desk, serving(desk) as server:
        yield desk, server


@pytest.fixture
def stranger(server: PageServer) -> Iterator[Client]:
    """A browser that has not shown the token."""
    with Client(base_url=server.address, trust_env=False) as client:
        yield client


@dataclass
class Page:
    """What the page does with the server."""

    client: Client
    token: str
    csrf: str = ""
    annotator: str = "Dr Ada"
    keys: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))

    def enter(self) -> Page:
        answer = self.client.post(
            ENTRY, json={"token": self.token}, headers={"Origin": self.origin}
        )
        assert answer.status_code == 200
        self.csrf = answer.json()["csrf"]
        return self

    @property
    def origin(self) -> str:
        return str(self.client.base_url).rstrip("/")

    @property
    def headers(self) -> dict[str, str]:
        return {"Origin": self.origin, CSRF_HEADER: self.csrf}

    def get(self, path: str) -> Response:
        return self.client.get(path, headers={CSRF_HEADER: self.csrf})

    def post(self, path: str, body: Any) -> Response:
        return self.client.post(path, json=body, headers=self.headers)

    def overview(self) -> dict[str, Any]:
        told: dict[str, Any] = self.get("/api/overview").json()
        return told

    def first(self) -> dict[str, Any]:
        found: dict[str, Any] = self.overview()["slices"][0]
        return found

    def put(self, slice_id: str, content: Any, **headers: str) -> Response:
        told = {
            "Content-Type": "application/octet-stream",
            "X-Annotator": self.annotator,
            "X-Base-Version": "0",
            "X-Key": f"key-{next(self.keys):08d}",
            "X-Seconds": "1.5",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.put(
            f"/api/slices/{slice_id}/annotation", content=content, headers=self.headers | told
        )

    def answer(self, slice_id: str, how: str, **body: Any) -> Response:
        told = {
            "annotator": self.annotator,
            "base_version": 0,
            "key": f"key-{next(self.keys):08d}",
        }
        return self.post(f"/api/slices/{slice_id}/{how}", told | body)


@pytest.fixture
def page(stranger: Client, server: PageServer) -> Page:
    """A browser that has shown the token."""
    return Page(stranger, server.link.partition("#token=")[2]).enter()


@pytest.fixture
def drawn() -> Callable[[dict[str, Any]], np.ndarray]:
    """A mask for a slice of the overview: both classes, and background."""

    def drawn(view: dict[str, Any]) -> np.ndarray:
        height, width = view["shape"]
        mask = np.zeros((height, width), np.uint8)
        mask[5:12, 3:30] = 1
        mask[8:20, 10:16] = 2
        return mask

    return drawn
