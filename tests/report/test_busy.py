"""Whether times compare is told by how long trainings of equal length took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nextslice.report import read_runs
from nextslice.report.busy import on_busy_machines
from nextslice.report.figures.times import draw_times
from nextslice.report.paper import paper_tables
from nextslice.report.section import notes

WriteRun = Callable[..., Path]


def _runs(write_run: WriteRun, folder: Path, seconds: list[float], **options: Any) -> list[Any]:
    """A run for each time that its three trainings take."""
    for seed, each in enumerate(seconds):
        name = f"{options.get('uncertainty', 'r')}-{seed}"
        write_run(name, [0.5, 0.6, 0.7], seed=seed, train_seconds=each, **options)
    return read_runs(folder)


def test_unequal_times_of_equal_trainings_are_told_wherever_times_are_shown(
    write_run: WriteRun, tmp_path: Path
) -> None:
    runs = _runs(write_run, tmp_path, [30, 30, 90])
    told = on_busy_machines(runs)
    assert told is not None
    assert "30.0 s to 90.0 s" in told
    table = next(table for table in paper_tables(runs) if table.key == "table-2")
    drawn = draw_times(runs)
    assert drawn is not None
    assert told in table.footnotes
    assert told in notes(runs)
    assert drawn.caption.endswith(told)


@pytest.mark.parametrize("seconds", [[30, 31, 33], [0, 0, 0], [30]])
def test_nothing_is_told_where_they_lie_close_together_or_are_too_few(
    write_run: WriteRun, tmp_path: Path, seconds: list[float]
) -> None:
    assert on_busy_machines(_runs(write_run, tmp_path, seconds)) is None


@pytest.mark.parametrize(
    "other",
    [
        {"changes": {"training": {"steps": 9000, "batch_size": 4}}},
        {"uncertainty": "learning-loss", "selection": "top-k"},
        {"environment": {"hardware": {"processor": "a slow one"}}},
    ],
)
def test_longer_trainings_and_other_machines_are_no_sign_of_it(
    write_run: WriteRun, tmp_path: Path, other: dict[str, Any]
) -> None:
    _runs(write_run, tmp_path, [30, 30, 30])
    for seed in range(3):
        write_run(f"o-{seed}", [0.5, 0.6, 0.7], seed=seed, train_seconds=90, **other)
    assert on_busy_machines(read_runs(tmp_path)) is None
