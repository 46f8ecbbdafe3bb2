"""A simulated run that is killed at any step of any write comes to the same result."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from tests.faults import flows
from tests.faults.points import kills

from nextslice.failpoints import PLACES, VARIABLE
from nextslice.project.verifying import verify

FEW = ["config.half", "mask.fsynced", "weights.renamed", "scores.written", "commit.before"]
LATER = [
    *("mask.fsynced", "scores.durable", "table.opened", "table.renamed", "events.renamed"),
    *("commit.before", "commit.after"),
]

Simulate = Callable[..., int | None]


@pytest.fixture(scope="module")
def simulate(processes: ForkServerContext, scans: Path, cache: dict[str, str]) -> Simulate:
    """Run the simulation in a process of its own; returns how that ended."""

    def simulate(folder: Path, failpoint: str | None = None) -> int | None:
        environment = cache | ({} if failpoint is None else {VARIABLE: failpoint})
        process = processes.Process(
            target=flows.run_simulation, args=(folder, scans, environment)
        )
        process.start()
        process.join()
        return process.exitcode

    return simulate


@pytest.mark.promise(
    "A simulated run that was killed ends with the same queries, weights and metrics.",
    fault="SIGKILL at every step of every write, the first time and a later one",
)
@pytest.mark.parametrize("failpoint", kills(FEW, PLACES["run"], LATER, 2))
def test_killed_and_started_again_it_comes_to_the_same(
    failpoint: str,
    simulate: Simulate,
    simulated: str,
    result_of: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    assert simulate(folder, failpoint) == -signal.SIGKILL, f"{failpoint} was never reached"
    assert simulate(folder) == 0
    assert result_of(folder) == simulated
    assert verify(folder).findings == ()
