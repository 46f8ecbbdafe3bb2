"""Refusals: sentences that a person can read, one or many, in their own words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nextslice.data.cases import CaseFiles, Refusal
from nextslice.data.formats.readers import write_volume
from nextslice.data.gate.checks import Verdict, check_case, refused_error, without_label
from nextslice.data.geometry import Geometry


def test_a_refusal_is_put_together_from_whole_sentences() -> None:
    refusal = Refusal("the image is empty.", "Copy it again.", "the disk was full.")
    assert str(refusal) == (
        "the image is empty. Likely cause: the disk was full. Copy it again."
    )
    assert str(Refusal("it is odd")) == "it is odd."


def test_one_and_many_are_told_apart(tmp_path: Path) -> None:
    for count, words in ((1, "1 voxel that is NaN"), (2, "2 voxels that are NaN")):
        voxels = np.zeros((3, 3, 2), np.float32)
        voxels.flat[:count] = np.nan
        write_volume(tmp_path / "a.mha", voxels, Geometry((3, 3, 2)))
        (refusal,) = check_case(CaseFiles("a", tmp_path / "a.mha")).verdict.refusals
        assert words in refusal.reason
    verdict = Verdict("a", (Refusal("it is odd"),))
    assert "1 of 1 case in x" in str(refused_error("x", (verdict,), 1))
    assert "1 of 2 cases in x" in str(refused_error("x", (verdict,), 2))


def test_a_file_that_may_not_be_read_is_refused_without_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = CaseFiles("a", tmp_path / "a.mha")

    def forbidden(
        *_: object, **__: object
    ) -> None:  # the tests may run as root, who may read anything
        raise PermissionError(13, "Permission denied", str(files.image))

    monkeypatch.setattr("nextslice.data.gate.label_checks.read_volume", forbidden)
    (refusal,) = check_case(files).verdict.refusals
    assert refusal.reason == f"the image {files.image} cannot be read: Permission denied"


@pytest.mark.parametrize(("layout", "words"), [("MSD", "name it in dataset.json"), ("x", "")])
def test_a_label_that_is_needed_is_refused_with_its_place(layout: str, words: str) -> None:
    files = CaseFiles("a", Path("i/a.mha"), label_belongs=Path("l/a.mha"))
    (refusal,) = without_label(files, layout).refusals
    assert "a has no label" in refusal.reason
    assert "Put it at l/a.mha" in refusal.remedy
    assert words in refusal.remedy
