"""Commands that write, what each comes to, and what holds when it was stopped on the way."""

from __future__ import annotations

import hashlib
import json
import shutil
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults import flows

from nextslice.annotators.folder import hand_out
from nextslice.data.formats.readers import read_volume, write_volume
from nextslice.failpoints import PLACES
from nextslice.live import LiveProject
from nextslice.project import Records
from nextslice.project.backup import back_up
from nextslice.project.restoring import restore
from nextslice.project.verifying import verify

ARCHIVED: Final = "Task99_Tiny"
"""The data set that is fetched."""


def files_of(folder: Path) -> dict[str, str]:
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
        stopped: What holds at once when it was killed or failed; what is whole and in the way
            of the same command is moved out of it, as its message says.
        environment: Variables it is started with.
        named: The folder that gets its name last: once the command was told to have failed,
            it is not there.
    """

    arguments: tuple[object, ...]
    result: Callable[[], object]
    stopped: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    named: Path | None = None


def _order(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    return _asked(place, shutil.copytree(project, place / "project"))


def _order_of_pairs(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
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
        found = files_of(place / "order")
        order = json.loads((place / "order" / "order.json").read_text())
        assert order.pop("project") == (own / "identity.txt").read_text().strip()
        return found | {"order.json": json.dumps(order)}

    cache = {"NEXTSLICE_CACHE": str(place / "cache")}

    def stopped() -> None:
        assert verify(own).findings == ()

    return Scene(("ask", own, "--out", place / "order"), result, stopped, cache)


def _export(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    out = place / "out"
    named = out / "Dataset501_kidneys"

    def stopped() -> None:
        if named.exists():  # then it is all there
            assert (named / "dataset.json").is_file()
            shutil.rmtree(named)

    typed = ("export", project, out, "--name", "kidneys")
    return Scene(typed, lambda: files_of(named), stopped, named=named)


def _backup(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    file = place / "kidneys.zip"
    back_up(project, file)  # an older one, which is replaced
    (place / "tmp").mkdir()

    def stopped() -> None:
        assert restore(file, place / "restored").findings == ()
        shutil.rmtree(place / "restored")

    def result() -> object:
        assert list((place / "tmp").iterdir()) == []  # nor what a killed one left
        return hashlib.sha256(file.read_bytes()).hexdigest()

    typed = ("backup", project, file)
    return Scene(typed, result, stopped, {"TMPDIR": str(place / "tmp")})


def _restored(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    file, folder = place / "kidneys.zip", place / "restored"
    back_up(project, file)

    def stopped() -> None:
        if folder.exists():  # then it is all there
            assert verify(folder).findings == ()
            shutil.rmtree(folder)

    def result() -> object:
        assert {path.name for path in place.iterdir()} == {"kidneys.zip", "restored"}
        assert verify(folder).findings == ()
        return files_of(folder)

    return Scene(("restore", file, folder), result, stopped, named=folder)


def _phantom(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    return Scene(("phantom", place / "x", "--patients", 1), lambda: files_of(place / "x"))


def _answers(own: Path) -> object:
    """What is kept of a live project's answers; when they came and who is told differ."""
    with Records.look(own) as records:
        answers = records.newest_answers()
        found = {row: (a.kind, a.version, a.native_sha256) for row, a in answers.items()}
    return found, (own / "queries.csv").read_text(), sorted(files_of(own / "annotations"))


