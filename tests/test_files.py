"""A file is the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from nextslice import files, placing
from nextslice.errors import StorageError
from nextslice.failpoints import VARIABLE
from nextslice.files import (
    file_sha256,
    remove_unfinished,
    replacing,
    write_atomically,
    writing_atomically,
)
from nextslice.plain_files import read_plain


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, "one", "mask")
    write_atomically(path, b"two", "mask")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
    assert file_sha256(path).startswith("3fc4ccfe")


def test_an_error_in_the_midst_of_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old", "mask")

    def write_half() -> None:
        with writing_atomically(path, "mask") as stream:
            stream.write(b"half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_files_get_the_permissions_that_the_user_gives_new_files(tmp_path: Path) -> None:
    write_atomically(tmp_path / "atomic", "", "mask")
    (tmp_path / "plain").touch()
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fcntl")
def test_where_there_is_a_fuller_fsync_it_is_the_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS keeps what fsync handed over in the disk's cache; F_FULLFSYNC empties it."""
    asked: list[str] = []
    plain = os.fsync

    def full(handle: int, command: int) -> int:
        assert command == 51
        asked.append("full")
        if not stat.S_ISREG(os.fstat(handle).st_mode):  # a folder, which may not know it
            raise OSError(25, "Inappropriate ioctl for device")
        return 0

    def fsync(handle: int) -> None:
        asked.append("plain")
        plain(handle)

    monkeypatch.setattr("nextslice.files._FULL_SYNC", 51)
    monkeypatch.setattr("fcntl.fcntl", full)
    monkeypatch.setattr("os.fsync", fsync)
    write_atomically(tmp_path / "file", "x", "mask")
    # Its folder above, where nothing is new; the file; its own folder.
    assert asked == ["full", "plain", "full", "full", "plain"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows syncs no folder")
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_a_folder_above_that_cannot_be_synced_is_no_obstacle_where_we_made_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def sync(folder: Path) -> None:
        if folder == tmp_path.parent:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "sync_folder", sync)
    write_atomically(tmp_path / "a", "text", "mask")
    assert (tmp_path / "a").read_text() == "text"
    monkeypatch.setattr(files, "_NOT_OURS", frozenset())
    with pytest.raises(StorageError):
        write_atomically(tmp_path / "b", "text", "mask")


def test_what_writes_to_a_name_is_replaced_in_one_step_too(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(b"old")
    with replacing(path, "volume", ".nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    left = tmp_path / ".scan.nii.gz.x1.tmp.nii.gz"
    left.touch()
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["whole", "renaming", "renamed"])
@pytest.mark.parametrize("there", [True, False], ids=["empty", "free"])
def test_where_the_disk_fails_the_place_of_a_folder_is_as_it_was(
    step: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, folder = tmp_path / "fresh", tmp_path / "folder"
    (fresh / "inner").mkdir(parents=True)
    if there:
        folder.mkdir()
    before = sorted(tmp_path.rglob("*"))
    if step == "renaming":

        def fail(*_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(Path, "rename", fail)
    else:
        monkeypatch.setenv(VARIABLE, f"folder.{step}:eio")
    with pytest.raises(StorageError, match="Input/output error"):
        placing.put_in_place(fresh, folder, "folder")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_cannot_be_taken_back_is_said_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, folder = tmp_path / "fresh", tmp_path / "folder"
    (fresh / "inner").mkdir(parents=True)

    def fail(_: Path) -> None:
        fresh.write_text("in the way")
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(placing, "sync_folder", fail)
    with pytest.raises(StorageError, match="could not be taken back") as caught:
        placing.put_in_place(fresh, folder, "folder")
    assert (folder / "inner").is_dir()
    assert caught.value.cause
    assert str(folder) in caught.value.remedy


def test_a_link_is_followed_where_that_is_meant_and_only_to_a_plain_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "device").symlink_to("/dev/zero")
    assert read_plain(tmp_path / "link", through_links=True) == b"content"
    with pytest.raises(OSError, match="it is a link"):
        read_plain(tmp_path / "link")
    with pytest.raises(OSError, match="no plain file"):
        read_plain(tmp_path / "device", through_links=True)


def test_no_more_is_read_than_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"seven b")
    assert read_plain(tmp_path / "file", most=7) == b"seven b"
    with pytest.raises(OSError, match="more than 6 bytes"):
        read_plain(tmp_path / "file", most=6)
