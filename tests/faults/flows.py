"""What is killed in these tests: a simulated run, and a live project behind its page.

Both run in processes of their own that the tests start; the variables given decide where they
are killed. Nothing here knows of tests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from nextslice.annotators import Desk
from nextslice.annotators.views import SliceView
from nextslice.benchmark.executor import Job, do
from nextslice.cli import main
from nextslice.config import Config, resolve_config
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.data.pool import SliceId
from nextslice.live import LiveProject
from nextslice.progress import ignore_progress
from nextslice.project import AnswerKind, NewAnswer, Project, QueriedSlice, Query, connections
from nextslice.simulation import open_splits, simulate
from nextslice.web.routes import Title
from nextslice.web.serving import PageServer, Place

LABELS = "cortex,medulla"

TINY = {
    "network": {"channels": [4, 8]},
    "training": {"steps": 6, "steps_per_epoch": 3},
    "uncertainty": {"name": "dropout", "samples": 2},
    "selection": "stochastic-batches",
    "device": "cpu",
    "threads": 1,
    "initial": 2,
    "budget": 2,
}


def write_scans(folder: Path) -> Path:
    """Five small synthetic patients with their labels."""
    return write_phantom(folder, Phantom(patients=5, size=(40, 32), slices=(8, 8)))


def simulation_config(scans: Path, assignments: Sequence[str] = ()) -> Config:
    """The settings of the simulated run."""
    changes = TINY | {
        "data": {"folder": str(scans), "size": [24, 24]},
        "split": {"test": 2},
        "cycles": 2,
    }
    return resolve_config("quick", changes, assignments)


def run_simulation(folder: Path, scans: Path, environment: Mapping[str, str]) -> None:
    """Run it to its end, or go on with it."""
    os.environ.update(environment)
    config = simulation_config(scans)
    simulate(config, open_splits(config), folder)


def fail(folder: Path, scans: Path, environment: Mapping[str, str], told: Path) -> None:
    """A run of a benchmark whose training diverges; how it ended goes to a file."""
    os.environ.update(environment)
    diverging = ["training.learning_rate=1e36", "training.warmup=0.0", "training.steps=12"]
    job = Job("diverges", simulation_config(scans, diverging), folder)
    outcome = do(job, ignore_progress)
    told.write_text(f"{outcome.error} {outcome.traceback}")


def open_project(folder: Path, scans: Path) -> LiveProject:
    """Make the live project of bare scans, or go on with it."""
    if (folder / "config.yaml").exists():
        return LiveProject.open(folder)
    data = {"size": [24, 24]}
    return LiveProject.create(
        folder, images=scans, labels=LABELS, changes=TINY | {"data": data}
    )


def open_slices(desk: Desk) -> list[SliceView]:
    """The slices of the query that wait for an answer."""
    return [view for view in desk.overview().slices if view.state == "queried"]


def save(desk: Desk, view: SliceView) -> None:
    """The expert draws a slice at the desk."""
    mask = drawn(view.case, view.index, view.shape)
    key = f"key-{view.id}"
    desk.save(
        view.id, mask, annotator="Dr Ada", base_version=view.version, key=key, seconds=1.5
    )


def annotate(folder: Path, scans: Path, environment: Mapping[str, str]) -> None:
    """Two queries, answered at the desk."""
    os.environ.update(environment)
    with Desk(open_project(folder, scans)) as desk:
        for view in open_slices(desk):
            save(desk, view)
        desk.finish_query()
        desk.wait()
        for view in open_slices(desk):
            save(desk, view)


def run_page(
    folder: Path, scans: Path, environment: Mapping[str, str], told: Connection
) -> None:
    """Serve the live project until the process ends; its link is told when it is ready."""
    os.environ.update(environment)
    with Desk(open_project(folder, scans)) as desk:
        server = PageServer(desk, Place(port=0), Title("Kidneys", "k1"))
        told.send(server.link)
        server.serve()


def save_on_and_on(folder: Path, journal: str, first: int, told: Connection) -> None:
    """Save answer after answer until the process is killed; each is told once it is kept."""
    vars(connections)["journal_mode"] = lambda path: journal
    pool = [SliceId("case", 0)]
    with Project(folder, config={}, environment={}, pool=pool) as project:
        if project.last_cycle() is None:
            asked = (QueriedSlice(0, pool[0]),)
            project.add_query(Query(0, asked), score_seconds=0, select_seconds=0)
        for number in range(first, first + 100_000):
            mask = np.full((2, 2), number % 251, np.uint8)
            mask[0, 0] = number // 251
            name = project.put_mask(mask)
            answers = [
                NewAnswer(
                    row=0,
                    kind=AnswerKind.MASK,
                    annotator="Ada",
                    mask_sha256=name,
                    key=f"number-{number}-{part}",
                    reason="x" * 500,
                )
                for part in range(number * 7 % 19 + 1)  # of one page of the file and of several
            ]
            for kept in project.add_answers(answers):
                told.send((number, kept.version, kept.mask_sha256))


def drawn(case: str, index: int, shape: tuple[int, int]) -> np.ndarray:
    """What the expert draws on a slice, from its name alone: sent again it is the same."""
    rng = np.random.default_rng([index, *case.encode()])
    mask: np.ndarray = rng.integers(0, 3, shape, dtype=np.uint8)
    return mask


def run_command(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
    """What ``nextslice`` does with these arguments; all that it says goes to a file."""
    os.environ.update(environment)
    with output.open("wb") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.argv = ["nextslice", *arguments]
    main()
