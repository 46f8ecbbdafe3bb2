"""A desk that is killed while people save and a training runs: nothing acknowledged is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nextslice.annotators import Desk
from nextslice.live import LiveProject
from nextslice.models.checkpoints import read_manifest

# Answers the query, trains slowly, and goes on saving; each line was acknowledged.
_WORK = """
import sys, time
import numpy as np
from nextslice.annotators import Desk
from nextslice.live import LiveProject

def save(desk, view, number, version):
    mask = np.random.default_rng(number).integers(0, 3, view.shape, dtype=np.uint8)
    saved = desk.save(view.id, mask, annotator="Ada", base_version=version, key=str(number))
    print("saved", view.id, saved.version, number, flush=True)

project = LiveProject.open(sys.argv[1])
desk = Desk(project)
hear = desk._following._background.listen
project.listen(lambda progress: (hear(progress), time.sleep(0.3)))
slices = desk.overview().slices
for number, view in enumerate(slices):
    save(desk, view, number, 0)
desk.finish_query()
for number in range(1000, 2000):
    progress = desk.overview().progress
    if progress is not None and progress.step:
        print("training", flush=True)
    view = slices[number % len(slices)]
    newest = desk.annotation(view.id)
    save(desk, view, number, newest.version)
"""


@pytest.mark.parametrize("lines", [2, 30])
def test_killed_in_the_midst_of_saving_and_training(
    create: Callable[..., LiveProject], tmp_path: Path, lines: int
) -> None:
    create(assignments=["training.steps=60"]).close()
    folder = tmp_path / "project"
    child = subprocess.Popen(
        [sys.executable, "-c", _WORK, folder], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    told: list[list[str]] = []
    while len(told) < lines or (lines > 9 and ["training"] not in told):
        told.append(child.stdout.readline().split())
        assert told[-1], "the child ended by itself"
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate()
    told += [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    acknowledged = [line[1:] for line in told if line[0] == "saved"]
    with Desk(LiveProject.open(folder)) as desk:
        for slice_id, version, number in acknowledged:
            kept = desk.annotation(slice_id, int(version))
            assert kept is not None
            drawn = np.random.default_rng(int(number)).integers(
                0, 3, kept.mask.shape, dtype=np.uint8
            )
            assert np.array_equal(kept.mask, drawn)
        newest = {view.id: view.version for view in desk.overview().slices}
        for slice_id, version, _ in acknowledged:
            assert newest[slice_id] >= int(version)  # one may be kept and not yet be told
        if desk._project.training_began(0):  # else it was killed before the query was finished
            assert desk.wait(60)
            assert desk.overview().error == ""
            assert desk.overview().cycle == 1
            weights = read_manifest(folder / "models" / "cycle-00")["sha256"]
            assert weights == _undisturbed(create)


def _undisturbed(create: Callable[..., LiveProject]) -> str:
    """The weights of a project with the same first answers, in which nothing went wrong."""
    with Desk(create("undisturbed", assignments=["training.steps=60"])) as desk:
        for number, view in enumerate(desk.overview().slices):
            mask = np.random.default_rng(number).integers(0, 3, view.shape, dtype=np.uint8)
            desk.save(view.id, mask, annotator="Ada", base_version=0, key=str(number))
        desk.finish_query()
        assert desk.wait(60)
        folder = desk._live.folder
    return str(read_manifest(folder / "models" / "cycle-00")["sha256"])
