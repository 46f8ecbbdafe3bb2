"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from nextslice.models.devices import resolve_precision

__all__ = ["busy", "commit", "describe_machine", "gpu_line", "load", "versions"]

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = (
    "nextslice",
    "torch",
    "numpy",
    "scipy",
    "monai",
    "baal",
    "scikit-activeml",
    "scikit-learn",
)


def describe_machine() -> str:
    """Processor, cores, memory, system."""
    name = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    precision = resolve_precision("auto", torch.device("cpu"))
    return (
        f"{name}, {os.cpu_count()} cores, {memory:.0f} GB of memory, "
        f"{platform.system()} {platform.machine()}. {precision.reason}"
    )


def gpu_line() -> str:
    """Whether there was a GPU, and what that means for the numbers."""
    at_hand = (
        f"{torch.cuda.get_device_name()} was at hand and not used"
        if torch.cuda.is_available()
        else "none was at hand"
    )
    return (
        "The suite measures on the processor only; it has no way to measure on a GPU, and "
        f"{at_hand}. So there are no numbers of one for rows 2, 3, 4 and 6, nor for the "
        "paper's full protocol."
    )


def commit() -> str:
    """Which state of the code was measured."""
    git = shutil.which("git")
    if git is None:
        return "commit unknown"
    asked = [
        subprocess.run(  # noqa: S603 - two fixed questions
            [git, *question], cwd=_ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()
        for question in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "src"])
    ]
    return f"commit {asked[0] or 'unknown'}{' with changes in src' if asked[1] else ''}"


def load() -> float:
    """How many processes wanted to run in the last minute."""
    return os.getloadavg()[0]


def busy(load: float) -> bool:
    """Whether other work took more than half of the cores."""
    return load > 0.5 * (os.cpu_count() or 1)


def versions() -> str:
    """Python and every package that has a say, those that are missing named as such."""
    found = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)
