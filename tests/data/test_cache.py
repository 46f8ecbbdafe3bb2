"""The cache: built once, whole or not at all, and rebuilt when it cannot be trusted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nextslice import code_hashes
from nextslice.data.cache import cache_root
from nextslice.data.formats.readers import write_volume
from nextslice.data.geometry import Geometry
from nextslice.data.pool import SlicePool
from nextslice.errors import DataError
from nextslice.progress import Progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small cases in paired folders."""
    rng = np.random.default_rng(0)
    for case in "abc":
        geometry = Geometry((6, 5, 4))
        image = rng.normal(size=geometry.shape).astype(np.float32)
        write_volume(tmp_path / "set" / "images" / f"{case}.mhd", image, geometry)
        mask = (image > 0).astype(np.uint8)
        write_volume(tmp_path / "set" / "labels" / f"{case}.nii.gz", mask, geometry)
    return tmp_path / "set"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def open_pool(folder: Path, cache: Path) -> tuple[SlicePool, bool]:
    """The pool, and whether scans were read for it."""
    heard: list[Progress] = []
    pool = SlicePool.from_folder(folder, cache=cache, on_progress=heard.append)
    return pool, bool(heard)


def test_a_second_start_reads_no_scan_and_gives_the_same(folder: Path, cache: Path) -> None:
    first, built = open_pool(folder, cache)
    second, built_again = open_pool(folder, cache)
    assert (built, built_again) == (True, False)
    np.testing.assert_array_equal(np.asarray(first.images), np.asarray(second.images))
    np.testing.assert_array_equal(np.asarray(first.masks), np.asarray(second.masks))
    assert first.fingerprint == second.fingerprint
    assert first.geometry("b") == second.geometry("b")
    assert first.preparation == second.preparation


