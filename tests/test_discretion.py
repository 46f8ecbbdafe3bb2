"""What is kept names files from known folders on, and no other folder of this machine."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.canary import connections

from nextslice.discretion import ELSEWHERE, for_a_log, traced, without_folders
from nextslice.errors import DataError, StorageError

_NAMES = st.text("aZ9 ,.-()é'", min_size=2, max_size=8).filter(
    lambda name: name.strip(" .'") == name
)


@given(st.lists(_NAMES, min_size=1, max_size=3), _NAMES)
def test_files_are_named_from_the_known_folder_on(folders: list[str], name: str) -> None:
    folder = Path("/", *folders)
    words = without_folders(f"{folder}/masks/{name} is damaged.\nRestore it.", folder)
    assert words == f"masks/{name} is damaged.\nRestore it."


@given(st.lists(_NAMES, min_size=1, max_size=3))
def test_of_any_other_path_nothing_is_left(folders: list[str]) -> None:
    known = Path("/data/known")
    for start, sign in (("/", "/"), ("C:\\", "\\"), ("\\\\", "\\"), ("'/", "/")):
        path = start + sign.join(folders)
        assert (
            without_folders(f"Expected {path}, got nothing.", known) == f"Expected {ELSEWHERE}"
        )


@pytest.mark.parametrize("other", ["/data/known-2/a", "/data/known, Anna/a", "/data/known"])
def test_a_folder_that_only_begins_alike_is_another(other: str) -> None:
    assert without_folders(f"got {other}", Path("/data/known")) == f"got {ELSEWHERE}"


def test_the_innermost_of_nested_folders_counts_and_the_root_is_none() -> None:
    outer, inner = Path("/a b"), Path("/a b/c d")
    assert without_folders("see /a b/c d/e and", outer, inner) == "see e and"
    assert without_folders("see /a b/c", Path("/")) == f"see {ELSEWHERE}"


def test_a_relative_folder_is_known_in_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = Path("Miller, Anna")
    assert without_folders("Miller, Anna/x.csv is gone", runs) == "x.csv is gone"
    assert without_folders(f"{tmp_path}/Miller, Anna/x.csv is gone", runs) == "x.csv is gone"


def test_messages_without_files_stay_as_they_are() -> None:
    text = "Expected 3 slices/volume, got 1/2; ratio 3 / 4 and 12.5 mm.\nWhat to do: wait."
    assert without_folders(text, Path("/data")) == text


def test_an_error_is_told_by_its_kind_and_what_may_be_said_of_it() -> None:
    known = Path("/data/known")
    assert for_a_log(OSError(28, "No space left", "/data/x"), known) == "OSError: No space left"
    full = StorageError("/data/known/a.npy cannot be written.", errno=28)
    assert for_a_log(full, known) == "StorageError: a.npy cannot be written."
    assert for_a_log(ValueError()) == "ValueError"


def test_where_an_error_came_from_is_told_by_modules() -> None:
    folder = Path("/home/anna/Mrs Miller")

    def reads() -> None:
        try:
            (folder / "a.nii").read_bytes()
        except OSError as error:
            raise DataError(f"{folder}/a.nii cannot be read: {error}.") from error

    with pytest.raises(DataError) as caught:
        reads()
    for words in (True, False):
        text = traced(caught.value, words=words)
        first, then = text.split("\n\nThen:\n\n")
        assert f"{__name__}, line " in first
        assert "in reads" in then
        assert "Miller" not in text
        assert "/home" not in text
    assert text.endswith("DataError")
    within = traced(caught.value, folder)
    assert within.endswith("DataError: a.nii cannot be read: [Errno 2] No such file or "
                           "directory: 'a.nii'.")  # fmt: skip


def test_the_canaries_hear_whoever_turns_to_another_machine() -> None:
    """An address of documentation (RFC 5737), and a name nobody is asked for."""
    with connections() as elsewhere:
        with (
            socket.socket(type=socket.SOCK_DGRAM) as one,  # to connect it sends nothing
            contextlib.suppress(OSError),
        ):
            one.connect(("192.0.2.1", 9))
        with contextlib.suppress(OSError):
            socket.getaddrinfo("nobody.invalid", None, flags=socket.AI_NUMERICHOST)
        with contextlib.suppress(OSError), socket.socket() as here:
            here.connect(("127.0.0.1", 9))
    assert elsewhere == ["socket.connect 192.0.2.1", "socket.getaddrinfo nobody.invalid"]


@pytest.mark.parametrize(
    "path", ["../Miller, Anna/x.csv", "'../../Miller/x.csv'", r"..\Miller\x"]
)
def test_a_path_that_leads_out_of_a_folder_is_not_named(path: str) -> None:
    assert without_folders(f"cannot read {path}") == f"cannot read {ELSEWHERE}"


def test_dots_that_are_no_path_stay() -> None:
    text = "1/2 of it... and more../ than one..two/three"
    assert without_folders(text) == text
