"""A report's folder holds one report: nothing old, nothing half, and never less of others'."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nextslice.report.folder import SUMS, writing_report


def _write(out: Path, files: dict[str, str]) -> None:
    with writing_report(out) as fresh:
        for name, content in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_text(content)


def _content(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file() and path.name != SUMS)
    return {path.relative_to(out).as_posix(): path.read_text() for path in files}


def test_what_an_earlier_report_wrote_goes_and_what_others_wrote_stays(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report"
    _write(out, {"page": "1", "old figure": "1"})
    (out / "mine").write_text("mine")
    _write(out, {"page": "2", "new figure": "2"})
    assert _content(out) == {"page": "2", "new figure": "2", "mine": "mine"}


def test_folders_within_are_cleared_and_go_when_they_are_empty(tmp_path: Path) -> None:
    _write(tmp_path, {"tables/1": "1", "tables/2": "1", "old/1": "1"})
    (tmp_path / "tables" / "mine").write_text("mine")
    _write(tmp_path, {"tables/1": "2"})
    assert _content(tmp_path) == {"tables/1": "2", "tables/mine": "mine"}
    assert not (tmp_path / "old").exists()


def test_nothing_is_written_through_a_link_that_leads_elsewhere(tmp_path: Path) -> None:
    out, theirs = tmp_path / "report", tmp_path / "theirs"
    _write(out, {"tables/1": "1"})
    (out / "tables").rename(theirs)
    (out / "tables").symlink_to(theirs)
    with pytest.raises(NotADirectoryError):
        _write(out, {"tables/1": "2"})
    _write(out, {"page": "2"})
    assert _content(theirs) == {"1": "1"}


def test_a_file_that_was_changed_since_is_somebody_s_own(tmp_path: Path) -> None:
    _write(tmp_path, {"figure": "1", "page": "1"})
    (tmp_path / "figure").write_text("retouched for a talk")
    _write(tmp_path, {"page": "2"})
    assert _content(tmp_path) == {"page": "2", "figure": "retouched for a talk"}


def test_a_report_that_fails_leaves_the_old_one_whole(tmp_path: Path) -> None:
    _write(tmp_path, {"page": "1", "figure": "1"})
    before = (tmp_path / SUMS).read_text()
    with pytest.raises(TypeError):
        _write(tmp_path, {"figure": "2", "page": None})  # type: ignore[dict-item]
    assert _content(tmp_path) == {"page": "1", "figure": "1"}
    assert (tmp_path / SUMS).read_text() == before


def test_the_sums_are_those_of_the_files(tmp_path: Path) -> None:
    files = {"b": "2", "a with a space": "1"}
    _write(tmp_path, files)
    expected = [f"{hashlib.sha256(files[n].encode()).hexdigest()}  {n}" for n in sorted(files)]
    assert (tmp_path / SUMS).read_text().splitlines() == expected


def test_a_report_cut_off_between_its_files_is_cleared_by_the_next(tmp_path: Path) -> None:
    _write(tmp_path, {"page": "1"})
    (tmp_path / "page").write_text("2")  # in place already, as the sums of both say
    (tmp_path / "figure").write_text("2")
    digest = hashlib.sha256(b"2").hexdigest()
    with (tmp_path / SUMS).open("a") as stream:
        stream.write(f"{digest}  page\n{digest}  figure\n")
    _write(tmp_path, {"page": "3"})
    assert _content(tmp_path) == {"page": "3"}


@pytest.mark.parametrize("name", ["../theirs", "sub/../../theirs", "/etc/hostname", "..", "."])
def test_sums_that_name_other_places_remove_nothing_there(tmp_path: Path, name: str) -> None:
    out = tmp_path / "report"
    (out / "sub").mkdir(parents=True)
    for path in (tmp_path / "theirs", out / "sub" / "theirs"):
        path.write_text("theirs")
    digest = hashlib.sha256(b"theirs").hexdigest()
    (out / SUMS).write_text(f"{digest}  {name}\n")
    _write(out, {"page": "1"})
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (out / "sub" / "theirs").read_text() == "theirs"


def test_a_link_is_not_followed_and_not_removed(tmp_path: Path) -> None:
    out = tmp_path / "report"
    _write(out, {"figure": "1"})
    (out / "figure").unlink()
    (tmp_path / "theirs").write_text("1")
    (out / "figure").symlink_to(tmp_path / "theirs")
    _write(out, {"page": "2"})
    assert (out / "figure").is_symlink()
    assert (tmp_path / "theirs").read_text() == "1"
