"""A whole cycle of the quick preset: what each of its parts costs."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import say
from benchmarks.results import Measured, Plan, Result, Target, quantity, seconds_text
from nextslice.simulation import open_splits, simulate

ROW = 8
PARTS = ("train_seconds", "score_seconds", "select_seconds", "eval_seconds")


def measure(plan: Plan) -> Measured:
    changes: dict[str, object] = {"cycles": 1}
    if plan.smoke:
        changes["training"] = {"steps": 20}
    config = inputs.quick_config(**changes)
    say(f"  two cycles of {config.training.steps} steps; the second one counts")
    with tempfile.TemporaryDirectory() as folder:
        simulate(config, open_splits(config), Path(folder) / "run")
        train, score, select, evaluate = _seconds(Path(folder) / "run" / "cycles.csv", cycle=1)
    together = train + score + select + evaluate
    shares = ", ".join(
        f"{name} {seconds_text(seconds)} ({seconds / together:.1%})"
        for name, seconds in (
            ("train", train),
            ("score", score),
            ("select", select),
            ("evaluate", evaluate),
        )
    )
    pool, test = len(inputs.splits().train), len(inputs.splits().test.cases)
    work = (
        f"a cycle of the quick preset: {config.training.steps:,} steps, {pool:,} slices, "
        f"{test} test volumes"
    )
    results: list[Result] = [
        quantity(
            ROW,
            f"{work}: selection",
            select / score,
            Target(0.01, "at most"),
            ours=seconds_text(select),
            peer=seconds_text(score),
            peer_name="scoring",
            unit=" of scoring",
            note="Entropy and stochastic batches; from the run's own cycles.csv.",
        ),
        quantity(
            ROW,
            f"{work}: scoring and evaluation together",
            (score + evaluate) / train,
            Target(0.25, "at most"),
            ours=seconds_text(score + evaluate),
            peer=seconds_text(train),
            peer_name="training",
            unit=" of training",
            note=shares,
            reason=f"Scoring takes {score / train:.1%} of the training and evaluation "
            f"{evaluate / train:.1%}.",
        ),
    ]
    return Measured(results)


def _seconds(table: Path, *, cycle: int) -> list[float]:
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if int(row["cycle"]) == cycle]
    return [float(rows[0][part]) for part in PARTS]
