"""A command that is killed while it writes: typed again, it comes to what it would have."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from tests.faults.points import kills_of
from tests.faults.scenes import REACHED, Scene

from nextslice.failpoints import VARIABLE

FEW = [
    "order.half",
    "backup.written",
    "restored.fsynced",
    "restore.whole",
    "unpacking.renamed",
    "voxels.renamed",
]
KILLED = {name: points for name, points in REACHED.items() if name != "tell"}
"""``tell`` is killed with masks that were drawn: see test_killed_tell.py."""

LATER = ["volume.written", "restored.renamed", "voxels.opened", "scan.fsynced"]


@pytest.mark.promise(
    "A command that was killed leaves no half of anything under its name; typed again, it "
    "comes to the same files.",
    fault="SIGKILL of init, ask, train, status, export, predict, fetch, backup, restore, "
    "report, phantom and benchmark at every step of every file they write",
)
@pytest.mark.parametrize(("name", "failpoint"), kills_of(KILLED, FEW, LATER))
def test_killed_and_typed_again_it_comes_to_the_same(
    name: str,
    failpoint: str,
    scene: Callable[[str], Scene],
    undisturbed: Callable[[str], object],
    command: Callable[..., tuple[int | None, str]],
) -> None:
    calm = undisturbed(name)
    killed = scene(name)
    environment = {**killed.environment, VARIABLE: failpoint}
    code, said = command(*killed.arguments, environment=environment)
    assert code == -signal.SIGKILL, f"{failpoint} was never reached: {said}"
    killed.stopped()
    code, said = command(*killed.arguments, environment=dict(killed.environment))
    assert code == 0, said
    assert killed.result() == calm
