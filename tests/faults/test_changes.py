"""What is not as it was when a run began is told, and no reason to lose what is there."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from tests.faults import flows

import nextslice
from nextslice.annotators import Desk, leases
from nextslice.config import Config
from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.data.pool import SliceId
from nextslice.environment import describe_environment
from nextslice.errors import ProjectChangedError
from nextslice.failpoints import VARIABLE
from nextslice.live import LiveProject
from nextslice.models.training import Trainer
from nextslice.models.unet import UNet
from nextslice.project import Project
from nextslice.simulation import open_splits, simulate
from nextslice.web import sessions

pytestmark = pytest.mark.usefixtures("_cache_of_its_own")


STRATEGY = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Backwards:
    requires: ClassVar[frozenset[str]] = frozenset({{"scores"}})

    def select(self, scores, *, rng, budget=None, context=None):
        return np.argsort({order}, kind="stable")[:budget]
"""


CLOCK = pytest.mark.promise(
    "Setting the clock of the machine changes nothing.",
    fault="the time of day ten years back and ten years ahead, in the midst of work",
)


def _version(config: Config, scans: Path, patch: pytest.MonkeyPatch) -> Config:
    software = {"python": "3.99", "nextslice": "9.9"}
    patch.setattr("nextslice.environment.describe_software", lambda: software)
    return config


def _hardware(config: Config, scans: Path, patch: pytest.MonkeyPatch) -> Config:
    patch.setattr("nextslice.environment._processor", lambda: "another processor")
    return config


def _data(config: Config, scans: Path, patch: pytest.MonkeyPatch) -> Config:
    path = sorted((scans / "imagesTr").iterdir())[0]
    volume = read_volume(path)
    write_volume(path, np.ascontiguousarray(volume.voxels + 1), volume.geometry)
    return config


def _settings(config: Config, scans: Path, patch: pytest.MonkeyPatch) -> Config:
    return config.model_copy(update={"seed": 7, "budget": 5})


OTHERWISE = pytest.mark.promise(
    "A run that began otherwise is not gone on with unless --accept-changes says so; what "
    "changed is shown, and recorded.",
    fault="other settings, code, data or hardware",
)


