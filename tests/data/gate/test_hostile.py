"""Whatever is broken or made to do harm is refused by name, and the rest goes on."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from tests.hostile.archives import ARCHIVES
from tests.hostile.geometries import GEOMETRIES
from tests.hostile.making import Hostile, sound
from tests.hostile.paths import DESCRIPTIONS, PATHS
from tests.hostile.scans import SCANS

from nextslice.data.archives import unpack_data_set
from nextslice.data.gate.admission import check_data_set
from nextslice.data.layouts import recognise
from nextslice.errors import DataError


def state(folder: Path) -> dict[str, str]:
    """What lies below a folder, and what plain files there hold."""
    found = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[os.fsdecode(path)] = (
            hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
        )
    return found


def reads_well(text: str, folder: Path) -> None:
    """One line, no library's words, nothing that a terminal would obey."""
    assert text.isprintable()
    for leak in ("ITK", "sitk", "Errno", "zlib", "Traceback", "object at"):
        assert leak not in text.replace(str(folder), "")


@pytest.mark.promise(
    "Nothing damaged gets in: it is refused by name, the rest goes on, nothing on disk changes",
    fault="scans, labels, headers, paths and names that are broken or made to do harm",
)
@pytest.mark.parametrize("hostile", [*SCANS, *GEOMETRIES, *PATHS], ids=str)
def test_it_is_refused_by_name_and_the_rest_goes_on(hostile: Hostile, tmp_path: Path) -> None:
    root = sound(tmp_path / "set")
    hostile.make(root)
    before = state(root)
    verdicts = check_data_set(recognise(root))
    assert {v.case for v in verdicts if v.accepted} == {"a", "c"}
    (refused,) = (v for v in verdicts if not v.accepted)
    assert hostile.told in refused.refusals[0].reason + refused.refusals[0].cause
    for refusal in refused.refusals:
        assert refusal.remedy
        reads_well(str(refusal), tmp_path)
    reads_well(refused.case, tmp_path)
    assert state(root) == before


def test_the_data_set_that_they_spoil_is_sound(tmp_path: Path) -> None:
    assert all(v.labelled for v in check_data_set(recognise(sound(tmp_path))))


@pytest.mark.promise(
    "Nothing damaged gets in: it is refused by name, the rest goes on, nothing on disk changes",
    fault="a dataset.json that is huge, nested, ambiguous, no JSON or no file",
)
@pytest.mark.parametrize("hostile", DESCRIPTIONS, ids=str)
def test_a_description_that_misleads_is_refused(hostile: Hostile, tmp_path: Path) -> None:
    root = sound(tmp_path / "set")
    hostile.make(root)
    with pytest.raises(DataError) as caught:
        recognise(root)
    assert hostile.told in caught.value.problem
    assert "dataset.json" in caught.value.problem
    assert caught.value.remedy
    assert len(str(caught.value)) < 1200


@pytest.mark.promise(
    "Nothing damaged gets in: it is refused by name, the rest goes on, nothing on disk changes",
    fault="archives with links, devices and paths that lead out; cut, damaged and swelling",
)
@pytest.mark.parametrize("hostile", ARCHIVES, ids=str)
def test_an_archive_that_misleads_leaves_nothing_behind(
    hostile: Hostile, tmp_path: Path
) -> None:
    archive = tmp_path / "inner" / "set.tar"
    archive.parent.mkdir()
    hostile.make(archive)
    with pytest.raises(DataError) as caught:
        unpack_data_set(archive, tmp_path / "inner" / "set")
    assert hostile.told in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["inner"]
