"""Integrity: a damaged stream is told from a wrong header, before any library reads it."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.data.geometry import Geometry
from nextslice.errors import DataError


def refused(path: Path, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_volume(path)
    assert words in caught.value.problem
    assert str(path) in caught.value.problem
    assert caught.value.remedy


def test_a_flipped_bit_in_a_nifti_is_diagnosed_as_such_wherever_it_is(tmp_path: Path) -> None:
    """In the header, in the voxels, in the checksum: never as a file of another kind."""
    path = tmp_path / "flip.nii.gz"
    content = np.random.default_rng(0).normal(size=(30, 30, 20)).astype(np.float32)
    write_volume(path, content, Geometry((30, 30, 20)))
    whole = path.read_bytes()
    for place in np.linspace(12, len(whole) - 1, 40).astype(int):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        path.write_bytes(damaged)
        refused(path, "is damaged: its compressed data")
    damaged = bytearray(whole)
    damaged[-6] ^= 1
    path.write_bytes(damaged)
    refused(path, "do not match their checksum")


def test_a_wrong_header_in_a_stream_that_is_whole_is_the_header_s_fault(
    tmp_path: Path,
) -> None:
    path = tmp_path / "header.nii.gz"
    write_volume(tmp_path / "plain.nii", np.ones((7, 6, 5), np.int16), Geometry((7, 6, 5)))
    plain = bytearray((tmp_path / "plain.nii").read_bytes())
    for where, value, words in ((0, 7, "valid NIfTI header"), (42, 5, "bytes by its header")):
        changed = plain.copy()
        struct.pack_into("<h", changed, where, value)
        path.write_bytes(gzip.compress(changed))
        refused(path, words)
