"""What the desk promises to those who annotate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nextslice as ns
from nextslice.annotators import Desk, Oracle
from nextslice.live import LiveProject
from nextslice.models.checkpoints import read_manifest
from nextslice.parts import trainer_for, uncertainty_for

from .conftest import Expert


def test_an_expert_who_draws_the_labels_gets_the_simulation_query_for_query(
    create: Callable[..., LiveProject], expert: Expert, tmp_path: Path, labelled_scans: Path
) -> None:
    with Desk(create()) as desk:
        config = desk._live.config
        for _ in range(3):
            expert.answer(desk)
            desk.finish_query()
            assert desk.wait(60)
            assert desk.overview().error == ""
    learner = ns.ActiveLearner(
        ns.SlicePool.from_folder(labelled_scans, size=(40, 40)),
        trainer=trainer_for(config, expert._pool),
        uncertainty=uncertainty_for(config.uncertainty),
        selection=ns.StochasticBatches(),
        project=tmp_path / "run",
        seed=config.seed,
    )
    with learner:
        oracle = Oracle(learner.pool)
        for cycle in range(4):
            query = learner.ask(budget=3)
            if cycle < 3:
                learner.tell(query, oracle.label(query))
                learner.fit()
                learner.record()
    assert (tmp_path / "run/queries.csv").read_text() == (
        tmp_path / "project/queries.csv"
    ).read_text()
    for cycle in range(3):
        ours, theirs = (
            read_manifest(tmp_path / name / "models" / f"cycle-{cycle:02d}")["sha256"]
            for name in ("project", "run")
        )
        assert ours == theirs
