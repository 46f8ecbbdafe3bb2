"""k-means++ seeding: each next slice by its squared distance from those before."""

from __future__ import annotations

import numpy as np
import pytest

from nextslice.errors import SelectionError
from nextslice.selection import Badge, Context


def test_the_first_is_uniform_and_the_second_by_squared_distance() -> None:
    gradients = np.array([[0.0, 1.0], [0.0, 3.0], [4.0, 3.0], [-1.0, 0.5]])
    squared = ((gradients[:, None] - gradients[None]) ** 2).sum(axis=2)
    rng, rounds = np.random.default_rng(0), 2_000
    counts = np.zeros((4, 4))
    for _ in range(rounds):
        first, second = Badge(2).select(
            np.zeros(4), rng=rng, context=Context(gradients=gradients)
        )
        counts[first, second] += 1
    expected = rounds / 4 * squared / squared.sum(axis=1, keepdims=True)
    other = ~np.eye(4, dtype=bool)
    assert ((counts - expected)[other] ** 2 / expected[other]).sum() < 31.3  # 99.9 %, 11


def test_groups_far_from_each_other_give_one_slice_each() -> None:
    rng = np.random.default_rng(1)
    group = np.arange(60) % 3
    gradients = 1e3 * np.eye(3)[group] + rng.normal(size=(60, 3))
    picked = Badge(3).select(np.zeros(60), rng=rng, context=Context(gradients=gradients))
    assert sorted(group[picked].tolist()) == [0, 1, 2]


def test_duplicates_are_picked_once_each_by_chance() -> None:
    rng = np.random.default_rng(2)
    context = Context(gradients=np.ones((6, 3)))
    orders = {tuple(Badge(6).select(np.zeros(6), rng=rng, context=context)) for _ in range(20)}
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len(orders) > 10


def test_what_a_rule_picked_before_repels_like_what_is_picked_now() -> None:
    rng = np.random.default_rng(3)
    group = np.arange(60) % 3
    gradients = 1e3 * np.eye(3)[group] + rng.normal(size=(60, 3))
    context = Context(gradients=gradients)
    before = np.array([0])
    left = np.arange(1, 60)
    for _ in range(20):
        picked = Badge(2).select(np.zeros(59), rng=rng, context=context.narrowed(left, before))
        assert sorted(group[left[picked]].tolist()) == [1, 2]


@pytest.mark.unchecked_shapes
@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        (None, "Expected gradients"),
        (np.ones((4, 2)), "one row per score"),
        (np.full((5, 2), np.inf), "finite"),
    ],
)
def test_gradients_that_do_not_fit_are_refused(
    gradients: np.ndarray | None, message: str
) -> None:
    with pytest.raises(SelectionError, match=message):
        Badge(2).select(
            np.zeros(5), rng=np.random.default_rng(0), context=Context(gradients=gradients)
        )
