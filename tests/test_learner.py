"""The loop: what each step does, and that a run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nextslice as ns
from nextslice import code_hashes
from nextslice.errors import (
    AnnotationError,
    ProjectChangedError,
    ProjectError,
    SettingsError,
    TrainingError,
)
from nextslice.evaluation.metrics import ClassMetrics
from nextslice.models.checkpoints import read_manifest
from nextslice.project import SliceState

MADE_AGAIN = pytest.mark.promise(
    "A newest model that is damaged or lost is made again, with the same end result.",
    fault="weights cut, manifest removed",
)


@pytest.fixture(scope="module")
def pool() -> ns.SlicePool:
    """Six cases of eight slices: a disc whose size runs through the volume."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :24] - 11.5
    radii = np.tile(np.array([0, 2, 4, 6, 8, 6, 4, 2]), 6)[:, None, None]
    masks = (x**2 + y**2 < radii**2).astype(np.uint8)
    images = np.clip(0.3 + 0.4 * masks + rng.normal(scale=0.1, size=masks.shape), 0, 1)
    cases = [f"patient-{k}" for k in range(6) for _ in range(8)]
    return ns.SlicePool.from_arrays(images.astype(np.float32), masks, cases, classes=["disc"])


@pytest.fixture
def learn(pool: ns.SlicePool, tmp_path: Path) -> Callable[..., ns.ActiveLearner]:
    def learn(**changes: Any) -> ns.ActiveLearner:
        arguments: dict[str, Any] = {
            "trainer": ns.Trainer(
                ns.UNet(2, (4, 8)),
                steps=30,
                steps_per_epoch=10,
                warmup_factor=5_000.0,
                device="cpu",
                threads=1,
            ),
            "uncertainty": ns.Entropy(),
            "selection": ns.StochasticBatches(),
            "project": tmp_path / "run",
        }
        return ns.ActiveLearner(pool, **(arguments | changes))

    return learn


def _loop(learner: ns.ActiveLearner, cycles: int) -> None:
    oracle = ns.Oracle(learner.pool)
    for cycle in range(learner.cycle, cycles):
        query = learner.ask(budget=3)
        assert query.cycle == cycle
        learner.tell(query, oracle.label(query))
        learner.fit()
        learner.record(ns.evaluate(learner.model, learner.pool))


def test_a_query_is_asked_again_until_its_cycle_is_over(
    learn: Callable[..., ns.ActiveLearner], caplog: pytest.LogCaptureFixture
) -> None:
    with learn() as learner:
        first = learner.ask(budget=4)
        assert not caplog.records
        assert learner.ask(budget=9) == first
        assert "has 4 slices; a budget of 9 has no effect" in caplog.text
        assert len(first) == 4
    with learn() as learner:  # after a restart, too
        assert learner.ask(budget=4) == first
        learner.tell(first, ns.Oracle(learner.pool).label(first))
        learner.fit()
        assert learner.ask(budget=4).cycle == 1


def test_a_slice_is_never_asked_for_twice_once_it_is_labelled(
    learn: Callable[..., ns.ActiveLearner],
) -> None:
    with learn() as learner:
        _loop(learner, 4)
        rows, _ = learner._project.labelled()
        assert len(set(rows.tolist())) == len(rows) == 12
        queried = [s.row for c in range(4) for s in learner._project.query(c).slices]
        assert rows.tolist() == queried


def test_slices_left_unanswered_can_be_asked_for_again(
    learn: Callable[..., ns.ActiveLearner], pool: ns.SlicePool
) -> None:
    with learn() as learner:
        query = learner.ask(budget=6)
        answers = ns.Oracle(pool).label(query)
        answered = list(answers)[:2]
        learner.tell(query, {name: answers[name] for name in answered})
        learner.fit()
        following = learner.ask(budget=len(pool))
        assert len(following) == len(pool) - 2
        assert not {s.id for s in following.slices} & set(answered)
        learner.tell(following, ns.Oracle(pool).label(following))
        learner.fit()
        rows, _ = learner._project.labelled()
        assert sorted(rows.tolist()) == list(range(len(pool)))  # each counts once
        assert [learner.pool.slice_id(int(row)) for row in rows[:2]] == answered


