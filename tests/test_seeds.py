"""Seeds are stable, in range, and different for draws that differ."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.seeds import derive_seed

PARTS = st.lists(st.integers(-(2**70), 2**70) | st.text(), min_size=1, max_size=4)


def test_a_seed_is_a_promise_that_later_versions_keep() -> None:
    assert derive_seed(0, "batches", 3) == 6366262660794213022


@given(first=PARTS, second=PARTS)
def test_equal_if_and_only_if_the_parts_are(
    first: list[int | str], second: list[int | str]
) -> None:
    seeds = derive_seed(*first), derive_seed(*second)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert (seeds[0] == seeds[1]) == (first == second)


def test_types_and_borders_of_the_parts_matter() -> None:
    different = [(1, 2), (12,), ("1", 2), ("12",), (2, 1), ("1,2",)]
    assert len({derive_seed(*parts) for parts in different}) == len(different)
    assert derive_seed(np.int64(1).item()) == derive_seed(1)


def test_it_does_not_depend_on_the_process() -> None:
    code = "from nextslice.seeds import derive_seed; print(derive_seed('a', 1))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(out.stdout) == derive_seed("a", 1)


def test_nothing_to_derive_from_is_an_error() -> None:
    with pytest.raises(TypeError, match="at least one part"):
        derive_seed()