def _told(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    own, order = place / "project", place / "order"
    with flows.open_project(own, scans / "imagesTr") as live:
        hand_out(live, live.ask(), order)

    def stopped() -> None:
        assert verify(own).findings == ()
        with Records.look(own) as records:
            assert len(records.newest_answers()) in (0, 2)  # of a query of two slices

    def result() -> object:
        assert verify(own).findings == ()
        return _answers(own)

    return Scene(("tell", own, order, "--accept-all"), result, stopped)


def _trained(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    own = shutil.copytree(project, place / "project")
    before = _answers(own)

    def stopped() -> None:
        assert verify(own).findings == ()
        assert _answers(own) == before

    def result() -> object:
        stopped()
        weights = [path for path in files_of(own / "models").items() if "weights" in path[0]]
        lines = (own / "cycles.csv").read_text().splitlines()
        return weights, [line.split(",")[:6] for line in lines]  # not the seconds

    return Scene(("train", own), result, stopped)


def _queried(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    """The next slices by a model that is trained: scores, a query, and what is proposed."""
    own = shutil.copytree(project, place / "project")
    with LiveProject.open(own) as live:
        live.train()

    def stopped() -> None:
        assert verify(own).findings == ()

    def result() -> object:
        stopped()
        kept = files_of(own)
        parts = ("scores/", "proposals/", "queries.csv")
        return {name: kept[name] for name in kept if name.startswith(parts)}

    return Scene(("ask", own), result, stopped)


def _figure(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    figure = place / "agreement.svg"
    return Scene(("status", project, "--figure", figure), lambda: files_of(place))


def _report(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    out = place / "report"

    def result() -> object:
        """What it is made of; what it says differs in the seconds that things took."""
        assert not list(out.glob(".writing-*"))  # nor what a killed one left
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


def _benchmark(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    recipe, out = place / "tiny.yaml", place / "out"
    recipe.write_text(RECIPE.format(scans=scans))

    def result() -> object:
        outcomes = json.loads((out / "outcomes.json").read_text())
        weights = [files_of(path) for path in sorted(out.rglob("cycle-00"))]
        kept = [path["weights.safetensors"] for path in weights]
        states = [(entry["run"], entry["state"]) for entry in outcomes]
        return (out / "recipe.yaml").read_text(), states, kept

    return Scene(("benchmark", recipe, "--out", out, "--workers", 1), result)


def _predictions(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    out = place / "predicted"

    def stopped() -> None:
        if out.exists():  # then it is all there
            assert (out / "predictions.json").is_file()
            shutil.rmtree(out)

    typed = ("predict", project, "--out", out)
    return Scene(typed, lambda: files_of(out), stopped, named=out)


def _fetched(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    out = place / "fetched"

    def result() -> object:
        assert [path.name for path in out.iterdir()] == [ARCHIVED]  # nor what a killed one left
        return files_of(out)

    def stopped() -> None:
        if (out / ARCHIVED).exists():  # then it is all there
            assert files_of(out / ARCHIVED) == files_of(scans)

    with urllib.request.urlopen(address) as archive:  # noqa: S310 - a server of the tests
        md5 = hashlib.md5(archive.read(), usedforsecurity=False).hexdigest()
    typed = ("fetch", ARCHIVED, "--out", out, "--url", address, "--md5", md5)
    return Scene(typed, result, stopped, named=out / ARCHIVED)


def _project(place: Path, project: Path, scans: Path, run: Path, address: str) -> Scene:
    own = place / "own"

    def result() -> object:
        assert verify(own).findings == ()
        return (own / "config.yaml").read_text(), (own / "environment.json").read_text()

    def stopped() -> None:
        if (own / "config.yaml").exists():  # then it is a project, and "Go on with it" is said
            with LiveProject.open(own):
                pass
            result()
            shutil.rmtree(own)

    typed = ("init", own, "--images", scans / "imagesTr", "--labels", flows.LABELS)
    return Scene(typed, result, stopped)


BUILDERS: Final[dict[str, Callable[[Path, Path, Path, Path, str], Scene]]] = {
    "ask": _order,
    "ask of pairs": _order_of_pairs,
    "export": _export,
    "predict": _predictions,
    "fetch": _fetched,
    "backup": _backup,
    "restore": _restored,
    "tell": _told,
    "train": _trained,
    "ask of a model": _queried,
    "status": _figure,
    "phantom": _phantom,
    "report": _report,
    "benchmark": _benchmark,
    "init": _project,
}
"""Each makes a scene in a new folder, with a project, scans and a run to look
at, and an address to download from."""


def _some(whole: str, *kinds: str) -> tuple[str, ...]:
    """The places of some kinds of file."""
    return tuple(name for name in PLACES[whole] if name.partition(".")[0] in kinds)


REACHED: Final[dict[str, tuple[str, ...]]] = {
    "ask": (
        *_some("work order", "identity", "scan", "list", "readme", "order"),
        *_some("data set", "cache", "array", "building"),
    ),
    "ask of pairs": _some("work order", "volume"),
    "export": PLACES["export"],
    "predict": _some("export", "description", "folder"),
    "fetch": PLACES["fetched data set"],
    "backup": PLACES["backup"],
    "restore": PLACES["restored project"],
    "tell": _some("run", "mask", "table", "commit"),
    "train": _some("run", "weights", "manifest", "events", "table", "commit"),
    "ask of a model": (
        *_some("run", "scores", "table", "commit"),
        *_some("live project", "proposals"),
    ),
    "status": _some("report", "figure"),
    "phantom": _some("data set", "phantom"),
    "report": PLACES["report"],
    "benchmark": _some("benchmark", "recipe", "outcomes"),
    "init": _some("run", "holder", "environment", "config", "commit"),
}
"""The places at which each is stopped."""
