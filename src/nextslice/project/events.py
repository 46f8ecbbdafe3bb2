"""Curves for TensorBoard: one event file per cycle, written like every other file."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from nextslice.evaluation.metrics import ClassMetrics
from nextslice.files import write_atomically

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
    content = io.BytesIO()
    records = RecordWriter(content)
    records.write(Event(file_version="brain.Event:2").SerializeToString())
    for tag, step, value in points:
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        records.write(Event(step=step, summary=summary).SerializeToString())
    # No time, host or process in its name, as TensorBoard's own writer has it: written again,
    # a cycle's curves take their own place.
    path = folder / "tensorboard" / f"events.out.tfevents.cycle-{cycle:02d}"
    write_atomically(path, content.getvalue(), "events")
    for earlier in path.parent.glob(f"*.cycle-{cycle:02d}"):
        if earlier != path:  # by TensorBoard's writer, which earlier versions used
            earlier.unlink()
