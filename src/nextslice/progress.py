"""How long work tells its caller how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OnProgress", "Progress", "ignore_progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One report from a piece of work.

    Attributes:
        stage: What is being done: "prepare", "train", "score", "evaluate", "cycles".
        done: Steps finished so far.
        total: Steps in all.
        note: A short remark to show beside the bar, such as the current loss.
        loss: The current training loss, where there is one.
    """

    stage: str
    done: int
    total: int
    note: str = ""
    loss: float | None = None


OnProgress = Callable[[Progress], None]
"""Called often; must be quick and must not raise unless the work should stop."""


def ignore_progress(_: Progress) -> None:
    """The default listener: nobody watches."""
