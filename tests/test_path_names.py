"""Names that a library or a disk cannot tell are refused before any work begins."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from nextslice.annotators.folder import demand_usable
from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.layouts import recognise
from nextslice.errors import DataError
from nextslice.path_names import demand_told_apart, demand_utf8

GRID = Geometry((3, 4, 5), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


@pytest.fixture
def latin(tmp_path: Path) -> Path:
    """A folder as an old system named it, with a scan."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcller"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the disk holds no such names")
    plain = tmp_path / "a.nii.gz"
    write_volume(plain, np.ones(GRID.shape, np.int16), GRID)
    plain.rename(folder / "a.nii.gz")
    return folder


@pytest.mark.promise(
    "Nothing damaged gets in: it is refused by name, the rest goes on, nothing on disk changes",
    fault="a folder whose name is no UTF-8: data sets, scans, masks, work orders",
)
def test_what_lies_in_a_folder_whose_name_is_no_utf8_is_refused_by_that_name(
    latin: Path,
) -> None:
    named = r"m\\udcfcller is not"
    for use in (
        lambda: demand_utf8(latin),
        lambda: recognise(latin),
        lambda: read_volume(latin / "a.nii.gz"),
        lambda: write_volume(latin / "b.nii.gz", np.ones(GRID.shape, np.int16), GRID),
        lambda: demand_usable(latin / "work"),
    ):
        with pytest.raises(DataError, match=named) as refused:
            use()
        str(refused.value).encode()
    assert [path.name for path in latin.iterdir()] == ["a.nii.gz"]


def test_a_path_of_any_letters_is_taken(tmp_path: Path) -> None:
    demand_utf8(tmp_path / "Müller" / "患者 1" / "e\u0301")


def test_names_that_differ_are_told_apart_as_this_disk_tells_them(tmp_path: Path) -> None:
    (tmp_path / "probe").touch()
    alike = ["Scan_A", "other", "scan_a"]
    if (tmp_path / "PROBE").exists():
        with pytest.raises(DataError, match="Scan_A and scan_a"):
            demand_told_apart(tmp_path, alike)
    else:
        demand_told_apart(tmp_path / "not" / "made", alike)
    assert [path.name for path in tmp_path.iterdir()] == ["probe"]


@pytest.mark.parametrize(
    "pair", [("Scan_A", "scan_a"), ("Straße", "STRASSE"), ("é", "e\u0301")]
)
def test_cases_that_a_disk_takes_for_one_are_not_written_over_each_other(
    tmp_path: Path, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = Path.touch

    def on_such_a_disk(path: Path, mode: int = 0o666, exist_ok: bool = True) -> None:
        touch(path.with_name("one"), mode, exist_ok)

    monkeypatch.setattr(Path, "touch", on_such_a_disk)
    demand_told_apart(tmp_path, ["a", "b", pair[0]])
    with pytest.raises(DataError, match=f"{pair[0]} and {pair[1]} cannot lie beside"):
        demand_told_apart(tmp_path, ["a", *pair])
    assert list(tmp_path.iterdir()) == []
