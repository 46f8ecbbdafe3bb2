"""What the commands write for others names no patient: not from headers, nor from folders."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from tests.canary import FOLDER, NAME, connections, found_in, logged, planted
from typer.testing import CliRunner

from nextslice.cli.app import app

SETTINGS = (
    "network.channels=[4, 8]",
    "training.steps=8",
    "training.steps_per_epoch=4",
    "uncertainty.samples=2",
    "device=cpu",
)


def run(*arguments: object) -> str:
    """What a command prints; it must end well."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def contents(folder: Path, but: set[str]) -> dict[str, bytes]:
    """Name -> bytes of every file below a folder, unless its SHA-256 is named."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {n: b for n, b in files.items() if hashlib.sha256(b).hexdigest() not in but}


@pytest.fixture(autouse=True)
def _nothing_is_connected_to() -> Iterator[None]:
    with connections() as elsewhere:
        yield
    assert elsewhere == []


def _turn_elsewhere() -> None:
    with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 9))  # of no machine; nothing is sent


def _in_a_thread() -> None:
    thread = threading.Thread(target=_turn_elsewhere)
    thread.start()
    thread.join()


def _in_a_process(*settings: str) -> None:
    code = f"import contextlib, socket\n{inspect.getsource(_turn_elsewhere)}_turn_elsewhere()"
    subprocess.run([sys.executable, *settings, "-c", code], check=True)


@pytest.mark.parametrize(
    "turn",
    [_turn_elsewhere, _in_a_thread, _in_a_process, functools.partial(_in_a_process, "-P")],
    ids=["here", "thread", "process", "process that reads scans"],
)
def test_whoever_turns_to_another_machine_is_heard(turn: Callable[[], None]) -> None:
    """Or the tests here could not fail."""
    with connections() as heard:
        turn()
    assert heard == ["socket.connect 192.0.2.1"]


@pytest.mark.promise(
    "Nothing leaves that names a patient",
    fault="the same name: what eight commands print and write",
)
def test_no_command_tells_or_writes_the_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    scans = planted(tmp_path)
    originals = {hashlib.sha256(p.read_bytes()).hexdigest() for p in scans.iterdir()}
    project = tmp_path / f"study of {FOLDER}"
    work, out = tmp_path / "work", tmp_path / "out"
    settings = [part for setting in SETTINGS for part in ("--set", setting)]

    said = [run("check", scans)]
    said += [
        run(
            *("init", project, "--images", scans, "--labels", "cortex,medulla"),
            *("--initial", 4, "--budget", 3, *settings),
        )
    ]
    said += [run("ask", project, "--out", work)]
    for path in (work / "masks").glob("*.nii.gz"):
        mask = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        mask[:, 4:9, 5:20] = 1
        mask[:, 6:8, 6:10] = 2
        changed = sitk.GetImageFromArray(mask.astype(np.uint8))
        changed.CopyInformation(sitk.ReadImage(str(path)))
        sitk.WriteImage(changed, str(path))
    said += [run("tell", project, work, "--annotator", "Dr Ada")]
    said += [run("train", project)]
    said += [run("ask", project, "--out", tmp_path / "work-2")]
    said += [run("predict", project, "--out", out / "predicted")]
    said += [run("export", project, out / "nnunet")]
    said += [run("status", project), run("status", project, "--json")]
    said += [run("status", project, "--figure", out / "agreement.svg")]  # nothing to draw yet

    printed = "\n".join(said) + "".join(capfd.readouterr()) + caplog.text
    assert len(said) == 11
    assert found_in(printed, NAME) == []
    # What was typed may be said where it was typed; what a program logs is kept.
    assert found_in(logged(caplog.records), FOLDER, str(tmp_path)) == []

    # A work order holds the scans themselves, as an editor needs them; nothing else.
    for folder in (work, tmp_path / "work-2"):
        handed_out = contents(folder, but=originals)
        assert len(contents(folder, but=set())) > len(handed_out) >= 4
        for name, content in handed_out.items():
            assert found_in(content, NAME, FOLDER) == [], name
    written = contents(out, but=set())
    assert {Path(name).parts[0] for name in written} == {"predicted", "nnunet"}
    for name, content in written.items():
        assert found_in(content, NAME, FOLDER, str(tmp_path)) == [], name
        assert found_in(name, NAME, FOLDER) == [], name
    for name, content in contents(project, but=set()).items():
        wanted = (NAME,) if name in {"config.yaml", "environment.json"} else (NAME, FOLDER)
        assert found_in(content, *wanted) == [], name
