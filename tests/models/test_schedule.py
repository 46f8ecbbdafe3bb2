"""The learning rate follows the paper's warm-up and cosine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextslice.errors import SettingsError
from nextslice.models.schedule import TrainingSettings, changed_settings, learning_rate_at


def test_the_papers_rate_at_its_landmarks() -> None:
    paper = TrainingSettings()
    assert paper.steps == 75 * 250
    assert learning_rate_at(0, paper) == pytest.approx(1e-6)
    assert learning_rate_at(1250, paper) == pytest.approx((1e-6 + 2e-4) / 2)
    assert learning_rate_at(2500, paper) == pytest.approx(2e-4)
    assert learning_rate_at(2500 + (18_750 - 2500) // 2, paper) == pytest.approx(1e-4)
    assert learning_rate_at(18_750, paper) == pytest.approx(0.0, abs=1e-12)


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 1),
    factor=st.floats(1, 500),
    end=st.floats(0, 1e-6),
)
def test_it_rises_to_the_peak_then_falls_and_stays_between_its_bounds(
    steps: int, warmup: float, factor: float, end: float
) -> None:
    settings = TrainingSettings(
        steps=steps, warmup=warmup, warmup_factor=factor, final_learning_rate=end
    )
    rates = [learning_rate_at(step, settings) for step in range(steps)]
    top = round(warmup * steps)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert all(min(1e-6, end) <= rate <= settings.peak_learning_rate for rate in rates)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"steps": 2.5},
        {"batch_size": True},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"warmup": 1.5},
        {"weight_decay": -1.0},
        {"final_learning_rate": float("nan")},
        {"loss": "dice"},
        {"binary_output": "none"},
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(wrong))} must be"):
        TrainingSettings(**wrong)


def test_an_unknown_setting_gets_a_hint() -> None:
    with pytest.raises(SettingsError, match="Did you mean 'batch_size'"):
        changed_settings(TrainingSettings(), {"batchsize": 4})
