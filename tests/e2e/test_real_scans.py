"""The main job on the public scans of the paper's domain."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import nextslice as ns
from nextslice.config import Config, resolve_config
from nextslice.simulation import open_splits, simulate

pytestmark = pytest.mark.real_data

PAPER = [
    (None, "random"),
    (None, "core-set"),
    *(
        (uncertainty, selection)
        for uncertainty in ("entropy", "dropout", "tta", "learning-loss")
        for selection in ("top-k", "stochastic-batches")
    ),
]


def _config(folder: Path, uncertainty: str | None, selection: str, **changes: object) -> Config:
    settings: dict[str, object] = {
        "data": {"folder": str(folder), "size": [50, 50]},
        "split": {"test": 10, "val": 220},
        "network": {"channels": [4, 8, 16]},
        "training": {"steps": 60},
        "cycles": 1,
        "uncertainty": uncertainty,
        "selection": selection,
    }
    return resolve_config("quick", settings | changes)


@pytest.mark.parametrize(("uncertainty", "selection"), PAPER)
def test_every_strategy_of_the_paper_runs_for_a_cycle(
    hippocampus: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    uncertainty: str | None,
    selection: str,
) -> None:
    config = _config(hippocampus, uncertainty, selection)
    shared = tmp_path_factory.getbasetemp() / "first-trainings"
    simulate(config, open_splits(config), tmp_path / "run", shared_trainings=shared)
    with (tmp_path / "run" / "cycles.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["cycle"], r["n_labelled"], r["class"]) for r in rows] == [
        (cycle, labelled, name)
        for cycle, labelled in (("0", "10"), ("1", "20"))
        for name in ("Anterior", "Posterior", "mean")
    ]
    with (tmp_path / "run" / "queries.csv").open() as stream:
        queried = [r for r in csv.DictReader(stream) if r["cycle"] == "1"]
    assert len({(r["case"], r["slice"]) for r in queried}) == 10
    if uncertainty is not None:
        strength = float(queried[0]["strength"])
        assert strength > (2.0 if selection == "top-k" else 0.3)


def test_the_quick_protocol_learns_the_hippocampus(hippocampus: Path) -> None:
    """70 slices drawn at random are enough for a mean 3D Dice near 0.79 (SCIENCE: 0.79-0.82
    at the end of a run); well below that something is broken."""
    pool = ns.SlicePool.from_folder(hippocampus, size=(50, 50))
    train, _, test = pool.split_cases(test=50, val=10, seed=0)
    rows = np.random.default_rng(0).choice(len(train), 70, replace=False)
    config = _config(hippocampus, None, "random")
    trainer = ns.Trainer(
        ns.UNet(3, (16, 32, 64, 128)), settings=config.training, steps=1_500, threads=1
    )
    model = trainer.fit(train.images[rows], train.masks[rows], seed=0)
    classes = ns.evaluate(model, test).classes
    assert classes["mean"].dice_3d > 0.74
    assert classes["mean"].hd95_3d_mm < 5


def test_the_prostate_runs_with_both_ways_to_fit_its_size(
    prostate: Path, tmp_path: Path
) -> None:
    for fit in ("crop", "resize"):
        config = _config(
            prostate,
            "entropy",
            "stochastic-batches",
            data={
                "folder": str(prostate),
                "spacing": 1.0,
                "size": [128, 128],
                "fit": fit,
                "labels": "gland=1,2",
            },
            split={"test": 6, "val": 3},
        )
        simulate(config, open_splits(config), tmp_path / fit)
        lines = (tmp_path / fit / "cycles.csv").read_text().splitlines()
        assert [line.split(",")[2] for line in lines[1:]] == ["gland", "mean"] * 2
