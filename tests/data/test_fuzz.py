"""Whatever bytes come: a right volume, or an error that helps; never anything else."""

from __future__ import annotations

import contextlib
import gzip
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS
from tests.hostile.making import FIELDS, nifti, voxels

import nextslice
from nextslice.data.formats.readers import read_volume
from nextslice.errors import DataError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def found(target: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        return seeds(target, Path(place))


SEEDS = {target: found(target) for target in TARGETS}


@st.composite
def changed(draw: st.DrawFn, sound: list[bytes]) -> bytes:
    """A sound file with bytes changed, taken out, put in or cut off."""
    content = bytearray(draw(st.sampled_from(sound)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, min(len(content), 700)))
        way = draw(st.sampled_from(["set", "flip", "cut", "out", "in", "copy"]))
        some = draw(st.binary(min_size=1, max_size=8))
        if way == "set":
            content[place : place + len(some)] = some
        elif way == "flip" and place < len(content):
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif way == "cut":
            del content[max(place, 1) :]
        elif way == "out":
            del content[place : place + len(some)]
        elif way == "in":
            content[place:place] = some
        else:
            content[place:place] = content[: draw(st.integers(1, 400))]
    return bytes(content)


@pytest.mark.promise(
    "Any bytes become a right volume or a refusal, never anything else",
    fault="random bytes and changed files, 100 of each kind (hypothesis)",
)
@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data())
def test_any_bytes_at_all(target: str, folder: Path, data: st.DataObject) -> None:
    TARGETS[target](data.draw(st.binary(max_size=600)), folder)


@pytest.mark.promise(
    "Any bytes become a right volume or a refusal, never anything else",
    fault="random bytes and changed files, 100 of each kind (hypothesis)",
)
@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data())
def test_sound_files_that_were_changed(target: str, folder: Path, data: st.DataObject) -> None:
    TARGETS[target](data.draw(changed(SEEDS[target])), folder)


@pytest.mark.promise(
    "Any bytes become a right volume or a refusal, never anything else",
    fault="random bytes and changed files, 100 of each kind (hypothesis)",
)
@given(
    field=st.sampled_from(sorted(FIELDS)),
    raw=st.binary(min_size=4, max_size=16),
    order=st.sampled_from("<>"),
)
def test_headers_that_lie_in_one_field(
    folder: Path, field: str, raw: bytes, order: str
) -> None:
    content = bytearray(nifti(order=order))  # type: ignore[arg-type]
    place = FIELDS[field][0]
    content[place : place + len(raw)] = raw
    TARGETS["unpacked"](bytes(content), folder)


@pytest.mark.promise(
    "Any bytes become a right volume or a refusal, never anything else",
    fault="random bytes and changed files, 100 of each kind (hypothesis)",
)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_under_a_checksum_is_noticed_or_harmless(
    folder: Path, place: int, bit: int
) -> None:
    content = bytearray(gzip.compress(nifti(), mtime=0))
    content[place % len(content)] ^= 1 << bit
    path = folder / "flipped.nii.gz"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        np.testing.assert_array_equal(read_volume(path).voxels, voxels())


def test_every_seed_is_sound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is refused: where a refusal is let out, nothing comes."""
    monkeypatch.setattr("tests.fuzz.targets.suppress", contextlib.nullcontext)
    for target, feed in TARGETS.items():
        for content in SEEDS[target]:
            feed(content, folder)


def test_make_fuzz_knows_every_target() -> None:
    text = (Path(__file__).parents[2] / "Makefile").read_text()
    (named,) = re.findall(r"for target in (.*); do", text)
    assert named.split() == list(TARGETS)


@pytest.mark.promise(
    "Any bytes become a right volume or a refusal, never anything else",
    fault="20 seconds of coverage-guided fuzzing of each target (atheris)",
)
@pytest.mark.faults
@pytest.mark.parametrize("target", TARGETS)
def test_a_fuzzer_that_watches_the_code_finds_nothing(target: str, tmp_path: Path) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("there is no atheris for this kind of machine")
    root = Path(__file__).parents[2]
    source = Path(nextslice.__file__).parents[1]
    paths = [str(root), str(source), *sys.path]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, "-max_total_time=20", "-seed=1"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert list(tmp_path.iterdir()) == []
