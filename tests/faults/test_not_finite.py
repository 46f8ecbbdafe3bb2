"""A loss or a score that is no number: the cycle fails with its cause, nothing is queried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.faults import flows

import nextslice as ns
from nextslice.annotators import Desk
from nextslice.errors import ScoreError
from nextslice.live import LiveProject
from nextslice.project import Records, SliceState

pytestmark = [
    pytest.mark.usefixtures("_cache_of_its_own"),
    pytest.mark.promise(
        "A loss or a score that is no number fails the cycle with its cause; nothing is "
        "queried, and what was there stays.",
        fault="a training that diverges, scores of NaN and of infinity",
    ),
]


def test_a_training_that_diverges_is_told_and_leaves_no_model(
    bare_scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    diverging = ["training.learning_rate=1e36", "training.warmup=0.0", "training.steps=12"]
    with Desk(
        LiveProject.create(
            folder,
            images=bare_scans,
            labels=flows.LABELS,
            changes=flows.TINY | {"data": {"size": [24, 24]}},
            assignments=diverging,
        )
    ) as desk:
        asked = flows.open_slices(desk)
        for view in asked:
            flows.save(desk, view)
        desk.finish_query()
        assert desk.wait(60)
        assert desk.overview().phase == "failed"
        assert "a learning rate of up to" in desk.overview().error
        assert desk.overview().cycle == 0
        with Records.look(folder) as records:
            assert records.last_cycle() == 0
            assert records.weights_of(0) is None
            assert len(records.rows_in(SliceState.QUERIED)) == 0
            assert records.n_labelled() == len(asked)
        assert not (folder / "models").exists()


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_query_nothing(
    score: float,
    scans: Path,
    simulated: str,
    result_of: Callable[[Path], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"

    def broken(self: object, model: object, images: np.ndarray, **_: object) -> np.ndarray:
        scores = np.zeros(len(images))
        scores[3] = score
        return scores

    with monkeypatch.context() as patch:
        patch.setattr(ns.MCDropout, "score", broken)
        with pytest.raises(ScoreError, match="finite scores from MCDropout"):
            flows.run_simulation(folder, scans, {})
    with Records.look(folder) as records:
        assert records.last_cycle() == 0
        assert records.is_recorded(0)
        assert len(records.rows_in(SliceState.QUERIED)) == 0
    assert not (folder / "scores").exists()
    flows.run_simulation(folder, scans, {})
    assert result_of(folder) == simulated
