"""What a run ran on: versions, hardware, precision, code; kept as ``environment.json``."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from nextslice.code_hashes import hashes_of_nextslice
from nextslice.code_of_others import hashes_of_others
from nextslice.models.training import Trainer

__all__ = ["describe_code", "describe_environment", "describe_software"]

_PACKAGES = ("nextslice", "torch", "numpy", "scipy", "simpleitk", "monai", "safetensors")


def describe_software() -> dict[str, str]:
    """Version of Python and of each package that has a say in the results."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def describe_code(*parts: object) -> dict[str, dict[str, str]]:
    """The code that the results of a run come from, a hash for each file.

    Args:
        parts: What the loop is put together of: its trainer, network and strategies. Where
            their code is not nextslice's, it is described as well.
    """
    return {"nextslice": hashes_of_nextslice(), "others": hashes_of_others(*parts)}


def describe_environment(trainer: Trainer, *, data: str, seed: int) -> dict[str, object]:
    """What the results of a run depend on besides its settings.

    Args:
        trainer: Says on which device and in which precision.
        data: The pool's fingerprint.
        seed: The run's seed.
    """
    threads = torch.get_num_threads() if trainer.threads is None else trainer.threads
    return {
        "software": describe_software(),
        "hardware": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
            "device": _device_name(trainer.device),
        },
        "threads": threads,
        "precision": {"name": trainer.precision.name, "reason": trainer.precision.reason},
        "data": data,
        "seed": seed,
    }


def _processor() -> str:
    """The processor's name as the system tells it; it knows no patient and no user."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
