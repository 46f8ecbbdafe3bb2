"""Every selection that ships, from its settings through a cycle on synthetic patients."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

import nextslice as ns
from nextslice.config import Config, resolve_config
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.report import read_runs
from nextslice.selection import SELECTIONS
from nextslice.simulation import Splits, open_splits, simulate

# A selection as it is typed, and what a report calls it.
STRATEGIES: list[tuple[object, str]] = [
    ("random", "random"),
    ("stratified", "random stratified by volume"),
    ("strided", "strided"),
    ("foreground-random", "random, 33 % foreground (label-informed)"),
    ("top-k", "entropy"),
    ("stochastic-batches", "entropy + stochastic batches"),
    ("power", "entropy + power noise"),
    ("softmax", "entropy + softmax noise"),
    (
        {"name": "soft-rank", "match": "stochastic-batches"},
        "entropy + soft-rank noise, matched",
    ),
    ("core-set", "core-set"),
    ("badge", "BADGE"),
    ({"name": "volume-cap", "selection": "top-k"}, "entropy, 1 per volume"),
    (
        {"name": "minimum-distance", "selection": {"name": "volume-cap", "selection": "badge"}},
        "BADGE, 1 per volume, 3 slices apart",
    ),
]


def _config(scans: Path, selection: object) -> Config:
    return resolve_config(
        "quick",
        {
            "data": {"folder": str(scans), "size": [32, 32]},
            "split": {"test": 1},
            "network": {"channels": [4, 8]},
            "training": {"steps": 20},
            "selection": selection,
            "cycles": 1,
            "budget": 3,
            "initial": 3,
        },
    )


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantom(tmp_path_factory.mktemp("scans") / "phantom", Phantom(patients=6))


@pytest.fixture(scope="module")
def splits(scans: Path) -> Splits:
    return open_splits(_config(scans, "random"))


@pytest.fixture(scope="module")
def first_training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first")


def test_every_selection_is_here() -> None:
    names = {s["name"] if isinstance(s, dict) else s for s, _ in STRATEGIES}
    assert names == set(SELECTIONS)


@pytest.mark.parametrize(("selection", "shown"), STRATEGIES, ids=str)
def test_a_cycle_is_run_recorded_and_named(
    scans: Path,
    splits: Splits,
    first_training: Path,
    tmp_path: Path,
    selection: object,
    shown: str,
) -> None:
    config = _config(scans, selection)
    simulate(config, splits, tmp_path / "run", shared_trainings=first_training)
    (run,) = read_runs(tmp_path)
    assert run.finished
    assert run.strategy == shown
    queried = [(row.case, row.slice) for row in run.queries if row.cycle == 1]
    assert len(set(queried)) == 3
    if "1 per volume" in shown:
        assert run.volumes() == {1: 3}
    kept = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert resolve_config("quick", kept) == config


def test_foreground_aware_random_picks_slices_with_foreground(
    scans: Path, splits: Splits, first_training: Path, tmp_path: Path
) -> None:
    config = _config(scans, {"name": "foreground-random", "fraction": 1.0})
    simulate(config, splits, tmp_path / "run", shared_trainings=first_training)
    with (tmp_path / "run" / "queries.csv").open() as stream:
        queried = [row for row in csv.DictReader(stream) if row["cycle"] == "1"]
    pool = splits.train
    rows = [pool.row_of(ns.SliceId(row["case"], int(row["slice"]))) for row in queried]
    assert all(pool.masks[row].any() for row in rows)


@pytest.mark.parametrize(
    "initial",
    [
        ns.Stratified(),
        ns.Strided(),
        ns.ForegroundRandom(fraction=1.0),
        ns.VolumeCap(ns.Random()),
        ns.MinimumDistance(ns.VolumeCap(ns.Stratified())),
    ],
    ids=repr,
)
def test_the_initial_set_is_selected_by_any_selection_that_needs_no_model(
    splits: Splits, tmp_path: Path, initial: ns.Selection
) -> None:
    with _learner(splits.train, tmp_path / "run", initial=initial) as learner:
        query = learner.ask(budget=4)
        assert len(query) == 4
        if not isinstance(initial, ns.ForegroundRandom | ns.Strided):
            assert len({queried.id.case for queried in query.slices}) == 4
        if isinstance(initial, ns.ForegroundRandom):
            assert all(splits.train.masks[queried.row].any() for queried in query.slices)


@pytest.mark.parametrize("initial", [ns.TopK(), ns.CoreSet(), ns.VolumeCap(ns.Badge())])
def test_an_initial_selection_that_needs_a_model_is_refused_at_once(
    splits: Splits, tmp_path: Path, initial: ns.Selection
) -> None:
    with pytest.raises(ns.NextsliceError, match="needs no model"):
        _learner(splits.train, tmp_path / "run", initial=initial)


def test_without_labels_nobody_can_peek(splits: Splits, tmp_path: Path) -> None:
    """Said before anything is asked or trained, wrapped or not."""
    pool = ns.SlicePool.from_arrays(np.zeros((6, 16, 16), np.float32), None, list("aabbcc"))
    for selection in (ns.ForegroundRandom(), ns.VolumeCap(ns.ForegroundRandom())):
        with pytest.raises(ns.NextsliceError, match="label-informed") as caught:
            _learner(pool, tmp_path / "run", selection=selection)
        assert isinstance(caught.value, ValueError)
        assert not (tmp_path / "run").exists()


def test_labelled_and_unanswered_slices_keep_their_distance(
    splits: Splits, tmp_path: Path
) -> None:
    """Of four slices two are answered: the next query lies apart from all four."""
    pool = splits.train
    with _learner(pool, tmp_path / "run", selection=ns.MinimumDistance(ns.Random(), 4)) as asks:
        first = asks.ask(budget=4)
        answers = ns.Oracle(pool).label(first)
        asks.tell(first, {queried.id: answers[queried.id] for queried in first.slices[:2]})
        asks.fit()
        second = asks.ask(budget=4)
    taken = [queried.id for queried in first.slices]
    for queried in second.slices:
        others = [name for name in taken if name != queried.id and name.case == queried.id.case]
        assert all(abs(name.index - queried.id.index) >= 4 for name in others)


def _learner(pool: ns.SlicePool, project: Path, **changes: object) -> ns.ActiveLearner:
    trainer = ns.Trainer(ns.UNet(3, (4, 8)), steps=5, device="cpu", threads=1)
    arguments: dict[str, object] = {"trainer": trainer, "selection": ns.Random()}
    return ns.ActiveLearner(pool, project=project, **(arguments | changes))  # type: ignore[arg-type]
