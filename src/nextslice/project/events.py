"""Curves for TensorBoard: one event file per cycle."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from nextslice.evaluation.metrics import ClassMetrics
from nextslice.failpoints import reach

__all__ = ["write_events"]

_SHOWN = ("dice_3d", "dice_2d", "hd95_3d_mm")


def write_events(
    folder: Path, cycle: int, losses: Sequence[float], classes: Mapping[str, ClassMetrics]
) -> None:
    """Write the metrics of a cycle, and the training loss of each of its epochs.

    Writing a cycle again replaces what was written before.

    Args:
        folder: The run's folder; the files go to ``tensorboard/`` in it.
        cycle: The step of the metrics' curves.
        losses: Mean loss per epoch; shown as a curve of its own for each cycle.
        classes: Metrics by class name.
    """
    points = [
        (f"{name}/{metric}", cycle, dataclasses.asdict(values)[metric])
        for name, values in classes.items()
        for metric in _SHOWN
    ]
    points += [(f"loss/cycle-{cycle:02d}", epoch, loss) for epoch, loss in enumerate(losses)]
    suffix = f".cycle-{cycle:02d}"
    for earlier in (folder / "tensorboard").glob(f"*{suffix}"):
        earlier.unlink()
    reach("events.cleared")
    writer = EventFileWriter(str(folder / "tensorboard"), filename_suffix=suffix)
    for tag, step, value in points:
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.add_event(Event(step=step, summary=summary))
    writer.close()
    reach("events.written")
