"""A disk that fails when bytes are to be brought to it, once, at whichever save and file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from tests.faults import flows

from nextslice.annotators import Desk
from nextslice.data.pool import SliceId
from nextslice.errors import StorageError
from nextslice.project import Records
from nextslice.project.verifying import verify

pytestmark = pytest.mark.usefixtures("_cache_of_its_own")

MOST = 40
"""A save has fewer calls of fsync of its own than this."""


class FailingOnce:
    """`os.fsync`, which fails at one call; a file for which it failed is not asked of again."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.failed: set[tuple[int, int]] = set()
        self._real = os.fsync

    def __call__(self, handle: int) -> None:
        status = os.fstat(handle)
        node = status.st_dev, status.st_ino
        assert node not in self.failed, "a second fsync may say 'written' of what is lost"
        self.left -= 1
        if self.left == 0:
            if stat.S_ISREG(status.st_mode):  # a folder has only itself to ask of again
                self.failed.add(node)
                os.dup(handle)  # while it is open, no new file gets its number
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._real(handle)


@pytest.mark.promise(
    "Where the disk fails at a save, that save is refused and every one acknowledged before is "
    "there and whole; sent again it is kept, and no file is trusted whose fsync failed.",
    fault="an I/O error at each fsync of a save, of files and of folders",
)
def test_every_fsync_of_a_save_fails_once_and_what_was_acknowledged_stays(
    bare_scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    acknowledged: list[np.ndarray] = []
    refused: list[StorageError] = []
    with Desk(flows.open_project(folder, bare_scans)) as desk:
        view = desk.overview().slices[0]

        def save(number: int) -> None:
            mask = flows.drawn(view.case, number, view.shape)
            version = len(acknowledged)
            key = f"number-{number}"
            saved = desk.save(view.id, mask, annotator="Ada", base_version=version, key=key)
            assert saved.version == version + 1
            acknowledged.append(mask)

        save(0)
        for at in range(1, MOST):
            failing = FailingOnce(at)
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", failing)
                try:
                    save(at)
                except StorageError as error:
                    refused.append(error)
                else:
                    break
                with Records.look(folder) as records:
                    row = list(records.states()).index(SliceId(view.case, view.index))
                    kept = [answer.native_sha256 for answer in records.versions(row)]
                    masks = [records.mask(name) for name in kept if name is not None]
                assert len(kept) == len(masks) == len(acknowledged)
                assert all(map(np.array_equal, masks, acknowledged))
                save(at)  # the same answer with the same key, from fresh files
    assert failing.left > 0, "the last one went through before its fsync failed"
    assert all("fails" in error.cause for error in refused)
    assert len(refused) >= 4  # of two masks: each file, and each folder
    assert verify(folder).findings == ()
