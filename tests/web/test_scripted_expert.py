"""An expert who draws the data set's labels over HTTP gets the simulation's run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from httpx import Client
from tests.scripted import assert_equal_runs, native_label, run_simulation

import nextslice as ns
from nextslice.annotators import Desk
from nextslice.live import LiveProject

from .conftest import Page, make_project, serving

CYCLES = 3


def test_an_expert_over_http_gets_the_simulation_query_for_query_and_its_weights(
    scans: Path, labelled: Path, tmp_path: Path
) -> None:
    """Over a server that is stopped and started anew, with what happens on networks."""
    pool = ns.SlicePool.from_folder(labelled)
    folder = tmp_path / "project"
    with make_project(folder, scans) as made:
        config = made.config
    for cycle in range(CYCLES):
        with (
            Desk(LiveProject.open(folder)) as desk,
            serving(desk) as server,
            Client(base_url=server.address, trust_env=False) as client,
        ):
            token, keys = server.link.partition("#token=")[2], iter(range(100 * cycle, 10**6))
            page = Page(client, token, keys=keys).enter()
            assert page.overview()["phase"] == "annotating"
            _answer(page, pool, cycle)
            assert page.post("/api/query/finish", {"cycle": cycle}).status_code == 202
            # A second click changes nothing; the training may be over by then.
            assert page.post("/api/query/finish", {"cycle": cycle}).status_code in (202, 422)
            _wait_for_query(page, cycle + 1)
            _look_at_proposals(page)
    run = run_simulation(config, pool, tmp_path / "run", cycles=CYCLES)
    assert_equal_runs(folder, run, cycles=CYCLES)


def _answer(page: Page, pool: ns.SlicePool, cycle: int) -> None:
    told = page.overview()
    assert told["cycle"] == cycle
    for k, view in enumerate(told["slices"]):
        label = native_label(pool, view["case"], view["index"])
        if k == 0:  # drawn wrongly first, then corrected
            wrong = np.ones_like(label)
            assert page.put(view["id"], wrong.tobytes()).status_code == 200
            answers = [page.put(view["id"], label.tobytes(), X_Base_Version="1")]
        elif k == 1:  # the reply was lost: sent again with its key
            key = f"again-{cycle:08d}"
            answers = [page.put(view["id"], label.tobytes(), X_Key=key) for _ in range(2)]
        else:
            answers = [page.put(view["id"], label.tobytes())]
        assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert {view["state"] for view in page.overview()["slices"]} == {"labelled"}


def _look_at_proposals(page: Page) -> None:
    for view in page.overview()["slices"]:
        height, width = view["shape"]
        proposal = page.get(f"/api/slices/{view['id']}/proposal")
        assert len(proposal.content) == height * width
        answer = page.get(f"/api/slices/{view['id']}/uncertainty")
        heat = np.frombuffer(answer.content, "<f4")
        assert len(heat) == height * width
        assert 0 <= heat.min() <= heat.max() <= 1


def _wait_for_query(page: Page, cycle: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        told: dict[str, Any] = page.overview()
        assert told["phase"] != "failed", told["error"]
        if told["cycle"] == cycle:
            return
        assert time.monotonic() < deadline, f"query {cycle} did not come"
        time.sleep(0.05)
