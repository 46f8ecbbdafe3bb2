"""An expert who draws the data set's labels, and the simulation that it must be equal to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import nextslice as ns
from nextslice.annotators import Oracle
from nextslice.config import LiveConfig
from nextslice.data.native import NativeSlices
from nextslice.models.checkpoints import read_manifest
from nextslice.models.devices import limited_threads
from nextslice.parts import trainer_for, uncertainty_for
from nextslice.strategies import build_selection
from nextslice.types import NativeMask

__all__ = ["assert_equal_runs", "native_label", "run_simulation"]


def native_label(pool: ns.SlicePool, case: str, index: int) -> NativeMask:
    """A slice of the data set's label as an expert would have drawn it, (height, width)."""
    native = NativeSlices(pool.preparation, pool.geometry(case))
    return np.ascontiguousarray(native.cut(pool.native_label(case), index))


def run_simulation(
    config: LiveConfig, pool: ns.SlicePool, folder: Path, *, cycles: int
) -> Path:
    """The run of a live project's settings with an oracle, up to the query after `cycles`."""
    learner = ns.ActiveLearner(
        pool,
        trainer=trainer_for(config, pool),
        uncertainty=uncertainty_for(config.uncertainty),
        selection=build_selection(config.selection.name, config.selection.parameters),
        project=folder,
        seed=config.seed,
    )
    with limited_threads(config.threads), learner:
        oracle = Oracle(pool)
        for cycle in range(cycles):
            query = learner.ask(budget=config.budget if cycle else config.initial)
            learner.tell(query, oracle.label(query))
            learner.fit()
            learner.record()
        learner.ask(budget=config.budget)
    return folder


def assert_equal_runs(folder: Path, other: Path, *, cycles: int) -> None:
    """Two runs asked for the same slices by the same scores, and have the same weights."""
    queries = [(each / "queries.csv").read_text() for each in (folder, other)]
    assert queries[0] == queries[1]
    asked = {line.split(",")[0] for line in queries[0].splitlines()[1:]}
    assert asked == {str(cycle) for cycle in range(cycles + 1)}
    weights = [_weights(each) for each in (folder, other)]
    assert weights[0] == weights[1]
    assert len(set(weights[0])) == cycles  # each cycle learned something new


def _weights(folder: Path) -> list[str]:
    return [read_manifest(path)["sha256"] for path in sorted((folder / "models").iterdir())]
