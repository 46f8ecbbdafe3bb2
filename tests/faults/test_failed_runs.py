"""Where a run of a benchmark failed is written down whole or not at all; it fails the same."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from tests.faults import flows
from tests.faults.points import failures_of, kills

from nextslice.failpoints import PLACES, VARIABLE
from nextslice.project.opening import FAILURE

POINTS = [name for name in PLACES["benchmark"] if name.startswith("failure")]

Fail = Callable[..., int | None]


@pytest.fixture
def fail(
    processes: ForkServerContext, scans: Path, cache: dict[str, str], tmp_path: Path
) -> Fail:
    """A run that diverges, in a process of its own; how that ended."""

    def fail(failpoint: str | None = None) -> int | None:
        environment = cache | ({} if failpoint is None else {VARIABLE: failpoint})
        process = processes.Process(
            target=flows.fail, args=(tmp_path / "run", scans, environment, tmp_path / "told")
        )
        process.start()
        process.join()
        return process.exitcode

    return fail


def _written(folder: Path) -> str:
    text = (folder / "run" / FAILURE).read_text()
    assert text.startswith("nextslice.benchmark.executor, line ")
    assert "What to do: " in text
    assert text.endswith("\n")
    return text


@pytest.mark.promise(
    "Where in the code a run failed is kept whole or not at all; the same run again says it.",
    fault="SIGKILL at every step of the record of a run that diverges",
)
@pytest.mark.parametrize("failpoint", kills(["failure.half"], POINTS, [], 1))
def test_killed_while_it_writes_why_it_failed(
    failpoint: str, fail: Fail, tmp_path: Path
) -> None:
    assert fail(failpoint) == -signal.SIGKILL
    if (tmp_path / "run" / FAILURE).exists():
        _written(tmp_path)
    assert fail() == 0
    _written(tmp_path)
    assert FAILURE in (tmp_path / "told").read_text()
    assert not list((tmp_path / "run").glob(".*.tmp"))


@pytest.mark.promise(
    "A run that failed says its cause though the disk does not take where in the code it was.",
    fault="no space left, or an I/O error, at every step of the record of a run that diverges",
)
@pytest.mark.parametrize(
    ("name", "failpoint"), failures_of({"run": POINTS}, ["failure.half:enospc"])
)
def test_the_disk_fails_while_it_writes_why_it_failed(
    name: str, failpoint: str, fail: Fail, tmp_path: Path
) -> None:
    assert fail(failpoint) == 0
    assert "loss" in (tmp_path / "told").read_text()
    assert FAILURE not in (tmp_path / "told").read_text()
    if (tmp_path / "run" / FAILURE).exists():
        _written(tmp_path)
    assert not list((tmp_path / "run").glob(".*.tmp"))
    assert fail() == 0
    _written(tmp_path)
