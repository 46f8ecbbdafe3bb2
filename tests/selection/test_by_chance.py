"""Stratified, strided and foreground-aware random: who is picked, and how often."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.errors import SelectionError
from nextslice.selection import (
    Context,
    ForegroundRandom,
    Random,
    Selection,
    Stratified,
    Strided,
    VolumeCap,
    is_label_informed,
)

sizes_of_volumes = st.lists(st.integers(1, 12), min_size=1, max_size=8)


def _places(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Case and position of each slice of volumes of these sizes."""
    return np.repeat(np.arange(len(sizes)), sizes), np.concatenate(
        [np.arange(n) for n in sizes]
    )


@given(
    sizes_of_volumes,
    st.lists(st.integers(0, 9), max_size=30),
    st.integers(0, 40),
    st.integers(0),
)
def test_stratified_never_picks_a_second_slice_where_a_volume_has_fewer(
    sizes: list[int], labelled: list[int], budget: int, seed: int
) -> None:
    cases, _ = _places(sizes)
    context = Context(cases=cases, labelled_cases=np.array(labelled, dtype=int))
    picked = Stratified(budget).select(
        np.zeros(len(cases)), rng=np.random.default_rng(seed), context=context
    )
    has, left = Counter(labelled), Counter(cases.tolist())
    for case in cases[picked].tolist():
        assert has[case] == min(has[other] for other in left if left[other])
        has[case] += 1
        left[case] -= 1


def test_stratified_leaves_ties_and_the_slice_of_a_volume_to_chance() -> None:
    """Three volumes of 1, 4 and 10 slices: each is met as often, and each slice in it."""
    cases, _ = _places([1, 4, 10])
    rng, rounds = np.random.default_rng(0), 2_000
    counts = np.zeros(15)
    for _ in range(rounds):
        counts[Stratified(1).select(np.zeros(15), rng=rng, context=Context(cases=cases))] += 1
    expected = rounds / 3 / np.array([1, 4, 10])[cases]
    assert ((counts - expected) ** 2 / expected).sum() < 36.1  # 99.9 %, 14 degrees


@given(sizes_of_volumes, st.integers(1, 60), st.integers(0))
def test_strided_takes_every_nth_slice_of_the_volumes_put_in_a_row(
    sizes: list[int], budget: int, seed: int
) -> None:
    cases, positions = _places(sizes)
    slices = len(cases)
    shuffled = np.random.default_rng(seed).permutation(slices)  # the pool's order has no say
    picked = Strided(budget).select(
        np.zeros(slices),
        rng=np.random.default_rng(seed),
        context=Context(cases=cases[shuffled], positions=positions[shuffled]),
    )
    met = list(dict.fromkeys(cases[shuffled][picked].tolist()))
    others = [case for case in range(len(sizes)) if case not in met]
    step = slices / len(picked)
    within = [
        np.diff(positions[shuffled][picked][cases[shuffled][picked] == case]) for case in met
    ]
    assert all(abs(gap - step) < 1 for gaps in within for gap in gaps.tolist())
    assert all(sizes[case] < step for case in others)  # only small volumes are stepped over


def test_strided_picks_each_slice_as_often() -> None:
    cases, positions = _places([3, 7, 13])
    rng, rounds, budget = np.random.default_rng(1), 2_000, 5
    counts = np.zeros(23)
    for _ in range(rounds):
        context = Context(cases=cases, positions=positions)
        counts[Strided(budget).select(np.zeros(23), rng=rng, context=context)] += 1
    expected = rounds * budget / 23
    assert ((counts - expected) ** 2 / expected).sum() < 48.3  # 99.9 %, 22 degrees


@given(
    st.lists(st.booleans(), min_size=1, max_size=60),
    st.integers(0, 30),
    st.sampled_from([0.0, 0.33, 0.66, 1.0]),
    st.integers(0),
)
def test_the_foreground_s_share_is_kept_as_long_as_there_is_foreground(
    flags: list[bool], budget: int, fraction: float, seed: int
) -> None:
    foreground = np.array(flags)
    picked = ForegroundRandom(budget, fraction).select(
        np.zeros(len(flags)),
        rng=np.random.default_rng(seed),
        context=Context(foreground=foreground),
    )
    assert len(np.unique(picked)) == len(picked) == min(budget, len(flags))
    wanted = round(fraction * len(picked))
    assert foreground[picked].sum() >= min(wanted, foreground.sum())


def test_what_is_not_the_foreground_s_share_is_drawn_from_all_slices() -> None:
    """A third of 9 from 20 slices with foreground, the other 6 from all 97 that are left."""
    foreground = np.arange(100) < 20
    rng = np.random.default_rng(2)
    found = [
        foreground[
            ForegroundRandom(9).select(
                np.zeros(100), rng=rng, context=Context(foreground=foreground)
            )
        ].sum()
        for _ in range(2_000)
    ]
    assert np.mean(found) == pytest.approx(3 + 6 * 17 / 97, abs=0.08)


def test_who_peeks_at_labels_says_so_wrapped_or_not() -> None:
    assert is_label_informed(ForegroundRandom())
    assert is_label_informed(VolumeCap(ForegroundRandom()))
    assert not is_label_informed(VolumeCap(Random()))


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_share_beyond_the_whole_is_refused(fraction: float) -> None:
    with pytest.raises(SelectionError, match="from 0 to 1"):
        ForegroundRandom(fraction=fraction)


@pytest.mark.unchecked_shapes
@pytest.mark.parametrize(
    ("selection", "context", "message"),
    [
        (Stratified(2), None, "Expected cases, the number of the case"),
        (Strided(2), Context(cases=np.zeros(5, int)), "Expected positions"),
        (Stratified(2), Context(cases=np.zeros(4, int)), r"shape \(5,\)"),
        (ForegroundRandom(2), Context(), "whether each slice contains foreground"),
        (VolumeCap(Random(2)), Context(), "A cap of slices per volume looks at more"),
    ],
)
def test_a_context_that_lacks_something_is_told_what(
    selection: Selection, context: Context | None, message: str
) -> None:
    with pytest.raises(SelectionError, match=message):
        selection.select(np.zeros(5), rng=np.random.default_rng(0), context=context)
