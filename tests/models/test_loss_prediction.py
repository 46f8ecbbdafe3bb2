"""The ranking loss asks for order alone, and its module takes images of any size."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nextslice.errors import SettingsError
from nextslice.models.loss_prediction import (
    LossPrediction,
    LossPredictionModule,
    ranking_loss,
)

NUMBERS = st.lists(st.integers(-20, 20), min_size=2, max_size=12).filter(
    lambda x: len(x) % 2 == 0
)


@given(data=st.data(), predicted=NUMBERS, margin=st.integers(0, 5))
def test_zero_if_and_only_if_each_pair_is_ordered_with_the_margin(
    data: st.DataObject, predicted: list[int], margin: int
) -> None:
    count = len(predicted)
    target = data.draw(st.permutations(range(count)))
    half = count // 2
    ordered = all(
        (p - q if t > u else q - p) >= margin
        for p, q, t, u in zip(
            predicted[:half], predicted[half:], target[:half], target[half:], strict=True
        )
    )
    loss = ranking_loss(
        torch.tensor(predicted).float(), torch.tensor(target).float(), float(margin)
    )
    assert float(loss) >= 0
    assert (float(loss) == 0) == ordered


def test_a_constant_prediction_costs_the_margin() -> None:
    assert float(ranking_loss(torch.zeros(4), torch.arange(4.0), margin=1.0)) == 1.0
    assert float(ranking_loss(torch.zeros(4), torch.arange(4.0), margin=0.0)) == 0.0


def test_no_gradient_reaches_the_true_losses() -> None:
    predicted, target = torch.zeros(2, requires_grad=True), torch.rand(2, requires_grad=True)
    ranking_loss(predicted, target).backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    assert target.grad is None


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_without_pairs_is_refused(count: int) -> None:
    with pytest.raises(SettingsError, match=f"even batch of at least 2; got {count}"):
        ranking_loss(torch.zeros(count), torch.zeros(count))


@pytest.mark.parametrize("size", [(1, 1), (7, 12)])
def test_one_number_per_image_of_any_size(size: tuple[int, int]) -> None:
    module = LossPredictionModule((3, 5), hidden=4)
    features = [torch.rand(6, 3, *size), torch.rand(6, 5, *size)]
    assert module(features).shape == (6,)


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden", 0), ("margin", -1.0), ("weight", float("inf")), ("detach_after", 1.1)],
)
def test_values_out_of_range_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name):
        LossPrediction(**{name: value})  # type: ignore[arg-type]
