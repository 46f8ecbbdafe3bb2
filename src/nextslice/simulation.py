"""One simulated run from its settings: the live loop with an oracle as the annotator."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nextslice.annotators import Oracle
from nextslice.config import Config
from nextslice.data.pool import SlicePool
from nextslice.evaluation.evaluate import Evaluation, evaluate
from nextslice.learner import ActiveLearner
from nextslice.models.devices import limited_threads
from nextslice.parts import open_pool, trainer_for, uncertainty_for
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.project.changes import SIMULATED_MAY_CHANGE
from nextslice.settings import plain
from nextslice.strategies import build_selection

__all__ = ["CycleResult", "Splits", "open_splits", "simulate"]


@dataclass(frozen=True)
class Splits:
    """The pools of a simulation, no case in two of them."""

    train: SlicePool
    val: SlicePool
    test: SlicePool

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the contents of all three."""
        parts = "\n".join(pool.fingerprint for pool in (self.train, self.val, self.test))
        return hashlib.sha256(parts.encode()).hexdigest()


@dataclass(frozen=True)
class CycleResult:
    """What a listener is told after each cycle."""

    cycle: int
    n_labelled: int
    evaluation: Evaluation


def open_splits(config: Config, on_progress: OnProgress = ignore_progress) -> Splits:
    """Open the data set of a run, from the cache where it was prepared before.

    Raises:
        DataError: The folder cannot be read, or cases are refused.
        SettingsError: Too few cases for the split.
    """
    pool = open_pool(config.data, require_labels=True, on_progress=on_progress)
    wanted = config.split.test
    train, val, test = pool.split_cases(
        test=math.ceil(len(pool.cases) / 5) if wanted is None else wanted,
        val=config.split.val,
        seed=config.split.seed,
    )
    return Splits(train, val, test)


def simulate(
    config: Config,
    splits: Splits,
    out: Path,
    *,
    shared_trainings: Path | None = None,
    accept_changes: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_cycle: Callable[[CycleResult], None] | None = None,
) -> None:
    """Run a simulation to its end, or go on with it where it stopped.

    Args:
        config: The run's settings.
        splits: What :func:`open_splits` gave for them.
        out: The run's folder.
        shared_trainings: See :class:`~nextslice.learner.ActiveLearner`.
        accept_changes: The same.
        on_progress: Told how far each step is.
        on_cycle: Told the result of each cycle that ends.

    Raises:
        NextsliceError: See the parts of the loop; what was finished before is kept.
    """
    oracle = Oracle(splits.train)
    learner = ActiveLearner(
        splits.train,
        trainer=trainer_for(config, splits.train),
        uncertainty=uncertainty_for(config.uncertainty),
        selection=build_selection(config.selection.name, config.selection.parameters),
        project=out,
        seed=config.seed,
        initial_seed=config.initial_seed,
        shared_trainings=shared_trainings,
        config=plain(config),
        data=splits.fingerprint,
        may_change=SIMULATED_MAY_CHANGE,
        accept_changes=accept_changes,
        on_progress=on_progress,
    )
    with learner, limited_threads(config.threads):
        for cycle in range(learner.cycle, config.cycles + 1):
            on_progress(Progress("cycles", cycle, config.cycles + 1))
            query = learner.ask(budget=config.initial if cycle == 0 else config.budget)
            learner.tell(query, oracle.label(query), annotator=oracle.name)
            learner.fit()
            evaluation = evaluate(
                learner.model,
                splits.test,
                in_voxels=config.evaluation.hd95_in_voxels,
                count_empty=config.evaluation.count_empty_slices,
                on_progress=on_progress,
            )
            learner.record(evaluation)
            on_progress(Progress("cycles", cycle + 1, config.cycles + 1))
            if on_cycle is not None:
                on_cycle(CycleResult(cycle, learner.n_labelled, evaluation))
