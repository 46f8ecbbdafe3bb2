"""Where the processes of these tests are killed: some places always, all at leisure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest


def kills(
    few: Sequence[str], points: Sequence[str], later: Sequence[str], time: int
) -> list[object]:
    """Where to kill: at `few` points always; at all, and at `later` again, at leisure."""
    rest = [f"{name}:kill:1" for name in points if name not in few]
    rest += [f"{name}:kill:{time}" for name in later]
    return [
        *(f"{name}:kill:1" for name in few),
        *(pytest.param(name, marks=pytest.mark.faults) for name in rest),
    ]
