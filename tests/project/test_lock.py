"""A lock goes with its process, or there is none: a file alone would outlive a kill."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from nextslice.data.pool import SliceId
from nextslice.errors import ProjectError, ProjectLockedError, StorageError
from nextslice.project import Project
from nextslice.project.lock import locked, take_lock

if sys.platform == "win32":
    pytest.skip("flock is of other systems", allow_module_level=True)

POOL = [SliceId("case", 0)]


@pytest.mark.promise(
    "Two processes never share a run: the second is told who the first is, and a lock left by "
    "a kill is no obstacle.",
    fault="a file system without locks, where a mere file would be left by a kill",
)
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_it_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(handle: int, operation: int) -> None:
        raise OSError(number, "no locks here")

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", no_locks)
        for _ in range(2):  # the first has left nothing that the second stumbles over
            with pytest.raises(ProjectError, match="a file system with locks") as raised:
                Project(folder, config={}, environment={}, pool=POOL)
            assert not isinstance(raised.value, ProjectLockedError)
            assert "lacks flock" in raised.value.cause
            assert raised.value.remedy
        with (
            pytest.raises(ProjectError, match="a file system with locks"),
            locked(tmp_path / "x"),
        ):
            pass
    assert {path.name for path in folder.iterdir()} <= {".lock"}
    Project(folder, config={}, environment={}, pool=POOL).close()  # its file is no obstacle


def test_a_lock_that_is_held_is_not_given_twice(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "lock")
    assert first is not None
    assert take_lock(tmp_path / "lock") is None
    first.release()
    with locked(tmp_path / "lock"):
        assert take_lock(tmp_path / "lock") is None


def test_a_lock_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StorageError, match="a folder of that name is there"):
        take_lock(tmp_path / "lock")
