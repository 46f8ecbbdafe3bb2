"""Slices from memory are a pool like any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nextslice.data.geometry import Geometry
from nextslice.data.pool import SlicePool
from nextslice.errors import SettingsError

Array = np.ndarray[Any, np.dtype[Any]]


def test_arrays_in_memory_are_a_pool_too() -> None:
    rng = np.random.default_rng(0)
    images, masks = rng.uniform(size=(6, 4, 5)), rng.integers(0, 3, (6, 4, 5))
    pool = SlicePool.from_arrays(
        images, masks, ["x", "x", "x", "y", "y", "z"], spacing=(0.5, 0.6, 3.0)
    )
    assert pool.cases == ("x", "y", "z")
    assert pool.classes == ("label 1", "label 2")
    np.testing.assert_allclose(np.asarray(pool.images), images, atol=1e-7)
    assert pool.geometry("x") == Geometry((5, 4, 3), (0.5, 0.6, 3.0))
    for case in pool.cases:
        rows = pool.rows_of(case)
        np.testing.assert_array_equal(pool.native_label(case), masks[rows].transpose(2, 1, 0))
        np.testing.assert_array_equal(
            pool.restore(case, pool.masks[rows]), pool.native_label(case)
        )


def test_arrays_that_do_not_fit_are_refused() -> None:
    good, ids = np.zeros((3, 4, 4)), ["a", "a", "b"]
    bad: list[tuple[Array, Array | None, list[str], dict[str, Any]]] = [
        (np.zeros((3, 4)), None, ids, {}),
        (np.full((3, 4, 4), np.nan), None, ids, {}),
        (good, np.zeros((3, 4, 5), np.uint8), ids, {}),
        (good, np.full((3, 4, 4), 2), ids, {"classes": ["one"]}),
        (good, np.full((3, 4, 4), -1), ids, {}),
        (good, np.full((3, 4, 4), 0.5), ids, {}),
        (good, None, ["a", "b"], {}),
        (good, None, ["a", "b", "a"], {}),
        (good, None, ids, {"spacing": 0.0}),
        (good, None, ids, {"classes": ["same", "same"]}),
    ]
    for images, masks, case_of, more in bad:
        with pytest.raises(SettingsError):
            SlicePool.from_arrays(images, masks, case_of, **more)


def test_fingerprints_of_arrays_follow_their_contents() -> None:
    def of(value: float, masks: Array | None) -> str:
        return SlicePool.from_arrays(np.full((2, 3, 3), value), masks, [0, 1]).fingerprint

    zeros = np.zeros((2, 3, 3), np.uint8)
    assert of(0.1, zeros) == of(0.1, zeros)
    assert len({of(0.1, zeros), of(0.2, zeros), of(0.1, zeros + 1), of(0.1, None)}) == 4