@OTHERWISE
@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (_version, ["software.nextslice: 0.1.0 then, 9.9 now", "software.python: "]),
        (_hardware, ["hardware.processor: ", " then, another processor now"]),
        (_data, ["data: "]),
        (_settings, ["seed: 0 then, 7 now", "budget: 2 then, 5 now"]),
    ],
)
def test_what_changed_is_shown_and_recorded_once_it_is_accepted(
    change: Callable[..., Config],
    shown: list[str],
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, own = tmp_path / "run", shutil.copytree(scans, tmp_path / "scans")
    config = flows.simulation_config(own).model_copy(update={"cycles": 0})
    simulate(config, open_splits(config), folder)
    before = _content(folder)
    changed = change(config, own, monkeypatch)
    with pytest.raises(ProjectChangedError) as raised:
        simulate(changed, open_splits(changed), folder)
    for words in shown:
        assert words in str(raised.value)
    assert "--accept-changes" in raised.value.remedy
    assert _content(folder) == before
    simulate(changed, open_splits(changed), folder, accept_changes=True)
    recorded: list[list[str]] = json.loads((folder / "environment.json").read_text())["changes"]
    assert len(recorded) == 1
    for words in shown:
        assert any(words in line for line in recorded[0])


def _other_package(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def change(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(
            "nextslice.environment.version", lambda asked: "9.9" if asked == name else "1.0"
        )

    return change


def _other_python(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("platform.python_version", lambda: "9.9")


PACKAGES = ("nextslice", "torch", "numpy", "scipy", "simpleitk", "monai", "safetensors")
GROUNDS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "software.python": _other_python,
    "hardware.cores": lambda patch: patch.setattr("os.cpu_count", lambda: 99),
    "hardware.system": lambda patch: patch.setattr("platform.machine", lambda: "PDP-11"),
} | {f"software.{name}": _other_package(name) for name in PACKAGES}


@OTHERWISE
@pytest.mark.parametrize("what", GROUNDS)
def test_whatever_a_run_rests_on_is_named_when_it_is_another(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _other_package("none of them")(monkeypatch)
    began = describe_environment(_trainer(), data="abc", seed=0)
    GROUNDS[what](monkeypatch)
    now = describe_environment(_trainer(), data="abc", seed=0)
    _expect_to_be_named(what, began, now, tmp_path)


@OTHERWISE
@pytest.mark.parametrize(
    ("what", "settings"),
    [("threads", {"threads": 2}), ("precision.name", {"precision": "bfloat16"})],
)
def test_how_a_run_computes_is_named_when_it_is_another(
    what: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    began = describe_environment(_trainer(), data="abc", seed=0)
    now = describe_environment(_trainer(**settings), data="abc", seed=0)
    _expect_to_be_named(what, began, now, tmp_path)


def _trainer(**settings: Any) -> Trainer:
    how: dict[str, Any] = {"threads": 1, "precision": "float32", "device": "cpu"} | settings
    return Trainer(UNet(3, (2, 4)), **how)


def _expect_to_be_named(
    what: str, began: dict[str, object], now: dict[str, object], place: Path
) -> None:
    folder, pool = place / "run", [SliceId("case", 0)]
    Project(folder, config={}, environment=began, pool=pool).close()
    Project(folder, config={}, environment=began, pool=pool).close()  # it is no other
    with pytest.raises(ProjectChangedError, match=f"{re.escape(what)}: .* then, ") as raised:
        Project(folder, config={}, environment=now, pool=pool)
    others = set(GROUNDS) - {what}
    assert not [name for name in others if f"{name}: " in str(raised.value)]


@pytest.mark.promise(
    "A run that began otherwise is not gone on with unless --accept-changes says so; what "
    "changed is shown, and recorded.",
    fault="config.yaml of a live project edited by hand",
)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("training.steps", 9),
        ("training.learning_rate", 0.5),
        ("network.dropout", 0.25),
        ("uncertainty.parameters.samples", 3),
    ],
)
def test_settings_edited_between_two_commands_are_told_and_not_gone_on_with(
    setting: str, value: float, project: Path
) -> None:
    """A live project takes its settings from the very file that was edited."""
    path = project / "config.yaml"
    edited = yaml.safe_load(path.read_text())
    *way, last = setting.split(".")
    place = edited
    for name in way:
        place = place[name]
    shown = f"{setting}: {place[last]} then, {value} now"
    place[last] = value
    path.write_text(yaml.safe_dump(edited))
    before = _content(project)
    with pytest.raises(ProjectChangedError) as raised:
        LiveProject.open(project)
    assert shown in str(raised.value)
    assert _content(project) == before
    for accept_changes in (True, False):  # which is how it is now
        LiveProject.open(project, accept_changes=accept_changes).close()
    (recorded,) = json.loads((project / "environment.json").read_text())["changes"]
    assert recorded == [shown]


def _edit_nextslice(place: Path) -> str:
    with (place / "nextslice" / "selection" / "top_k.py").open("a") as stream:
        stream.write("\n# another thought\n")
    return "code: 1 file of nextslice is not as it was: selection/top_k.py"


def _edit_strategy(place: Path) -> str:
    (place / "backwards.py").write_text(STRATEGY.format(order="scores"))
    return "code: backwards is not as it was"


@pytest.mark.promise(
    "A run that began otherwise is not gone on with unless --accept-changes says so; what "
    "changed is shown, and recorded.",
    fault="a file of nextslice, or of the strategy that the run names, edited between commands",
)
@pytest.mark.parametrize("edit", [_edit_nextslice, _edit_strategy])
def test_code_that_was_edited_between_two_commands_is_told_by_its_name(
    edit: Callable[[Path], str], scans: Path, tmp_path: Path
) -> None:
    """Real commands, by a copy of nextslice that is really edited."""
    place, folder = tmp_path / "code", tmp_path / "run"
    source = Path(nextslice.__file__).parent
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, place / "nextslice", ignore=without)
    (place / "backwards.py").write_text(STRATEGY.format(order="-scores"))

    def simulate_by_it(cycles: int, *more: str) -> subprocess.CompletedProcess[str]:
        words = ["--out", folder, "--selection", "backwards:Backwards", "--cycles", cycles]
        small = ["training.steps=4", "network.channels=[4,8]", "initial=2", "budget=2"]
        words += ["--preset", "quick", "--device", "cpu", "--threads", "1", "--test", "2"]
        words += [
            word for setting in [*small, "data.size=[24,24]"] for word in ("--set", setting)
        ]
        typed = [sys.executable, "-m", "nextslice", "simulate", scans, *words, *more]
        return subprocess.run(
            [str(word) for word in typed],
            env=os.environ | {"PYTHONPATH": str(place), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    begun = simulate_by_it(0)
    assert begun.returncode == 0, begun.stderr
    shown = edit(place)
    before = _content(folder)
    refused = simulate_by_it(1)
    assert refused.returncode == 2
    assert shown in refused.stdout + refused.stderr
    assert "--accept-changes" in refused.stdout + refused.stderr
    assert _content(folder) == before
    accepted = simulate_by_it(1, "--accept-changes")
    assert accepted.returncode == 0, accepted.stderr
    ((recorded,),) = json.loads((folder / "environment.json").read_text())["changes"]
    assert shown.rpartition(": ")[2].split()[0] in recorded
    again = simulate_by_it(2)  # which is how it is now
    assert again.returncode == 0, again.stderr


@pytest.mark.promise(
    "A run that began otherwise is not gone on with unless --accept-changes says so; what "
    "changed is shown, and recorded.",
    fault="environment.json is lost, so that nobody can tell",
)
def test_a_run_whose_environment_is_not_known_is_not_gone_on_with(tmp_path: Path) -> None:
    folder, pool = tmp_path / "run", [SliceId("case", 0)]
    environment = {"data": "abc", "seed": 0}
    Project(folder, config={}, environment=environment, pool=pool).close()
    path = folder / "environment.json"
    path.unlink()
    before = _content(folder)
    for now in (environment, {"data": "other"}):
        with pytest.raises(ProjectChangedError, match=r"environment\.json: missing") as raised:
            Project(folder, config={}, environment=now, pool=pool)
        assert "--accept-changes" in raised.value.remedy
        assert _content(folder) == before
    Project(folder, config={}, environment=environment, pool=pool, accept_changes=True).close()
    (recorded,) = json.loads(path.read_text())["changes"]
    assert recorded[0].startswith("environment.json: missing")
    Project(folder, config={}, environment=environment, pool=pool).close()


def _content(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    }


@CLOCK
@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_jumps_changes_no_run(
    years: int,
    scans: Path,
    simulated: str,
    result_of: Callable[[Path], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"
    monkeypatch.setenv(VARIABLE, "scores.written:eio")
    with pytest.raises(OSError, match="cannot be written"):
        flows.run_simulation(folder, scans, {})
    monkeypatch.delenv(VARIABLE)
    _set_clock(monkeypatch, years)
    flows.run_simulation(folder, scans, {})
    assert result_of(folder) == simulated


@CLOCK
@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_jumps_changes_no_version(
    years: int, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Desk(LiveProject.open(project)) as desk:
        view = desk.overview().slices[0]
        _set_clock(monkeypatch, years)
        for number in (1, 2):
            mask = flows.drawn(view.case, number, view.shape)
            desk.save(view.id, mask, annotator="Ada", base_version=number, key=f"key-{number}")
        newest = desk.annotation(view.id)
        assert newest is not None
        assert newest.version == 3
        assert np.array_equal(newest.mask, flows.drawn(view.case, 2, view.shape))


@CLOCK
@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_jumps_ends_no_lease_and_no_session(
    years: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump, real = 0.0, time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    # Loaded anew: which clock they take by themselves is settled while they are loaded.
    held = _loaded_anew(leases, monkeypatch).Leases()
    known = _loaded_anew(sessions, monkeypatch).Sessions("token")
    assert held.take("one", "Bo").mine
    session = known.open("token")
    jump = timedelta(days=365 * years).total_seconds()
    lease = held.take("one", "Ada")
    assert lease.holder == "Bo"  # still his
    assert 0 < lease.seconds <= 60
    assert held.holders() == {"one": "Bo"}
    assert known.knows(session.cookie)
    known._clock = lambda: time.monotonic() + 13 * 3600  # and it does end
    assert not known.knows(session.cookie)


def _loaded_anew(module: ModuleType, patch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location(f"{module.__name__}_anew", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    anew = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, spec.name, anew)
    spec.loader.exec_module(anew)
    return anew


def _set_clock(patch: pytest.MonkeyPatch, years: int) -> None:
    jump = timedelta(days=365 * years)
    real = time.time

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + jump

    patch.setattr(time, "time", lambda: real() + jump.total_seconds())
    for module in ("answers", "lock"):
        patch.setattr(f"nextslice.project.{module}.datetime", Shifted)
    assert abs(Shifted.now(UTC).year - datetime.now(UTC).year) >= 9
