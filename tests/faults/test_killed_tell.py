"""Masks that come back as files, and a command that is killed while it takes them in."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from tests.faults import flows

from nextslice.annotators.folder import hand_out
from nextslice.data.pool import SliceId
from nextslice.failpoints import PLACES, VARIABLE
from nextslice.project import Records
from nextslice.project.verifying import verify

pytestmark = pytest.mark.usefixtures("_cache_of_its_own")

FEW = ["mask.written", "commit.before", "reply.before"]
POINTS = [
    name
    for name in (*PLACES["run"], *PLACES["live project"])
    if name.startswith(("mask", "commit", "reply"))
]


@pytest.fixture
def told(bare_scans: Path, tmp_path: Path) -> dict[SliceId, np.ndarray]:
    """A work order with its slices drawn; slice -> its mask."""
    drawn = {}
    with flows.open_project(tmp_path / "project", bare_scans) as live:
        query = live.ask()
        hand_out(live, query, tmp_path / "order")
    for queried in query.slices:
        name = queried.id
        path = next((tmp_path / "order").rglob(f"{name.case}*mask*"))
        image = sitk.ReadImage(str(path))
        voxels = sitk.GetArrayFromImage(image)
        voxels[name.index] = flows.drawn(name.case, name.index, voxels.shape[1:])
        edited = sitk.GetImageFromArray(voxels)
        edited.CopyInformation(image)
        sitk.WriteImage(edited, str(path))
        drawn[name] = voxels[name.index]
    return drawn


@pytest.mark.promise(
    "Masks that are told as files are taken in all or none, and once, however often they are "
    "told.",
    fault="SIGKILL of nextslice tell at every step of every mask and of the commit",
)
@pytest.mark.parametrize(
    "name",
    [
        *(f"{n}:kill" for n in FEW),
        *(pytest.param(f"{n}:kill", marks=pytest.mark.faults) for n in POINTS if n not in FEW),
    ],
)
def test_told_again_after_a_kill_each_mask_counts_once(
    name: str,
    told: dict[SliceId, np.ndarray],
    command: Callable[..., tuple[int | None, str]],
    tmp_path: Path,
) -> None:
    project, order = tmp_path / "project", tmp_path / "order"
    kill = {VARIABLE: name}
    code, said = command("tell", project, order, environment=kill)
    assert code == -signal.SIGKILL, said
    with Records.look(project) as records:
        assert len(records.newest_answers()) in (0, len(told))
    code, said = command("tell", project, order)
    assert code == 0, said
    with Records.look(project) as records:
        answers = records.newest_answers()
        ids = list(records.states())
        assert {ids[row] for row in answers} == set(told)
        for row, answer in answers.items():
            assert answer.version == 1
            assert answer.native_sha256 is not None
            assert np.array_equal(records.mask(answer.native_sha256), told[ids[row]])
    assert verify(project).findings == ()
