"""A benchmark's folder: the recipe it follows, what of it is finished, how each run ended.

::

    OUT/recipe.yaml       the recipe, with nothing left to default
    OUT/outcomes.json     [{run, state, cause, seconds, traceback}]: state is finished, failed
                          or unfinished; traceback a file in the run's folder, or null
    OUT/runs/...          the runs; see nextslice.benchmark.grid
    OUT/trainings/        first trainings, shared by runs with one seed
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from nextslice.benchmark.executor import Job, Outcome, folders_of
from nextslice.benchmark.recipe import Recipe, dump_recipe
from nextslice.discretion import without_folders
from nextslice.errors import ProjectError
from nextslice.files import write_atomically
from nextslice.json_text import parse_json
from nextslice.plain_files import read_text
from nextslice.project.changes import SIMULATED_MAY_CHANGE, differences
from nextslice.project.tables import recorded_cycles
from nextslice.settings import plain
from nextslice.yaml_text import parse_yaml

__all__ = [
    "OutcomesFile",
    "State",
    "begun_otherwise",
    "is_finished",
    "keep_recipe",
    "kept_threads",
]

State = Literal["finished", "failed", "unfinished"]


def is_finished(job: Job) -> bool:
    """Whether a run has these settings and all of its cycles.

    Its small files alone tell (``config.yaml``, ``cycles.csv``), so that runs whose models and
    annotations were not kept count as finished, too.
    """
    return (
        (job.out / "config.yaml").is_file()
        and len(recorded_cycles(job.out)) > job.config.cycles
        and not begun_otherwise(job)
    )


def begun_otherwise(job: Job) -> list[str]:
    """What is not as it was when the run in this folder began, a line for each setting.

    Raises:
        ProjectError: Its ``config.yaml`` cannot be read.
    """
    path = job.out / "config.yaml"
    if not path.is_file():
        return []
    try:
        then = parse_yaml(read_text(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectError(f"Expected to read {path}, got: {error}.") from error
    now = json.loads(json.dumps(plain(job.config)))
    return differences(then if isinstance(then, Mapping) else {}, now, SIMULATED_MAY_CHANGE)


def keep_recipe(out: Path, recipe: Recipe, jobs: Sequence[Job]) -> None:
    """Write ``OUT/recipe.yaml``; the threads of its runs are among the settings."""
    threads = {job.config.threads for job in jobs}
    if len(threads) == 1:
        settings = recipe.settings | {"threads": threads.pop()}
        recipe = recipe.model_copy(update={"settings": settings})
    write_atomically(out / "recipe.yaml", dump_recipe(recipe), "recipe")


def kept_threads(out: Path) -> int | None:
    """The threads that the runs in this folder began with, so that others do the same."""
    try:
        kept: Any = parse_yaml(read_text(out / "recipe.yaml"))
        threads = kept["settings"]["threads"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return None
    return threads if isinstance(threads, int) and threads > 0 else None


class OutcomesFile:
    """``outcomes.json``, written anew whenever a run ends.

    Entries of runs that are no part of these jobs stay as they are.

    Args:
        out: The benchmark's folder.
        jobs: The runs that are to be done.
        finished: Those of them that were finished before.
    """

    def __init__(self, out: Path, jobs: Sequence[Job], finished: Sequence[Job]) -> None:
        self._path = out / "outcomes.json"
        self._out = out
        self._entries = _read(self._path)
        before = set(map(self._run, finished))
        for job in jobs:
            earlier = self._entries.get(self._run(job), {})
            state: State = "finished" if self._run(job) in before else "unfinished"
            seconds = earlier.get("seconds") if earlier.get("state") == state else None
            self._set(job, state, None, seconds, None)
        self.write()

    def add(self, outcome: Outcome) -> None:
        """Keep how a run ended."""
        state: State = "finished" if outcome.error is None else "failed"
        seconds = None if outcome.seconds is None else round(outcome.seconds, 3)
        cause = outcome.error
        if cause is not None:  # the terminal names all files; this is kept and reported
            cause = without_folders(cause, *folders_of(outcome.job), self._out)
        self._set(outcome.job, state, cause, seconds, outcome.traceback)
        self.write()

    def write(self) -> None:
        """Replace the file in one step."""
        entries = [{"run": run, **entry} for run, entry in self._entries.items()]
        write_atomically(
            self._path, json.dumps(entries, indent=1, ensure_ascii=False) + "\n", "outcomes"
        )

    def _set(
        self,
        job: Job,
        state: State,
        cause: str | None,
        seconds: float | None,
        traceback: str | None,
    ) -> None:
        self._entries[self._run(job)] = {
            "state": state,
            "cause": cause,
            "seconds": seconds,
            "traceback": traceback and f"{self._run(job)}/{traceback}",
        }

    def _run(self, job: Job) -> str:
        return job.out.relative_to(self._out).as_posix()


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Entries by run; a file that is not ours is no obstacle, it is only a summary."""
    try:
        entries = parse_json(read_text(path))
        json.dumps(entries, ensure_ascii=False).encode()  # half a character is never written
        return {entry.pop("run"): entry for entry in entries}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}
