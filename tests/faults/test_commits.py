"""Killed at any moment, between and within commits: what was told to be kept is kept."""

from __future__ import annotations

import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from tests.faults import flows

from nextslice.project import Records
from nextslice.project.verifying import verify


@pytest.mark.promise(
    "Each answer that was acknowledged is in the database, in order and whole, with a rollback "
    "journal and with a write-ahead log.",
    fault="SIGKILL at a random moment of a storm of saves",
)
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize(
    "milliseconds",
    [3, 20, *(pytest.param(5 + 13 * n, marks=pytest.mark.faults) for n in range(9))],
)
def test_killed_in_a_storm_of_saves(
    processes: ForkServerContext, tmp_path: Path, journal: str, milliseconds: int
) -> None:
    folder, told = tmp_path / "run", []
    for round_ in range(3):
        hears, tells = processes.Pipe(duplex=False)
        first = 1000 * round_
        process = processes.Process(
            target=flows.save_on_and_on, args=(folder, journal, first, tells)
        )
        process.start()
        tells.close()
        told.append(hears.recv())  # the storm has begun
        time.sleep(milliseconds / 1000)
        process.kill()
        process.join()
        try:
            while True:
                told.append(hears.recv())
        except (EOFError, OSError):  # the last may be cut off
            pass
        with Records.look(folder) as records:
            kept = {answer.version: answer.mask_sha256 for answer in records.versions(0)}
        assert list(kept) == list(range(1, len(kept) + 1))
        assert all(kept[version] == sha256 for _, version, sha256 in told)
    findings = verify(folder).findings
    assert {finding.path for finding in findings} <= {"environment.json", "config.yaml"}