def test_a_changed_file_is_read_again_even_behind_its_header(folder: Path, cache: Path) -> None:
    first, _ = open_pool(folder, cache)
    raw = folder / "images" / "a.raw"
    raw.write_bytes(raw.read_bytes()[::-1])
    second, built = open_pool(folder, cache)
    assert built
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    ("changed", "built_again"),
    [("data/preparation.py", True), ("data/pool.py", False), ("learner.py", False)],
)
def test_slices_that_other_code_prepared_are_prepared_again(
    changed: str,
    built_again: bool,
    folder: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = open_pool(folder, cache)
    present = code_hashes.hashes_of_nextslice() | {changed: "another"}
    monkeypatch.setattr(code_hashes, "_own", lambda: present)
    second, built = open_pool(folder, cache)
    assert built is built_again
    assert second.fingerprint == first.fingerprint  # which is of what came of it


def truncate(folder: Path) -> None:
    path = folder / "images.npy"
    path.write_bytes(path.read_bytes()[:-4])


def wrong_shape(folder: Path) -> None:
    np.save(folder / "masks.npy", np.zeros((2, 2, 2), np.uint8))


def pickled(folder: Path) -> None:
    np.save(folder / "masks.npy", np.array([{"a": 1}], object), allow_pickle=True)


def no_array(folder: Path) -> None:
    (folder / "native_labels.npy").unlink()


def no_manifest(folder: Path) -> None:
    (folder / "pool.json").unlink()


def manifest_of_another_kind(folder: Path) -> None:
    (folder / "pool.json").write_text('{"format": 1, "shapes": []}')


def not_json(folder: Path) -> None:
    (folder / "pool.json").write_text('{"form')


def an_older_format(folder: Path) -> None:
    content = json.loads((folder / "pool.json").read_text())
    (folder / "pool.json").write_text(json.dumps(content | {"format": 0}))


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        wrong_shape,
        pickled,
        no_array,
        no_manifest,
        manifest_of_another_kind,
        not_json,
        an_older_format,
    ],
)
def test_a_damaged_cache_is_built_again_with_a_word(
    folder: Path,
    cache: Path,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, _ = open_pool(folder, cache)
    whole = np.asarray(first.images)
    (kept,) = cache.iterdir()
    damage(kept)
    second, built = open_pool(folder, cache)
    assert built
    assert "damaged" in caplog.text
    np.testing.assert_array_equal(np.asarray(second.images), whole)
    assert [p.name for p in cache.iterdir()] == [kept.name]


def test_a_build_that_stops_leaves_nothing(folder: Path, cache: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SlicePool.from_folder(folder, cache=cache, on_progress=stop)
    assert list(cache.iterdir()) == []


KILLED = """
import sys, os, signal
from nextslice.data.pool import SlicePool
def stop(progress):
    if (progress.stage, progress.done) == ("prepare", 2):
        os.kill(os.getpid(), signal.SIGKILL)
SlicePool.from_folder(sys.argv[1], cache=sys.argv[2], on_progress=stop)
"""


def test_a_killed_build_is_begun_again_and_its_remains_go(folder: Path, cache: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(cache)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert any(path.is_dir() for path in cache.iterdir())
    pool, built = open_pool(folder, cache)
    assert built
    assert len(pool) == 12
    assert [path.name[0] for path in cache.iterdir()] != ["."]
    assert len(list(cache.iterdir())) == 1


@pytest.mark.promise(
    "Setting the clock of the machine changes nothing.",
    fault="a build that the clock makes fifty years old, while another one begins",
)
def test_no_clock_takes_a_build_away_from_who_works_on_it(folder: Path, cache: Path) -> None:
    others: list[SlicePool] = []

    def meanwhile(progress: Progress) -> None:
        if (progress.stage, progress.done) == ("prepare", 1) and not others:
            for path in cache.iterdir():
                os.utime(path, (0, 0))
            others.append(SlicePool.from_folder(folder, cache=cache, size=(3, 3)))

    pool = SlicePool.from_folder(folder, cache=cache, on_progress=meanwhile)
    assert len(pool) == len(others[0]) == 12
    assert len(list(cache.iterdir())) == 2


def test_two_builds_at_once_do_no_harm(folder: Path, cache: Path) -> None:
    """The inner one, begun in the middle of the outer one, is ready first and stays."""
    inner: list[SlicePool] = []

    def meanwhile(progress: Progress) -> None:
        if (progress.stage, progress.done) == ("prepare", 1) and not inner:
            inner.append(SlicePool.from_folder(folder, cache=cache))

    outer = SlicePool.from_folder(folder, cache=cache, on_progress=meanwhile)
    assert outer.fingerprint == inner[0].fingerprint
    np.testing.assert_array_equal(np.asarray(outer.images), np.asarray(inner[0].images))
    assert len(list(cache.iterdir())) == 1


def test_patients_images_are_for_their_owner_alone(folder: Path, cache: Path) -> None:
    open_pool(folder, cache)
    (kept,) = cache.iterdir()
    for path in (cache, kept):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_the_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("NEXTSLICE_CACHE", "/mine")
    assert cache_root() == Path("/mine")
    monkeypatch.delenv("NEXTSLICE_CACHE")
    assert cache_root() == Path("/xdg/nextslice")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "nextslice"


def test_a_cache_that_cannot_be_written_is_a_data_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="NEXTSLICE_CACHE"):
        SlicePool.from_folder(folder, cache=tmp_path / "file" / "cache")


def test_slices_stay_on_disk(folder: Path, cache: Path) -> None:
    pool, _ = open_pool(folder, cache)
    (kept,) = cache.iterdir()
    mapped = np.load(kept / "images.npy", mmap_mode="r+")
    mapped[0] = 0.25
    mapped.flush()
    assert (pool.images[0] == 0.25).all()


def test_building_holds_one_case_in_memory_at_a_time(tmp_path: Path) -> None:
    """A pool may be larger than memory: the peak does not follow the number of cases."""
    rng = np.random.default_rng(0)
    geometry = Geometry((64, 64, 16))
    for case in range(12):
        image = rng.normal(size=geometry.shape).astype(np.float32)
        write_volume(tmp_path / "set" / "images" / f"{case}.mha", image, geometry)
    tracemalloc.start()
    pool = SlicePool.from_folder(tmp_path / "set", cache=tmp_path / "cache", size=(64, 64))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.6 * len(pool) * 64 * 64 * 4


@pytest.mark.real_data
def test_the_hippocampus_opens_in_under_a_second_the_second_time(hippocampus: Path) -> None:
    SlicePool.from_folder(hippocampus, size=(50, 50))
    taken = []
    for _ in range(5):  # a machine that is busy with other things is so now and then
        begin = time.perf_counter()
        pool = SlicePool.from_folder(hippocampus, size=(50, 50))
        pool.images[:10].mean()
        taken.append(time.perf_counter() - begin)
    assert min(taken) < 1.0


def test_where_more_is_allowed_what_was_refused_is_looked_at_again(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXTSLICE_SCAN_GB", "0.001")
    with pytest.raises(DataError, match="NEXTSLICE_SCAN_GB"):
        open_pool(folder, cache)
    built = []
    for limit in ("4", "4", "6", "8", ""):
        monkeypatch.setenv("NEXTSLICE_SCAN_GB", limit)
        built.append(open_pool(folder, cache)[1])
    assert built == [True, False, True, True, False]


def test_a_case_that_the_machine_kept_out_is_tried_again(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was killed says nothing of its file; a damaged file stays refused."""
    (folder / "images" / "c.raw").write_bytes(b"short")
    SlicePool.from_folder(folder, cache=cache, skip_refused=True)
    heard: list[Progress] = []

    def opened() -> SlicePool:
        heard.clear()
        return SlicePool.from_folder(
            folder, cache=cache, skip_refused=True, on_progress=heard.append
        )

    assert opened().cases == ("a", "b")
    assert heard == []
    (kept,) = cache.iterdir()
    manifest = json.loads((kept / "pool.json").read_text())
    (refused,) = manifest["refused"]
    refused["refusals"][0][3] = True
    (kept / "pool.json").write_text(json.dumps(manifest))
    assert opened().cases == ("a", "b")
    assert heard
    assert opened().cases == ("a", "b")
    assert heard == []


def test_moving_the_cache_elsewhere_builds_it_there(folder: Path, cache: Path) -> None:
    open_pool(folder, cache)
    shutil.rmtree(cache)
    assert open_pool(folder, cache)[1]
