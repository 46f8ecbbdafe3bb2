"""A simulated run that is killed at any step of any write comes to the same result."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from tests.faults import flows

from nextslice.failpoints import FAILPOINTS, VARIABLE
from nextslice.project.verifying import verify

ONLY_LIVE = {"proposals", "upload", "reply"}
POINTS = [name for name in FAILPOINTS if name.partition(".")[0] not in ONLY_LIVE]
FEW = ["config.half", "mask.fsynced", "weights.renamed", "scores.written", "commit.before"]

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


@pytest.fixture(scope="module")
def undisturbed(
    simulate: Simulate,
    result_of: Callable[[Path], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert simulate(folder) == 0
    return result_of(folder)


def _cases() -> list[object]:
    """Few of them always; all, and each a later time too, where there is time."""
    return [
        pytest.param(
            f"{name}:kill:{nth}",
            marks=() if name in FEW and nth == 1 else (pytest.mark.faults,),
        )
        for name in POINTS
        for nth in (1, 4)
    ]


@pytest.mark.promise(
    "A simulated run that was killed ends with the same queries, weights and metrics.",
    fault="SIGKILL at every step of every write, the first time and a later one",
)
@pytest.mark.parametrize("failpoint", _cases())
def test_killed_and_started_again_it_comes_to_the_same(
    failpoint: str,
    simulate: Simulate,
    undisturbed: str,
    result_of: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    ended = simulate(folder, failpoint)
    once = failpoint.startswith(("config", "environment", "holder")) and failpoint.endswith("4")
    assert ended == (0 if once else -signal.SIGKILL), f"{failpoint} was never reached"
    assert simulate(folder) == 0
    assert result_of(folder) == undisturbed
    assert verify(folder).findings == ()
