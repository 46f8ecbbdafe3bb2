"""Jensen-Shannon divergence and entropy against closed forms, scipy and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from scipy.stats import entropy

from nextslice.uncertainty.divergence import JensenShannon, entropy_map

# K predictions of 2 slices of 3 x 4 pixels, as logits over 3 classes; some are certain.
predictions = (
    st.integers(1, 9)
    .flatmap(
        lambda k: hnp.arrays(
            np.float64,
            (k, 2, 3, 3, 4),
            elements=st.one_of(st.floats(-5, 5), st.sampled_from([-200.0, 200.0])),
        )
    )
    .map(lambda logits: softmax(logits, axis=2))
)


def _divergence(p: np.ndarray) -> torch.Tensor:
    divergence = JensenShannon()
    for prediction in p:
        divergence.add(torch.from_numpy(prediction).float())
    return divergence.per_pixel()[0]


@given(predictions)
def test_equals_the_definition_computed_by_scipy(p: np.ndarray) -> None:
    """H(mean p) - mean H(p), with entropies from scipy."""
    expected = entropy(p.mean(axis=0), axis=1) - entropy(p, axis=2).mean(axis=0)
    assert np.allclose(_divergence(p).numpy(), expected, atol=2e-6)


@given(predictions)
def test_lies_between_0_and_ln_k(p: np.ndarray) -> None:
    divergence = _divergence(p)
    assert (divergence >= 0).all()
    assert (divergence <= math.log(len(p)) + 1e-5).all()


@given(predictions)
def test_does_not_depend_on_the_order_of_the_predictions(p: np.ndarray) -> None:
    assert torch.allclose(_divergence(p), _divergence(p[::-1].copy()), atol=1e-6)


@given(predictions)
def test_equal_predictions_do_not_disagree(p: np.ndarray) -> None:
    same = np.repeat(p[:1], 5, axis=0)
    assert torch.allclose(_divergence(same), torch.zeros(2, 3, 4), atol=1e-6)


@pytest.mark.parametrize("k", [2, 3, 8])
def test_certain_predictions_of_k_different_classes_reach_ln_k(k: int) -> None:
    divergence = JensenShannon()
    for number in range(k):
        divergence.add(torch.eye(k)[number].view(1, k, 1, 1))
    assert float(divergence.per_slice()) == pytest.approx(math.log(k), rel=1e-6)


def test_two_predictions_by_hand() -> None:
    """p = (1, 0) and (1/2, 1/2): H(3/4, 1/4) - ln(2) / 2."""
    divergence = JensenShannon()
    divergence.add(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1))
    divergence.add(torch.tensor([0.5, 0.5]).view(1, 2, 1, 1))
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) - 0.5 * math.log(2)
    assert float(divergence.per_slice()) == pytest.approx(expected, rel=1e-6)


def test_the_released_code_s_formula_adds_where_the_paper_subtracts() -> None:
    divergence = JensenShannon("released-code")
    divergence.add(torch.tensor([0.5, 0.5]).view(1, 2, 1, 1))
    divergence.add(torch.tensor([0.5, 0.5]).view(1, 2, 1, 1))
    assert float(divergence.per_slice()) == pytest.approx(math.log(2), rel=1e-6)


@given(predictions, st.integers(0, 1_000))
def test_a_prediction_takes_no_part_where_it_was_not_seen(p: np.ndarray, seed: int) -> None:
    """Pixel by pixel the same as the divergence of those predictions alone that saw it."""
    seen = np.random.default_rng(seed).random((len(p), 1, 3, 4)) < 0.6
    divergence = JensenShannon()
    for prediction, where in zip(p, seen, strict=True):
        divergence.add(torch.from_numpy(prediction).float(), torch.from_numpy(where))
    per_slice = divergence.per_slice().numpy()
    for slice_number in range(2):
        compared = []
        for y, x in np.ndindex(3, 4):
            of_pixel = p[seen[:, 0, y, x], slice_number, :, y, x]
            if len(of_pixel) >= 2:
                compared.append(entropy(of_pixel.mean(axis=0)) - entropy(of_pixel.T).mean())
        expected = np.mean(compared) if compared else 0.0
        assert per_slice[slice_number] == pytest.approx(expected, abs=2e-6)


def test_without_a_prediction_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="at least one prediction"):
        JensenShannon().per_slice()


@given(st.integers(2, 6))
def test_entropy_of_equal_classes_is_the_logarithm_of_their_number(classes: int) -> None:
    uniform = torch.full((1, classes, 2, 2), 1 / classes)
    assert torch.allclose(entropy_map(uniform), torch.tensor(math.log(classes)))
    certain = torch.eye(classes)[0].view(1, classes, 1, 1)
    assert float(entropy_map(certain)) == 0.0
