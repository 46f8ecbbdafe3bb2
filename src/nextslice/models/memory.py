"""Memory that runs out, told in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from nextslice.errors import TrainingError

__all__ = ["memory_told"]

_OUT_OF_MEMORY: Final = re.compile("out of memory|DefaultCPUAllocator|Storage size calculation")


@contextmanager
def memory_told() -> Iterator[None]:
    """What a training raises where the machine or its device has too little memory.

    Raises:
        TrainingError: In place of what torch and numpy raise then.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not known and not _OUT_OF_MEMORY.search(str(error)):
            raise
        raise TrainingError(
            "The training needs more memory than there is.",
            cause="a wide network, a large batch, large slices, or other work beside it.",
            remedy="Lower training.batch_size, network.channels or data.size, or end what else "
            "runs.",
        ) from error
