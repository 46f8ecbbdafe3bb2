"""Slices that stay on disk stay there: reading them does not fill the memory."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from nextslice.data.slices import LazySlices


def resident_pages_of_files() -> int:
    """Bytes of mapped files that count as this process's memory."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"RssFile:\s+(\d+) kB", status)[0]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
@pytest.mark.parametrize("in_order", [True, False])
def test_reading_a_large_pool_leaves_its_pages_behind(tmp_path: Path, in_order: bool) -> None:
    shape = (6_000, 128, 128)  # 393 MB; a sparse file
    np.lib.format.open_memmap(tmp_path / "images.npy", mode="w+", dtype=np.float32, shape=shape)
    source = np.asarray(np.load(tmp_path / "images.npy", mmap_mode="r"))
    images = LazySlices(source, np.arange(len(source)))
    before = resident_pages_of_files()
    highest = 0
    for start in range(0, len(images), 64):
        rows = np.arange(start, min(start + 64, len(images)))
        assert not images[rows if in_order else rows[::-1]].any()
        highest = max(highest, resident_pages_of_files() - before)
    assert highest < 100e6


def test_what_was_changed_in_memory_alone_is_never_given_back(tmp_path: Path) -> None:
    source = np.full((3, 2**11, 2**12), 10, dtype=np.float32)  # 32 MiB a slice
    np.save(tmp_path / "images.npy", source)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="c")
    mapped /= 10
    for views in (mapped, np.asarray(mapped), mapped[::1]):
        images = LazySlices(views, np.arange(3))
        for row in (2, 0, 1, 2):
            assert (images[row] == 1).all()
    assert (mapped == 1).all()
