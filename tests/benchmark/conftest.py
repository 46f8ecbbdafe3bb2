"""A small grid on synthetic scans, and how its results are compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from nextslice.benchmark import Job, Outcome, Recipe
from nextslice.benchmark.executor import OnOutcome, do, ignore_outcome
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.progress import OnProgress
from nextslice.settings import validated

MakeRecipe = Callable[..., Recipe]
Results = Callable[[Path], tuple[bytes, list[str], list[str]]]


class InThisProcess:
    """The simplest executor: one run after the other, here."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def run(
        self,
        jobs: Sequence[Job],
        *,
        on_progress: OnProgress,
        on_outcome: OnOutcome = ignore_outcome,
    ) -> tuple[Outcome, ...]:
        outcomes = []
        for job in jobs:
            self.jobs.append(job)
            outcomes.append(do(job, on_progress))
            on_outcome(outcomes[-1])
        return tuple(outcomes)


@pytest.fixture(scope="session")
def runner() -> type[InThisProcess]:
    return InThisProcess


@pytest.fixture
def here(runner: type[InThisProcess]) -> InThisProcess:
    return runner()


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantom(tmp_path_factory.mktemp("scans") / "phantom", Phantom(patients=4))


@pytest.fixture(scope="session")
def make_recipe(scans: Path) -> MakeRecipe:
    def make(**changes: Any) -> Recipe:
        values: dict[str, Any] = {
            "title": "a small grid",
            "data": {"folder": str(scans), "size": [32, 32]},
            "split": {"test": 1},
            "preset": "quick",
            "settings": {"network": {"channels": [4, 8]}, "training": {"steps": 20}},
            "cycles": 2,
            "seeds": [0, 1],
            "budgets": [3],
            "initials": [3],
            "strategies": {
                "random": {"selection": "random"},
                "entropy-sb": {"uncertainty": "entropy", "selection": "stochastic-batches"},
            },
        }
        return validated(Recipe, values | changes)

    return make


@pytest.fixture(scope="session")
def results() -> Results:
    """What must be equal: queries to the byte, metrics and weights; times may differ."""

    def results(folder: Path) -> tuple[bytes, list[str], list[str]]:
        cycles = (folder / "cycles.csv").read_text().splitlines()
        return (
            (folder / "queries.csv").read_bytes(),
            [",".join(line.split(",")[:6]) for line in cycles],
            [json.loads(p.read_text())["sha256"] for p in sorted(_manifests(folder))],
        )

    return results


def _manifests(folder: Path) -> list[Path]:
    return list(folder.glob("models/*/manifest.json"))
