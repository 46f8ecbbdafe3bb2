"""A disk that is full or fails: a clear error, all as it was, and the same again goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults import flows

from nextslice.annotators import Desk
from nextslice.errors import NextsliceError, ProjectError, StorageError
from nextslice.failpoints import STEPS, VARIABLE, WRITTEN
from nextslice.project import Records
from nextslice.project.verifying import verify

BEGINNING = ("holder", "environment", "config")  # written when a project is opened
BY_THE_SYSTEM = ("written", "fsynced")
DERIVED = {"queries.csv", "cycles.csv"}  # behind the database until it is opened again

pytestmark = pytest.mark.usefixtures("_cache_of_its_own")


def _cases(kinds: tuple[str, ...], few: tuple[str, ...]) -> list[object]:
    return [
        pytest.param(
            f"{what}.{step}:{how}",
            marks=() if f"{what}.{step}:{how}" in few else (pytest.mark.faults,),
        )
        for what in kinds
        for step in STEPS
        for how in ("enospc", *(("eio",) if step in BY_THE_SYSTEM else ()))
    ]


def _assert_clear(error: NextsliceError) -> None:
    assert "cannot be written" in error.problem
    assert "the disk is full" in error.cause or "fails" in error.cause
    assert "do the same again" in error.remedy


@pytest.mark.promise(
    "A simulated run on a disk that is full or fails stops with a clear error; what it has is "
    "whole, and the same command goes on to the same result.",
    fault="no space left, or an I/O error, at every step of every file",
)
@pytest.mark.parametrize(
    "failpoint",
    _cases(
        WRITTEN["run"],
        ("config.half:enospc", "weights.half:enospc", "table.fsynced:eio"),
    ),
)
def test_a_simulation_stops_with_a_clear_error_and_goes_on(
    failpoint: str,
    scans: Path,
    simulated: str,
    result_of: Callable[[Path], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"
    monkeypatch.setenv(VARIABLE, failpoint)
    with pytest.raises(StorageError) as raised:
        flows.run_simulation(folder, scans, {})
    _assert_clear(raised.value)
    if (folder / "project.db").exists():
        assert {finding.path for finding in verify(folder).findings} <= DERIVED
    monkeypatch.delenv(VARIABLE)
    flows.run_simulation(folder, scans, {})
    assert result_of(folder) == simulated


@pytest.mark.promise(
    "At the desk an answer that the disk does not take is refused and can be sent again; a "
    "training that it stops is told and can be tried again.",
    fault="no space left, or an I/O error, at every step of every file",
)
@pytest.mark.parametrize(
    "failpoint",
    _cases(
        tuple(
            what
            for what in (*WRITTEN["run"], *WRITTEN["live project"])
            if what not in BEGINNING
        ),
        ("mask.renamed:enospc", "proposals.written:eio"),
    ),
)
def test_at_the_desk_nothing_is_lost_and_all_can_be_done_again(
    failpoint: str,
    bare_scans: Path,
    answered: str,
    result_of: Callable[[Path], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "project"
    with Desk(flows.open_project(folder, bare_scans)) as desk:
        monkeypatch.setenv(VARIABLE, failpoint)
        for view in flows.open_slices(desk):
            if failpoint.startswith("mask"):
                with pytest.raises(StorageError) as raised:
                    flows.save(desk, view)
                _assert_clear(raised.value)
            else:
                flows.save(desk, view)
        if not failpoint.startswith("mask"):
            desk.finish_query()
            assert desk.wait(60)
            assert desk.overview().phase == "failed"
            assert "What to do" in desk.overview().error
        assert {finding.path for finding in verify(folder).findings} <= DERIVED
        monkeypatch.delenv(VARIABLE)
        for view in flows.open_slices(desk) if failpoint.startswith("mask") else ():
            flows.save(desk, view)
        desk.finish_query(cycle=desk.overview().cycle)
        assert desk.wait(60)
        assert desk.overview().error == ""
        assert desk.overview().cycle == 1
        for view in flows.open_slices(desk):
            flows.save(desk, view)
    assert result_of(folder) == answered
    assert verify(folder).findings == ()


@pytest.mark.promise(
    "A command that the disk stops exits with 2 and says what to do; typed again, it goes on.",
    fault="no space left in the midst of a model's weights",
)
def test_the_command_line_says_what_to_do_and_goes_on(
    command: Callable[..., tuple[int | None, str]], scans: Path, tmp_path: Path
) -> None:
    arguments = [
        *("simulate", scans, "--out", tmp_path / "run", "--preset", "quick"),
        *("--size", 24, 24, "--test", 2, "--cycles", 0, "--initial", 2),
        *("--selection", "random"),
        *("--set", "training.steps=6", "--set", "network.channels=[4, 8]"),
    ]
    code, told = command(*arguments, environment={VARIABLE: "weights.half:enospc"})
    assert code == 2
    assert "weights.safetensors cannot be written: No space left on device" in told
    assert "Likely cause: the disk is full" in told
    assert "What to do: " in told
    assert "Traceback" not in told
    code, told = command(*arguments)
    assert code == 0, told


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system that is soon full."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root on Linux alone")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.promise(
    "On a disk that really fills up every answer that was acknowledged stays, the others are "
    "refused with a clear error, and with more room the project goes on.",
    fault="saves on a file system of 1.2 MB until nothing fits",
)
def test_a_disk_that_really_fills_up(small_disk: Path, bare_scans: Path) -> None:
    folder, acknowledged = small_disk / "project", 0
    refusals: list[NextsliceError] = []
    with Desk(flows.open_project(folder, bare_scans)) as desk:
        view = desk.overview().slices[0]
        for number in range(3000):
            try:
                saved = desk.save(
                    view.id,
                    flows.drawn(view.case, number, view.shape),
                    annotator="Ada",
                    base_version=acknowledged,
                    key=f"number-{number}",
                )
            except (StorageError, ProjectError) as error:
                refusals.append(error)
                if len(refusals) == 20:
                    break
            else:
                acknowledged = saved.version
        assert len(refusals) == 20
        assert acknowledged > 20
        for refused in refusals:
            assert "the disk is full" in refused.cause
            assert refused.remedy
        grown = ["mount", "-o", "remount,size=20m", str(small_disk)]
        subprocess.run(grown, check=True)
        again = desk.save(
            view.id,
            flows.drawn(view.case, 5000, view.shape),
            annotator="Ada",
            base_version=acknowledged,
            key="number-again",
        )
        assert again.version == acknowledged + 1
    assert verify(folder).findings == ()
    with Records.look(folder) as records:
        assert verify(folder).answers == acknowledged + 1
        row = next(row for row, s in enumerate(records.states().values()) if s == "labelled")
        assert [a.version for a in records.versions(row)] == list(range(1, acknowledged + 2))
