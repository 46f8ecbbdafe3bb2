"""A live project behind its page, killed at any step: nothing acknowledged is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import Client, TransportError
from tests.faults import flows
from tests.faults.points import kills

from nextslice.data.pool import SliceId
from nextslice.errors import ProjectError
from nextslice.failpoints import PLACES, VARIABLE
from nextslice.project import Records
from nextslice.project.verifying import verify
from nextslice.web.security import CSRF_HEADER, ENTRY

FEW = ["upload.received", "mask.renamed", "commit.after", "reply.before", "proposals.half"]
LATER = [
    *("mask.half", "mask.durable", "table.half", "upload.received"),
    *("commit.before", "commit.after", "reply.before"),
]
POINTS = (*PLACES["run"], *PLACES["live project"])
CYCLES = 2  # answered before the expert goes home

Serve = Callable[..., Any]


@dataclass
class Expert:
    """Draws through the page, and writes down what was acknowledged.

    Attributes:
        sent: (case, slice) -> shape of what was sent, acknowledged or not.
        acknowledged: (case, slice) -> the version that the page was told.
    """

    sent: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    acknowledged: dict[tuple[str, int], int] = field(default_factory=dict)

    def work(self, link: str) -> None:
        """Answer query after query; ends where the server does.

        Raises:
            TransportError: The server is gone.
        """
        address, _, token = link.partition("/#token=")
        with Client(base_url=address, trust_env=False, timeout=30) as client:
            entered = client.post(ENTRY, json={"token": token}, headers={"Origin": address})
            headers = {"Origin": address, CSRF_HEADER: entered.json()["csrf"]}
            while True:
                told = client.get("/api/overview", headers=headers).json()
                assert told["phase"] != "failed", told["error"]
                if told["phase"] != "annotating":
                    time.sleep(0.02)
                    continue
                for view in told["slices"]:
                    if view["state"] == "queried":
                        self._save(client, headers, view)
                if told["cycle"] == CYCLES - 1:
                    return
                end = {"cycle": told["cycle"]}
                assert client.post("/api/query/finish", json=end, headers=headers).is_success

    def _save(self, client: Client, headers: dict[str, str], view: dict[str, Any]) -> None:
        name = view["case"], view["index"]
        self.sent[name] = tuple(view["shape"])
        said = {
            "Content-Type": "application/octet-stream",
            "X-Annotator": "Dr Ada",
            "X-Base-Version": str(view["version"]),
            "X-Key": f"key-{view['id']}",
            "X-Seconds": "1.5",
        }
        mask = flows.drawn(*name, self.sent[name])
        answer = client.put(
            f"/api/slices/{view['id']}/annotation",
            content=mask.tobytes(),
            headers=headers | said,
        )
        assert answer.status_code == 200, answer.text
        self.acknowledged[name] = answer.json()["version"]

    def check(self, folder: Path) -> None:
        """All that was acknowledged is in the folder, and all that is there is whole."""
        try:
            records = Records.look(folder)
        except ProjectError:
            assert not self.acknowledged
            return
        with records:
            try:
                rows = {name: row for row, name in enumerate(records.states())}
            except ProjectError:  # killed before the tables were made
                assert not self.acknowledged
                return
            for (case, index), shape in self.sent.items():
                kept = records.versions(rows[SliceId(case, index)])
                told = self.acknowledged.get((case, index))
                assert told in (None, 1)
                assert told is None or [answer.version for answer in kept] == [1]
                for answer in kept:  # acknowledged or not
                    assert answer.native_sha256 is not None
                    mask = records.mask(answer.native_sha256)
                    assert np.array_equal(mask, flows.drawn(case, index, shape))


@pytest.fixture(scope="module")
def serve(processes: ForkServerContext, bare_scans: Path, cache: dict[str, str]) -> Serve:
    """Serve the project in a process of its own; gives its link, None where it died first."""

    @contextmanager
    def serve(
        folder: Path, failpoint: str | None = None
    ) -> Iterator[tuple[BaseProcess, str | None]]:
        environment = cache | ({} if failpoint is None else {VARIABLE: failpoint})
        hears, tells = processes.Pipe(duplex=False)
        process = processes.Process(
            target=flows.run_page, args=(folder, bare_scans, environment, tells)
        )
        process.start()
        tells.close()
        try:
            link = hears.recv()
        except EOFError:
            link = None
        try:
            yield process, link
        finally:
            process.kill()
            process.join()

    return serve


@pytest.mark.promise(
    "Every annotation that the page was told is saved is there and whole; one that it was not "
    "told is whole or absent; the project goes on to the same queries and weights.",
    fault="SIGKILL of the server at every step of every write, the first time and a later one",
)
@pytest.mark.parametrize("failpoint", kills(FEW, POINTS, LATER, 3))
def test_killed_and_started_again_nothing_acknowledged_is_lost(
    failpoint: str,
    serve: Serve,
    answered: str,
    result_of: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    folder, expert = tmp_path / "project", Expert()
    with serve(folder, failpoint) as (process, link):
        if link is not None:
            with pytest.raises(TransportError):
                expert.work(link)
        process.join(30)
        assert process.exitcode == -signal.SIGKILL, f"{failpoint} was never reached"
    expert.check(folder)
    with serve(folder) as (_, link):
        expert.work(link)
    expert.check(folder)
    assert len(expert.sent) == 4
    assert result_of(folder) == answered
    assert verify(folder).findings == ()
