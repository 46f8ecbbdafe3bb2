"""Which device, which precision, and why.

The choice follows from the hardware by fixed rules, never from a timing: two runs on one
machine must agree to the last bit.

Measured with the paper's U-Net, 50x50 slices, batch 4, one thread of a Xeon with AMX, float32
against bfloat16, both channels-last with fused Adam: a training step takes 28 -> 19 ms at
widths 16-128 and 279 -> 132 ms at widths 64-512; scoring a slice takes 1.8 -> 0.7 ms and
20 -> 6 ms. Without AMX a CPU has to emulate most of bfloat16, hence float32 there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch

from nextslice.errors import SettingsError

__all__ = [
    "Precision",
    "autocast",
    "deterministic",
    "isolated_generators",
    "limited_threads",
    "resolve_device",
    "resolve_precision",
    "seed_generators",
]

_PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Precision:
    """The number format of matrix products and convolutions; weights are always float32.

    Attributes:
        name: "float32" or "bfloat16" (autocast).
        reason: One sentence that says why, for a run's environment.json.
    """

    name: str
    reason: str


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The device to work on: "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        SettingsError: The name is unknown or the device is not there.
    """
    if isinstance(device, str) and device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu" and torch.backends.mps.is_available():
            device = "mps"
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise SettingsError(
            f'device must be "auto", "cpu", "cuda", "cuda:N" or "mps"; got {device!r}.'
        ) from error
    if resolved.type == "cuda":
        number, wanted = torch.cuda.device_count(), resolved.index or 0
        if not torch.cuda.is_available() or wanted >= number:
            raise SettingsError(
                f"device {str(resolved)!r} was asked for; PyTorch sees {number} of CUDA.",
                cause="no GPU, its driver is missing, or PyTorch was installed without CUDA.",
                remedy='Use device="auto" or "cpu", or install PyTorch for your CUDA version.',
            )
        return torch.device("cuda", wanted)
    if resolved.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError(
            'device "mps" was asked for, but PyTorch finds no Apple GPU here.',
            remedy='Use device="auto" or "cpu".',
        )
    if resolved.type not in {"cpu", "mps"}:
        raise SettingsError(
            f'device must be "auto", "cpu", "cuda", "cuda:N" or "mps"; got {str(device)!r}.'
        )
    return resolved


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """The precision to work in; "auto" takes bfloat16 where the hardware multiplies it.

    Raises:
        SettingsError: The name is unknown.
    """
    if precision not in _PRECISIONS:
        raise SettingsError(f"precision must be one of {_PRECISIONS}; got {precision!r}.")
    fitting = _fitting_precision(device)
    if precision in ("auto", fitting.name):
        return fitting
    return Precision(precision, f"{precision} was asked for; otherwise: {fitting.reason}")


def _fitting_precision(device: torch.device) -> Precision:
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        if torch.cuda.get_device_capability(device) >= (8, 0):
            return Precision("bfloat16", f"{name} multiplies bfloat16 in hardware.")
        return Precision("float32", f"{name} does not multiply bfloat16 in hardware.")
    if device.type == "cpu":
        if _cpu_has_amx():
            return Precision("bfloat16", "The CPU multiplies bfloat16 in hardware (AMX).")
        return Precision("float32", "The CPU has no AMX to multiply bfloat16 in hardware.")
    return Precision("float32", f"bfloat16 has not been measured to be faster on {device}.")


def _cpu_has_amx() -> bool:
    # Not a public name of PyTorch, so it may go away; float32 is right everywhere.
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(supported is not None and supported())


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Run the forward pass in `precision`."""
    if precision.name == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


@contextmanager
def isolated_generators(device: torch.device) -> Iterator[None]:
    """Give torch's global generators back as they were found."""
    if device.type == "cpu":
        with torch.random.fork_rng(devices=[]):
            yield
    else:
        with torch.random.fork_rng(devices=[device.index or 0], device_type=device.type):
            yield


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed torch's global generators of the CPU and of `device`, and of no other device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Let cuDNN choose only algorithms that give the same bits every time."""
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Use this many CPU threads inside the block; None leaves the number as it is."""
    before = torch.get_num_threads()
    if threads is None or threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
