"""A command that is killed while it writes: typed again, it comes to what it would have."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.faults import flows
from tests.faults.points import kills

from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.failpoints import PLACES, VARIABLE
from nextslice.project.backup import back_up
from nextslice.project.restoring import restore
from nextslice.project.verifying import verify

Command = Callable[..., tuple[int | None, str]]

FEW = ["order.half", "backup.written", "restored.fsynced", "restore.proved", "voxels.renamed"]
LATER = ["volume.written", "restored.renamed", "voxels.opened", "scan.fsynced"]


def _files(folder: Path) -> dict[str, str]:
    """Every file in a folder -> its hash; what its name hides is not looked at."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


@dataclass(frozen=True)
class Scene:
    """A command, and what it is to come to.

    Attributes:
        arguments: What is typed.
        result: What it has come to, for comparison.
        after_kill: What holds at once when it was killed.
        environment: Variables it is started with.
    """

    arguments: tuple[object, ...]
    result: Callable[[], object]
    after_kill: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)


def _order(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    return _asked(place, shutil.copytree(project, place / "project"))


def _order_of_pairs(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    """Each scan a header and a file of voxels, which become one file."""
    (place / "pairs").mkdir()
    for path in (scans / "imagesTr").iterdir():
        volume = read_volume(path)
        name = path.name.removesuffix(".nii.gz")
        write_volume(place / "pairs" / f"{name}.mhd", volume.voxels, volume.geometry)
    with flows.open_project(place / "project", place / "pairs"):
        pass
    return _asked(place, place / "project")


def _asked(place: Path, own: Path) -> Scene:
    def result() -> object:
        found = _files(place / "order")
        order = json.loads((place / "order" / "order.json").read_text())
        assert order.pop("project") == (own / "identity.txt").read_text().strip()
        return found | {"order.json": json.dumps(order)}

    cache = {"NEXTSLICE_CACHE": str(place / "cache")}
    return Scene(("ask", own, "--out", place / "order"), result, environment=cache)


def _export(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    out = place / "out"
    named = out / "Dataset501_kidneys"

    def after_kill() -> None:
        assert not named.exists() or (named / "dataset.json").is_file()

    typed = ("export", project, out, "--name", "kidneys")
    return Scene(typed, lambda: _files(named), after_kill)


def _backup(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    file = place / "kidneys.zip"
    back_up(project, file)  # an older one, which is replaced

    def after_kill() -> None:
        assert restore(file, place / "restored").findings == ()

    typed = ("backup", project, file)
    return Scene(typed, lambda: hashlib.sha256(file.read_bytes()).hexdigest(), after_kill)


def _restored(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    file, folder = place / "kidneys.zip", place / "restored"
    back_up(project, file)

    def after_kill() -> None:
        if folder.exists():  # then it is all there
            assert verify(folder).findings == ()
            shutil.rmtree(folder)

    def result() -> object:
        assert {path.name for path in place.iterdir()} == {"kidneys.zip", "restored"}
        assert verify(folder).findings == ()
        return _files(folder)

    return Scene(("restore", file, folder), result, after_kill)


def _phantom(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    return Scene(("phantom", place / "x", "--patients", 1), lambda: _files(place / "x"))


def _report(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    out = place / "report"

    def result() -> object:
        """What it is made of; what it says differs in the seconds that things took."""
        sums = [line.split("  ") for line in (out / "SHA256SUMS").read_text().splitlines()]
        for digest, name in sums:
            assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
        return [name for _, name in sums]

    return Scene(("report", run, "--out", out, "--no-scans"), result)


RECIPE = """
title: A tiny grid
data: {{folder: {scans}, size: [24, 24]}}
split: {{test: 2}}
preset: quick
settings:
  network: {{channels: [4, 8]}}
  training: {{steps: 6, steps_per_epoch: 3}}
cycles: 0
seeds: [0]
budgets: [2]
initials: [2]
strategies:
  random: {{selection: random}}
"""


def _benchmark(place: Path, project: Path, scans: Path, run: Path) -> Scene:
    recipe, out = place / "tiny.yaml", place / "out"
    recipe.write_text(RECIPE.format(scans=scans))

    def result() -> object:
        outcomes = json.loads((out / "outcomes.json").read_text())
        weights = [_files(path) for path in sorted(out.rglob("cycle-00"))]
        kept = [path["weights.safetensors"] for path in weights]
        states = [(entry["run"], entry["state"]) for entry in outcomes]
        return (out / "recipe.yaml").read_text(), states, kept

    return Scene(("benchmark", recipe, "--out", out, "--workers", 1), result)


SCENES: dict[str, Callable[[Path, Path, Path, Path], Scene]] = {
    "work order": _order,
    "export": _export,
    "backup": _backup,
    "restored project": _restored,
    "data set": _phantom,
    "report": _report,
    "benchmark": _benchmark,
}
ODD_SCENES = {"work order of pairs": _order_of_pairs}
OF_ANOTHER = {"cache": "work order", "volume": "work order of pairs"}
"""Kinds of file that another command writes, too, or only from odd scans."""

# A failure is written by a worker of a benchmark; tests/benchmark kills those.
POINTS = [
    name for whole in SCENES for name in PLACES[whole] if name.partition(".")[0] != "failure"
]
SCENE_OF = {
    name: OF_ANOTHER.get(name.partition(".")[0], whole)
    for whole in SCENES
    for name in PLACES[whole]
}


@pytest.fixture(scope="session")
def a_run(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run to report on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXTSLICE_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("run") / "run"
        flows.run_simulation(folder, scans, {})
    return folder


@pytest.fixture(scope="session")
def undisturbed() -> dict[str, object]:
    """Scene -> what its command comes to when nothing happens to it."""
    return {}


@pytest.mark.promise(
    "A command that was killed leaves no half of anything under its name; typed again, it "
    "comes to the same files.",
    fault="SIGKILL of ask, export, backup, restore, report, phantom and benchmark at every "
    "step of every file they write",
)
@pytest.mark.parametrize("failpoint", kills(FEW, POINTS, LATER, 2))
def test_killed_and_typed_again_it_comes_to_the_same(
    failpoint: str,
    command: Command,
    answered_folder: Path,
    scans: Path,
    a_run: Path,
    undisturbed: dict[str, object],
    tmp_path: Path,
) -> None:
    whole = SCENE_OF[failpoint.partition(":")[0]]

    def scene(name: str) -> Scene:
        (tmp_path / name).mkdir()
        return (SCENES | ODD_SCENES)[whole](tmp_path / name, answered_folder, scans, a_run)

    if whole not in undisturbed:
        calm = scene("calm")
        code, said = command(*calm.arguments, environment=dict(calm.environment))
        assert code == 0, said
        undisturbed[whole] = calm.result()
    killed = scene("killed")
    environment = {**killed.environment, VARIABLE: failpoint}
    code, said = command(*killed.arguments, environment=environment)
    assert code == -signal.SIGKILL, f"{failpoint} was never reached: {said}"
    killed.after_kill()
    shutil.rmtree(tmp_path / "killed" / "restored", ignore_errors=True)
    code, said = command(*killed.arguments, environment=dict(killed.environment))
    assert code == 0, said
    assert killed.result() == undisturbed[whole]


def test_every_kind_of_file_is_written_in_one_of_these_tests() -> None:
    assert set(SCENES) | {"run", "live project"} == set(PLACES)
