"""Made-up run folders, as a simulation leaves them."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

WriteRun = Callable[..., Path]

CYCLES = (
    "cycle",
    "n_labelled",
    "class",
    "dice_3d",
    "dice_2d",
    "hd95_3d_mm",
    "train_seconds",
    "score_seconds",
    "select_seconds",
    "eval_seconds",
)
QUERIES = (
    "cycle",
    "rank",
    "case",
    "slice",
    "score",
    "batch_score",
    "strength",
    "volumes_in_query",
)


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Writes ``tmp_path/runs/NAME``; 3D Dice of the mean is `dice`, one number per cycle.

    NaN stands for a cycle in which nothing was measured.

    The first of two classes lies 0.02 above the mean and the second as much below; 2D Dice is
    0.05 lower and HD95 is 10 * (1 - Dice). Each query has two slices from `volumes` volumes,
    which are the same in each cycle unless there are `new_cases`.
    """

    def write(
        name: str,
        dice: Sequence[float],
        *,
        uncertainty: object = None,
        selection: object = "random",
        seed: int = 0,
        planned: int | None = None,
        classes: Sequence[str] = ("Anterior", "Posterior"),
        strength: float | None = None,
        volumes: int = 2,
        score_seconds: float = 0.0,
        train_seconds: float = 10.0,
        changes: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        case: str = "patient_01",
        new_cases: bool = False,
    ) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        config = {
            "preset": "quick",
            "data": {"folder": "/home/somebody/scans/Task04", "size": [50, 50]},
            "split": {"test": 5, "val": 0, "seed": 0},
            "training": {"steps": 1500, "batch_size": 4},
            "uncertainty": _strategy(uncertainty),
            "selection": _strategy(selection),
            "evaluation": {"hd95_in_voxels": False},
            "initial": 2,
            "budget": 2,
            "cycles": len(dice) - 1 if planned is None else planned,
            "seed": seed,
        } | dict(changes or {})
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        if environment is not None:
            (folder / "environment.json").write_text(json.dumps(environment))
        rows: list[Sequence[object]] = []
        asked: list[Sequence[object]] = []
        for cycle, mean in enumerate(dice):
            seconds = (train_seconds, score_seconds if cycle else 0, 0.5 if cycle else 0, 2)
            half = 0.02 if len(classes) > 1 else 0.0
            values = {k: mean + half * (1 - 2 * i) for i, k in enumerate(classes)}
            for kind, value in (values | {"mean": mean}).items():
                measured = (value, value - 0.05, 10 * (1 - value))
                cells = ["" if math.isnan(v) else f"{v:.7g}" for v in measured]
                rows.append((cycle, 2 + 2 * cycle, kind, *cells, *seconds))
            shown = "" if strength is None or cycle == 0 else strength
            asked += [
                (cycle, rank, f"{of}_{rank % volumes}", cycle, "", "", shown, volumes)
                for rank in range(2)
                for of in (f"{case}_{cycle}" if new_cases else case,)
            ]
        _write(folder / "cycles.csv", CYCLES, rows)
        _write(folder / "queries.csv", QUERIES, asked)
        return folder

    return write


def _strategy(value: object) -> object:
    return {"name": value, "parameters": {}} if isinstance(value, str) else value


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
