"""Where voxels can lie, and where not."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from nextslice.data.geometry import Geometry, check_grid
from nextslice.errors import DataError


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_grid_begins_somewhere(axis: int, number: float) -> None:
    """Of every format: not all say it before ITK has read their headers."""
    sound = Geometry((3, 4, 5), origin=(-7.5, 0.0, 1e4))
    check_grid(Path("a.mha"), sound)
    x, y, z = (number if axis == k else n for k, n in enumerate(sound.origin))
    with pytest.raises(DataError, match=r"should say where it begins, but its origin is"):
        check_grid(Path("a.mha"), replace(sound, origin=(x, y, z)))
