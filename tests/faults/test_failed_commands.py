"""A command whose disk is full or fails: it says so, all is as it was, and again it goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.points import failures_of
from tests.faults.scenes import REACHED, Scene, files_of

from nextslice.failpoints import VARIABLE

FEW = [
    "order.fsynced:eio",
    "description.half:enospc",
    "backup.written:enospc",
    "folder.renamed:enospc",
    "restore.renamed:enospc",
    "unpacking.renamed:enospc",
]
SAID = {"enospc": "No space left on device", "eio": "Input/output error"}
CAUSE = {"enospc": "the disk is full", "eio": "the disk, its cable or the network to it fails"}
UNFINISHED = (
    "*.tmp*",
    "unfinished-*",
    "*.writing-*",
    "*.building-*",
    "*.restoring-*",
    ".*.unpacking",
)

ALIKE = ("opened", "written")
"""Steps after whose failure all is as after the step between them: again is not tried again."""

Command = Callable[..., tuple[int | None, str]]


@pytest.mark.promise(
    "A command that the disk stops exits with 2, names the file, the cause and what to do; "
    "what was there is as it was, nothing half is left, and typed again it comes to the same "
    "files.",
    fault="no space left, or an I/O error, at every step of every file of init, ask, tell, "
    "train, status, export, predict, fetch, backup, restore, report, phantom and benchmark",
)
@pytest.mark.parametrize(("name", "failpoint"), failures_of(REACHED, FEW))
def test_stopped_by_the_disk_and_typed_again_it_comes_to_the_same(
    name: str,
    failpoint: str,
    scene: Callable[[str], Scene],
    undisturbed: Callable[[str], object],
    command: Command,
    answered_folder: Path,
    tmp_path: Path,
) -> None:
    how = failpoint.split(":")[1]
    calm = undisturbed(name)
    failing = scene(name)
    looked_at = files_of(answered_folder)
    environment = {**failing.environment, VARIABLE: failpoint}
    code, said = command(*failing.arguments, environment=environment)
    assert code == 2, f"{failpoint}: {said}"
    assert SAID[how] in said
    assert str(tmp_path) in said
    assert f"Likely cause: {CAUSE[how]}" in said
    assert "What to do: " in said
    assert "Traceback" not in said
    left = [path for pattern in UNFINISHED for path in tmp_path.rglob(pattern)]
    assert left == []
    assert failing.named is None or not failing.named.exists()
    failing.stopped()
    if failpoint.partition(".")[2].startswith(ALIKE):
        return
    code, said = command(*failing.arguments, environment=dict(failing.environment))
    assert code == 0, said
    assert failing.result() == calm
    assert files_of(answered_folder) == looked_at