def test_when_the_pool_is_used_up_the_query_is_empty(
    learn: Callable[..., ns.ActiveLearner], pool: ns.SlicePool
) -> None:
    with learn() as learner:
        query = learner.ask(budget=10 * len(pool))
        assert len(query) == len(pool)
        learner.tell(query, ns.Oracle(pool).label(query))
        learner.fit()
        assert len(learner.ask(budget=3)) == 0


def test_where_the_pool_is_used_up_nothing_is_trained_again(
    learn: Callable[..., ns.ActiveLearner], pool: ns.SlicePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = _count_trainings(monkeypatch)
    with learn() as learner:
        oracle = ns.Oracle(pool)
        for _ in range(3):
            query = learner.ask(budget=len(pool))
            learner.tell(query, oracle.label(query))
            learner.fit()
            learner.record(ns.evaluate(learner.model, pool))
        assert len({learner._project.weights_of(cycle) for cycle in range(3)}) == 1
    assert len(trained) == 1


def test_a_network_with_other_classes_than_the_pool_is_refused(
    learn: Callable[..., ns.ActiveLearner],
) -> None:
    trainer = ns.Trainer(ns.UNet(5, (4, 8)), steps=2, device="cpu")
    with learn(trainer=trainer) as learner:
        query = learner.ask(budget=2)
        learner.tell(query, ns.Oracle(learner.pool).label(query))
        with pytest.raises(TrainingError, match="2 classes, background and disc"):
            learner.fit()


def test_runs_with_one_seed_share_the_initial_set_and_the_first_weights(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path
) -> None:
    strategies: list[tuple[Any, Any]] = [
        (None, ns.Random()),
        (ns.Entropy(), ns.TopK()),
        (ns.MCDropout(), ns.StochasticBatches()),
        (None, ns.CoreSet()),
    ]
    found = set()
    for number, (uncertainty, selection) in enumerate(strategies):
        project = tmp_path / f"run-{number}"
        with learn(uncertainty=uncertainty, selection=selection, project=project) as learner:
            _loop(learner, 1)
            weights = learner._project.weights_of(0)
            found.add((tuple(s.id for s in learner._project.query(0).slices), weights))
    assert len(found) == 1


def test_the_first_training_is_done_once_and_shared(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "first"
    trained = _count_trainings(monkeypatch)
    for number, selection in enumerate([ns.TopK(), ns.StochasticBatches()]):
        project = tmp_path / f"run-{number}"
        with learn(selection=selection, project=project, shared_trainings=shared) as learner:
            _loop(learner, 2)
    assert len(trained) == 3  # one shared, and one of cycle 1 in each run
    # learning loss trains a head beside the network, which is another training
    project = tmp_path / "run-ll"
    with learn(
        uncertainty=ns.LearningLoss(), project=project, shared_trainings=shared
    ) as learner:
        _loop(learner, 1)
    assert len(trained) == 4


@pytest.mark.parametrize(
    ("changed", "trainings"),
    [("models/unet.py", 2), ("seeds.py", 2), ("selection/top_k.py", 1), ("data/pool.py", 1)],
)
def test_a_training_by_other_code_is_not_taken_over(
    changed: str,
    trainings: int,
    learn: Callable[..., ns.ActiveLearner],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Code that has no say in a training does not count: it was trained on these slices."""
    shared = tmp_path / "first"
    trained = _count_trainings(monkeypatch)
    with learn(project=tmp_path / "run-0", shared_trainings=shared) as learner:
        _loop(learner, 1)
    present = code_hashes.hashes_of_nextslice() | {changed: "another"}
    monkeypatch.setattr(code_hashes, "_own", lambda: present)
    with learn(project=tmp_path / "run-1", shared_trainings=shared) as learner:
        _loop(learner, 1)
    assert len(trained) == trainings


def test_a_run_that_goes_on_with_other_code_keeps_its_models(
    learn: Callable[..., ns.ActiveLearner], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = _count_trainings(monkeypatch)
    with learn() as learner:
        _loop(learner, 1)
        weights = learner.project.weights_of(0)
    present = code_hashes.hashes_of_nextslice() | {"models/unet.py": "another"}
    monkeypatch.setattr(code_hashes, "_own", lambda: present)
    with pytest.raises(ProjectChangedError, match=r"models/unet\.py"):
        learn()
    with learn(accept_changes=True) as learner:
        assert learner.model is not None
        assert learner.project.weights_of(0) == weights
    assert len(trained) == 1


def test_networks_that_differ_never_share_a_training(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path
) -> None:
    """Two nameless functions are not the same network."""
    weights = set()
    for number, dropout in enumerate((0.5, 0.0)):

        def build(dropout: float = dropout) -> ns.UNet:
            return ns.UNet(2, (4, 8), dropout=dropout)

        trainer = ns.Trainer(build, steps=10, device="cpu", threads=1)
        folder = tmp_path / f"run-{number}"
        with learn(
            trainer=trainer, project=folder, shared_trainings=tmp_path / "first"
        ) as learner:
            _loop(learner, 1)
            weights.add(learner._project.weights_of(0))
    assert len(weights) == 2


def test_the_initial_set_can_have_a_seed_of_its_own(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path
) -> None:
    asked = {}
    for seed, initial_seed in [(0, 7), (1, 7), (0, 8)]:
        folder = tmp_path / f"run-{seed}-{initial_seed}"
        with learn(seed=seed, initial_seed=initial_seed, project=folder) as learner:
            asked[seed, initial_seed] = [s.id for s in learner.ask(budget=5).slices]
    assert asked[0, 7] == asked[1, 7] != asked[0, 8]


def _count_trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    trained: list[int] = []
    fit = ns.Trainer.fit

    def counted(*arguments: Any, **keywords: Any) -> ns.SegmentationModel:
        trained.append(1)
        return fit(*arguments, **keywords)

    monkeypatch.setattr(ns.Trainer, "fit", counted)
    return trained


def test_another_seed_is_another_run(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path
) -> None:
    queries = []
    for seed in range(3):
        with learn(seed=seed, project=tmp_path / f"run-{seed}") as learner:
            queries.append(tuple(s.id for s in learner.ask(budget=5).slices))
    assert len(set(queries)) == 3


class _StopsAtTell(Exception):  # noqa: N818 - it stands for a crash
    pass


@pytest.mark.parametrize("step", ["add_query", "add_annotations", "set_trained", "record"])
@pytest.mark.parametrize("before", [True, False])
def test_a_run_that_stops_at_any_step_ends_as_if_it_never_had(
    learn: Callable[..., ns.ActiveLearner],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    before: bool,
) -> None:
    """Stop before or after what each step writes, in cycle 1; then run the same program."""
    with learn(project=tmp_path / "whole") as learner:
        _loop(learner, 3)
    project = tmp_path / "stopped"
    learner = learn(project=project)
    original = getattr(learner._project, step)
    calls = []

    def stop(*arguments: Any, **keywords: Any) -> None:
        calls.append(1)
        if len(calls) == 2 and before:
            raise _StopsAtTell
        original(*arguments, **keywords)
        if len(calls) == 2:
            raise _StopsAtTell

    monkeypatch.setattr(learner._project, step, stop)
    with pytest.raises(_StopsAtTell), learner:
        _loop(learner, 3)
    with learn(project=project) as learner:
        _loop(learner, 3)
    assert _results(project) == _results(tmp_path / "whole")


def _results(project: Path) -> tuple[str, list[str], list[str]]:
    """What must be equal: queries, weights, metrics; timings may differ."""
    cycles = (project / "cycles.csv").read_text().splitlines()
    weights = [read_manifest(f)["sha256"] for f in sorted((project / "models").iterdir())]
    metrics = [",".join(line.split(",")[:6]) for line in cycles]
    return (project / "queries.csv").read_text(), weights, metrics


def test_scores_are_kept_for_every_slice(
    learn: Callable[..., ns.ActiveLearner], pool: ns.SlicePool, tmp_path: Path
) -> None:
    with learn() as learner:
        _loop(learner, 2)
        query = learner._project.query(1)
    kept = np.load(tmp_path / "run" / "scores" / "cycle-01.npz", allow_pickle=False)
    assert len(kept["score"]) == len(kept["case"]) == len(kept["slice"]) == len(pool)
    by_id = {
        ns.SliceId(str(case), int(index)): score
        for case, index, score in zip(kept["case"], kept["slice"], kept["score"], strict=True)
    }
    assert all(by_id[s.id] == s.score for s in query.slices)


def test_a_score_that_is_not_finite_stops_the_query(
    learn: Callable[..., ns.ActiveLearner], pool: ns.SlicePool
) -> None:
    with learn() as learner:
        _loop(learner, 1)
        with torch.no_grad():
            for parameter in learner.model.predictor.parameters():
                parameter.fill_(float("nan"))
        with pytest.raises(ns.NextsliceError, match="finite scores from Entropy"):
            learner.ask(budget=3)
        assert learner.cycle == 1
        assert len(learner._project.rows_in(SliceState.QUERIED)) == 0


def test_annotations_that_do_not_fit_are_refused_by_name(
    learn: Callable[..., ns.ActiveLearner],
) -> None:
    with learn() as learner:
        query = learner.ask(budget=2)
        name = query.slices[0].id
        good = np.zeros((24, 24), np.uint8)
        for mask, message in [
            (good[:5], r"shape \(24, 24\)"),
            (good + 2, "class numbers 0 to 1"),
            (good + 0.5, "class numbers 0 to 1"),
        ]:
            with pytest.raises(AnnotationError, match=message):
                learner.tell(query, {name: mask})
        with pytest.raises(AnnotationError, match="another query"):
            learner.tell(query, {ns.SliceId("nobody", 0): good})
        assert learner.n_labelled == 0


def test_steps_out_of_order_say_what_comes_first(
    learn: Callable[..., ns.ActiveLearner],
) -> None:
    with learn() as learner:
        with pytest.raises(TrainingError, match="Answer a query first"):
            learner.fit()
        with pytest.raises(ProjectError, match="nothing is trained"):
            _ = learner.model
        learner.ask(budget=2)
        with pytest.raises(ProjectError, match=r"Call fit\(\) first"):
            learner.record()


def test_training_after_a_cycle_is_over_asks_for_a_query_first(
    learn: Callable[..., ns.ActiveLearner],
) -> None:
    with learn() as learner:
        _loop(learner, 1)
        with pytest.raises(ProjectError, match=r"Call ask\(budget\)"):
            learner.fit()
        _loop(learner, 2)  # and nothing is stuck


def test_a_selection_by_scores_needs_an_uncertainty(
    learn: Callable[..., ns.ActiveLearner],
) -> None:
    with pytest.raises(SettingsError, match="uncertainty=Entropy"):
        learn(uncertainty=None)


@MADE_AGAIN
def test_a_damaged_model_is_trained_again_to_the_same_weights(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path
) -> None:
    with learn() as learner:
        query = learner.ask(budget=3)
        learner.tell(query, ns.Oracle(learner.pool).label(query))
        learner.fit()
        weights = learner._project.weights_of(0)
    path = tmp_path / "run" / "models" / "cycle-00" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with learn() as learner:
        learner.fit()
        assert learner._project.weights_of(0) == weights


@MADE_AGAIN
def test_a_damaged_model_of_a_cycle_that_is_over_is_trained_again_too(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path
) -> None:
    with learn(project=tmp_path / "whole") as learner:
        _loop(learner, 3)
    with learn() as learner:
        _loop(learner, 2)
    (tmp_path / "run" / "models" / "cycle-01" / "manifest.json").unlink()
    with learn() as learner:
        _loop(learner, 3)
    assert _results(tmp_path / "run") == _results(tmp_path / "whole")


def test_metrics_of_a_recorded_cycle_are_in_tensorboard(
    learn: Callable[..., ns.ActiveLearner], tmp_path: Path
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import (  # noqa: PLC0415
        EventAccumulator,
    )

    with learn() as learner:
        query = learner.ask(budget=3)
        learner.tell(query, ns.Oracle(learner.pool).label(query))
        learner.fit()
        metrics = {"mean": ClassMetrics(0.5, 0.25, 3.0, 4)}
        learner.record(ns.Evaluation(metrics, {}, 1.0))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [e.value for e in events.Scalars("mean/dice_3d")] == [0.5]
    assert len(events.Scalars("loss/cycle-00")) == 3
