"""A download survives what networks do, and nothing unchecked is ever unpacked."""

from __future__ import annotations

import bz2
import gc
import gzip
import hashlib
import io
import lzma
import re
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nextslice.data.archives import unpack_data_set
from nextslice.data.download import Fetched, fetch_public
from nextslice.errors import DataError, SettingsError
from nextslice.progress import Progress

NAME = "Task99_Tiny"


def tar_of(members: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


FILES: dict[str, bytes | tarfile.TarInfo] = {
    f"{NAME}/dataset.json": b"{}",
    f"{NAME}/._dataset.json": b"left by macOS",
    f"{NAME}/imagesTr/case_1.nii.gz": bytes(range(256)) * 4000,
    f"{NAME}/imagesTr/._case_1.nii.gz": b"left by macOS",
}
ARCHIVE = tar_of(FILES)
MD5 = hashlib.md5(ARCHIVE, usedforsecurity=False).hexdigest()


@dataclass
class Behaviour:
    """What the server does; `seen` collects the Range header of every request."""

    content: bytes = ARCHIVE
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    status: int = 0
    redirect: str = ""
    length: str = ""
    seen: list[str | None] = field(default_factory=list)


@dataclass
class Server:
    url: str
    does: Behaviour


@pytest.fixture
def server() -> Iterator[Server]:
    does = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Range"]
            does.seen.append(asked)
            if does.status:
                self.send_error(does.status)
                return
            if does.redirect:
                self.send_response(302)
                self.send_header("Location", does.redirect)
                self.end_headers()
                return
            start, size = 0, len(does.content)
            if asked and does.ranges:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= size:
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{size}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            else:
                self.send_response(200)
            body = does.content[start:]
            self.send_header("Content-Length", does.length or str(len(body)))
            self.end_headers()
            self.wfile.write(body[: does.cut_after.pop(0)] if does.cut_after else body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_port}/{NAME}.tar", does)
        http.shutdown()
        thread.join()


def fetch(server: Server, folder: Path, md5: str = MD5, **settings: Any) -> Fetched:
    return fetch_public(NAME, folder, url=server.url, md5=md5, **settings)


def assert_whole(folder: Path) -> None:
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == {name: data for name, data in FILES.items() if "/._" not in name}


@pytest.mark.parametrize("length", ["9" * 5000, "\u00b2", "much"])
def test_a_length_that_is_no_number_is_believed_in_nothing(
    server: Server, tmp_path: Path, length: str
) -> None:
    server.does.length = length
    fetch(server, tmp_path)
    assert_whole(tmp_path)


def test_a_data_set_arrives_whole_and_nothing_else_is_left(
    server: Server, tmp_path: Path
) -> None:
    assert fetch(server, tmp_path) == Fetched(tmp_path / NAME, already_there=False)
    assert_whole(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_second_fetch_asks_nobody(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    assert fetch(server, tmp_path) == Fetched(tmp_path / NAME, already_there=True)
    assert len(server.does.seen) == 1


def test_a_cut_connection_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.does.cut_after = [300_000, 400_000]
    fetch(server, tmp_path)
    assert server.does.seen == [None, "bytes=300000-", "bytes=700000-"]
    assert_whole(tmp_path)


def test_a_stopped_download_goes_on_in_the_next_call(server: Server, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done > 400_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path, on_progress=stop)
    have = (tmp_path / f"{NAME}.tar.part").stat().st_size
    assert 400_000 < have < len(ARCHIVE)
    assert not (tmp_path / NAME).exists()
    fetch(server, tmp_path)
    assert server.does.seen == [None, f"bytes={have}-"]
    assert_whole(tmp_path)


def test_a_server_without_ranges_starts_over_cleanly(server: Server, tmp_path: Path) -> None:
    server.does.ranges = False
    server.does.cut_after = [300_000]
    fetch(server, tmp_path)
    assert len(server.does.seen) == 2
    assert_whole(tmp_path)


def test_a_connection_that_brings_nothing_more_ends_in_an_error(
    server: Server, tmp_path: Path
) -> None:
    server.does.cut_after = [300_000, 0]
    with pytest.raises(DataError, match="stopped after 300,000 bytes"):
        fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert server.does.seen[-1] == "bytes=300000-"
    assert_whole(tmp_path)


def test_a_finished_part_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.tar.part").write_bytes(ARCHIVE)
    fetch(server, tmp_path)
    assert_whole(tmp_path)


def test_a_part_longer_than_the_archive_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.tar.part").write_bytes(ARCHIVE + b"more")
    fetch(server, tmp_path)
    assert_whole(tmp_path)


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="checksum") as caught:
        fetch(server, tmp_path, md5="0" * 32)
    assert "fetch again" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_part_is_found_out(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.tar.part").write_bytes(b"\0" * 1000)
    with pytest.raises(DataError, match="checksum"):
        fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert_whole(tmp_path)


def test_an_interrupted_unpacking_is_not_taken_for_a_whole_one(
    server: Server, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "unpack":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path, on_progress=stop)
    assert not (tmp_path / NAME).exists()
    fetch(server, tmp_path)
    assert len(server.does.seen) == 1, "the archive was whole; only the unpacking is repeated"
    assert_whole(tmp_path)


def test_progress_tells_bytes_of_each_stage(server: Server, tmp_path: Path) -> None:
    seen: list[Progress] = []
    fetch(server, tmp_path, on_progress=seen.append)
    for stage in ("download", "verify", "unpack"):
        reports = [p for p in seen if p.stage == stage]
        assert {p.total for p in reports} == {len(ARCHIVE)}
        assert [p.done for p in reports] == sorted(p.done for p in reports)
        assert reports[-1].done <= len(ARCHIVE)
    assert max(p.done for p in seen if p.stage == "download") == len(ARCHIVE)


def link(name: str, to: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize(
    "bad",
    [
        {"../outside.txt": b"out"},
        {f"{NAME}/../../outside.txt": b"out"},
        {"/tmp/nextslice-outside.txt": b"out"},  # noqa: S108
        {f"{NAME}/link": link(f"{NAME}/link", "/etc", tarfile.SYMTYPE)},
        {f"{NAME}/link": link(f"{NAME}/link", "../../outside.txt", tarfile.LNKTYPE)},
        {f"{NAME}/pipe": link(f"{NAME}/pipe", "", tarfile.FIFOTYPE)},
    ],
    ids=["parent", "parent-inside", "absolute", "symlink", "hardlink", "pipe"],
)
def test_a_malicious_archive_writes_nothing(
    server: Server, tmp_path: Path, bad: dict[str, bytes | tarfile.TarInfo]
) -> None:
    server.does.content = tar_of({f"{NAME}/dataset.json": b"{}", **bad})
    md5 = hashlib.md5(server.does.content, usedforsecurity=False).hexdigest()
    inside = tmp_path / "a" / "b"
    with pytest.raises(DataError, match="leads out of its folder"):
        fetch(server, inside, md5=md5)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not (inside / NAME).exists()
    assert not Path("/tmp/nextslice-outside.txt").exists()  # noqa: S108


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not a tar at all" * 100, "cannot be unpacked"),
        (ARCHIVE[:600_000], "cannot be unpacked"),
        (tar_of({"readme.txt": b"hello"}), "one folder with a dataset.json"),
        (tar_of({"a/dataset.json": b"{}", "b/x": b""}), "one folder with a dataset.json"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    archive = tmp_path / "x.tar"
    archive.write_bytes(content)
    with pytest.raises(DataError, match=problem):
        unpack_data_set(archive, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_without_a_folder_of_its_own_is_given_one(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    archive.write_bytes(tar_of({"dataset.json": b"{}", "imagesTr/a.nii.gz": b"a"}))
    unpack_data_set(archive, tmp_path / NAME)
    assert (tmp_path / NAME / "imagesTr" / "a.nii.gz").read_bytes() == b"a"


def test_offline_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x.tar"
        with pytest.raises(DataError, match="offline") as caught:
            fetch_public(NAME, tmp_path, url=url, md5=MD5)
    assert "nextslice phantom" in caught.value.remedy


def test_an_address_that_moved_is_named(server: Server, tmp_path: Path) -> None:
    server.does.status = 404
    with pytest.raises(DataError, match=f"404.*{re.escape(server.url)}"):
        fetch(server, tmp_path)


def test_a_folder_that_is_no_data_set_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="without the dataset"):
        fetch(server, tmp_path)
    assert (tmp_path / NAME / "mine.txt").read_text() == "mine"
    assert server.does.seen == []


@pytest.mark.parametrize(
    "url", ["http://example.org/x.tar", "ftp://example.org/x.tar", "file:///etc/passwd"]
)
def test_only_https_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="https"):
        fetch_public(NAME, tmp_path, url=url, md5=MD5)


@pytest.mark.parametrize(
    "url",
    ["https://[::1", "https://ex\u00e4mple..x/x", "https://a..b/x", "https://127.0.0.1:1/m\u00fc",
     "https://127.0.0.1:99999/x", "https://127.0.0.1:a/x", "https://127.0.0.1:1/m\udcfc"],
)  # fmt: skip
def test_an_address_that_is_none_is_told_before_anything_is_asked(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(SettingsError, match="is none") as refused:
        fetch_public(NAME, tmp_path / "new", url=url, md5=MD5)
    assert "browser" in refused.value.remedy


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_redirect_to_an_address_that_is_none_ends_in_words(
    server: Server, tmp_path: Path
) -> None:
    server.does.redirect = "https://[::1"
    with pytest.raises(DataError, match="stopped after 0 bytes"):
        fetch(server, tmp_path)
    gc.collect()  # urllib leaves the connection open until then


def test_a_redirect_to_a_file_is_not_followed(server: Server, tmp_path: Path) -> None:
    server.does.redirect = "http://example.org/x.tar"
    with pytest.raises(SettingsError, match="https"):
        fetch(server, tmp_path)


def test_names_and_checksums_come_from_monai(server: Server, tmp_path: Path) -> None:
    """Short name, mirror of one's own: the checksum of MONAI still decides."""
    with pytest.raises(DataError, match="9d24dba78a72977dbd1d2e110310f31b"):
        fetch_public("hippocampus", tmp_path, url=server.url)


@pytest.mark.parametrize("name", ["liverwurst", "../up", ""])
def test_an_unknown_name_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="hippocampus, prostate"):
        fetch_public(name, tmp_path)


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", ""])
def test_a_name_that_is_no_folder_is_refused(server: Server, tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="becomes a folder"):
        fetch_public(name, tmp_path, url=server.url, md5=MD5)


def test_a_checksum_that_is_none_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="32 hexadecimal"):
        fetch(server, tmp_path, md5="abc")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_packed_archives_are_unpacked_alike(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    content = {"dataset.json": b"{}", "imagesTr/a.nii.gz": bytes(range(256)) * 300}
    (tmp_path / "set.tar").write_bytes(pack(tar_of({**content})))
    unpack_data_set(tmp_path / "set.tar", tmp_path / NAME)
    for name, held in content.items():
        assert (tmp_path / NAME / name).read_bytes() == held


def test_an_archive_of_more_files_than_it_may_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "set.tar"
    archive.write_bytes(tar_of({"dataset.json": b"{}", "._a": b"", "._b": b""}))
    monkeypatch.setattr("nextslice.data.archives._MOST_MEMBERS", 2)
    with pytest.raises(DataError, match="2 files"):
        unpack_data_set(archive, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("times", "too_much"), [(45, False), (60, True)])
def test_what_swells_to_more_than_50_times_its_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, too_much: bool
) -> None:
    """Of an archive that is large enough; a small one may swell to 1 GiB in any case."""
    monkeypatch.setattr("nextslice.data.archives._ALWAYS", 1 << 16)
    dense = np.random.default_rng(0).bytes(100_000)
    swelling = bytes(100_000 * times)
    archive = tmp_path / "set.tar.gz"
    archive.write_bytes(gzip.compress(tar_of({"dataset.json": b"{}", "a": dense + swelling})))
    swollen = (len(dense) + len(swelling)) / archive.stat().st_size
    assert (50 if too_much else 40) < swollen < (70 if too_much else 50)
    if not too_much:
        unpack_data_set(archive, tmp_path / NAME)
        assert (tmp_path / NAME / "a").read_bytes() == dense + swelling
        return
    with pytest.raises(DataError, match="50 times its own size"):
        unpack_data_set(archive, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []
