"""Device and precision follow from the hardware by fixed rules."""

from __future__ import annotations

import pytest
import torch

from nextslice.errors import SettingsError
from nextslice.models.devices import (
    autocast,
    deterministic,
    resolve_device,
    resolve_precision,
)

CPU = torch.device("cpu")


def test_auto_takes_what_there_is() -> None:
    expected = "cpu"
    if torch.cuda.is_available():
        expected = "cuda"
    elif torch.backends.mps.is_available():
        expected = "mps"
    assert resolve_device("auto").type == expected
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize("name", ["tpu", "meta", ""])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="device must be"):
        resolve_device(name)


def test_a_gpu_that_is_not_there_is_refused_with_what_to_do() -> None:
    with pytest.raises(SettingsError, match='device="auto"'):
        resolve_device("cuda:99")


def test_precision_is_the_same_each_time_and_says_why() -> None:
    first = resolve_precision("auto", CPU)
    assert first == resolve_precision("auto", CPU)
    assert first.name in {"float32", "bfloat16"}
    assert "AMX" in first.reason
    with pytest.raises(SettingsError, match="precision must be one of"):
        resolve_precision("float16", CPU)


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_products_are_made_in_the_precision(name: str, dtype: torch.dtype) -> None:
    with autocast(CPU, resolve_precision(name, CPU)):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_deterministic_puts_cudnn_back() -> None:
    before = torch.backends.cudnn.deterministic
    with deterministic(torch.device("cuda")):
        assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.deterministic == before
