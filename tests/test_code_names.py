"""Code that a recipe or a project names is run only where whoever starts it says so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from nextslice.benchmark import jobs_of, read_recipe, shipped_recipes
from nextslice.cli.app import app
from nextslice.code_names import code_named_in, place_of
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.errors import SettingsError
from nextslice.live import LiveProject

FOREIGN = pytest.mark.promise(
    "Nothing that a file says is run",
    fault="recipes and projects that name a class of their own, in every place that may",
)
MODULE = "left_behind_by_somebody"
THEIRS = f"{MODULE}:Theirs"
CODE = """
from dataclasses import dataclass
from pathlib import Path

from nextslice.selection import Random
from nextslice.uncertainty import Entropy

(Path(__file__).parent / "it-ran").touch()


@dataclass(frozen=True)
class Theirs(Random):
    pass


@dataclass(frozen=True)
class Score(Entropy):
    pass
"""
TINY = (
    *("--budget", "2", "--initial", "2", "--device", "cpu", "--threads", "1"),
    *("--size", "32", "32", "--set", "network.channels=[4, 8]", "--set", "training.steps=4"),
)


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bool]]:
    """Whether the code that lies on the import path was run."""
    place = tmp_path / "on the path"
    place.mkdir()
    (place / f"{MODULE}.py").write_text(CODE)
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PYTHONPATH", f"{place}:{Path(__file__).parents[1] / 'src'}")
    yield (place / "it-ran").exists
    sys.modules.pop(MODULE, None)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code") / "scans"
    write_phantom(folder, Phantom(patients=3, size=(32, 32), slices=(8, 8)))
    return folder


def command(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def recipe_with(changes: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "title": "Theirs: a recipe",
        "data": {"folder": "scans"},
        "preset": "quick",
        "seeds": [0],
        "strategies": {"random": {"selection": "random"}},
    }
    return plain | changes


def strategy(**fields: Any) -> dict[str, Any]:
    return {"strategies": {"theirs": {"selection": "top-k"} | fields}}


PLACES: dict[str, dict[str, Any]] = {
    "a selection": strategy(selection=THEIRS),
    "a selection with fields": strategy(selection={"name": THEIRS}),
    "a selection inside another": strategy(
        selection={"name": "volume-cap", "per_volume": 1, "selection": THEIRS}
    ),
    "one two deep, resolved": strategy(
        selection={
            "name": "volume-cap",
            "parameters": {
                "per_volume": 1,
                "selection": {
                    "name": "minimum-distance",
                    "parameters": {"slices": 2, "selection": {"name": THEIRS}},
                },
            },
        }
    ),
    "an uncertainty": strategy(uncertainty=f"{MODULE}:Score"),
    "defaults of an uncertainty": {"settings": {"uncertainties": {f"{MODULE}:Score": {}}}},
    "the same in a variant": {"variants": {"a": {"uncertainties": {f"{MODULE}:Score": {}}}}},
}


@FOREIGN
@pytest.mark.parametrize("place", PLACES)
def test_a_recipe_that_names_code_is_refused_before_any_of_it_runs(
    tmp_path: Path, place: str, ran: Callable[[], bool]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe_with(PLACES[place])))
    with pytest.raises(SettingsError, match=f"{MODULE}:") as caught:
        read_recipe(path)
    assert "--allow-code" in caught.value.remedy
    assert str(path) in caught.value.problem
    refused = command("benchmark", path, "--out", tmp_path / "out").exception
    assert isinstance(refused, SettingsError)
    assert "Nothing of it was run" in refused.remedy
    assert not ran()
    assert MODULE not in sys.modules
    assert not (tmp_path / "out").exists()


def test_whoever_allows_it_has_a_recipes_own_code_run(
    tmp_path: Path, ran: Callable[[], bool]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe_with(strategy(selection=THEIRS))))
    [job] = jobs_of(read_recipe(path, allow_code=True), tmp_path)
    assert job.config.selection.name == THEIRS
    assert ran()


def test_what_is_written_on_the_command_line_is_meant(
    tmp_path: Path, ran: Callable[[], bool]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe_with({})))
    read = read_recipe(path, assignments=[f"strategies.random.selection={THEIRS}"])
    [job] = jobs_of(read, tmp_path)
    assert job.config.selection.name == THEIRS
    assert ran()


def test_recipes_that_come_along_name_no_code_and_a_title_is_none(tmp_path: Path) -> None:
    for name in shipped_recipes():
        read_recipe(name)
    path = tmp_path / "recipe.yaml"
    path.write_text(
        yaml.safe_dump(recipe_with({"title": "kidney:Left", "settings": {"device": "cuda:0"}}))
    )
    assert read_recipe(path).title == "kidney:Left"


@pytest.fixture
def foreign(scans: Path, tmp_path: Path) -> Path:
    """A project that somebody else has put the name of a class into."""
    project = tmp_path / "project"
    LiveProject.create(
        project,
        images=scans / "imagesTr",
        labels="cortex,medulla",
        changes={"selection": "random", "device": "cpu", "initial": 2},
        assignments=("network.channels=[4, 8]", "training.steps=4", "data.size=[32, 32]"),
    ).close()
    config = yaml.safe_load((project / "config.yaml").read_text())
    config["selection"]["name"] = THEIRS
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    return project


@FOREIGN
@pytest.mark.parametrize("key", ["selection", "uncertainty", "first_query"])
def test_a_project_that_names_code_is_not_opened_before_somebody_allows_it(
    foreign: Path, key: str, ran: Callable[[], bool]
) -> None:
    path = foreign / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["selection"]["name"] = "random"
    parts = {"name": "volume-cap", "parameters": {"per_volume": 1, "selection": THEIRS}}
    config[key] = parts
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(SettingsError, match=THEIRS):
        LiveProject.open(foreign)
    assert not ran()


@FOREIGN
@pytest.mark.parametrize("name", ["serve", "ask", "tell", "train"])
def test_no_command_runs_what_a_project_names(
    foreign: Path, name: str, ran: Callable[[], bool]
) -> None:
    before = sorted(foreign.rglob("*"))
    refused = command(name, foreign).exception
    assert isinstance(refused, SettingsError)
    assert THEIRS in refused.problem
    assert "--allow-code" in refused.remedy
    for looks in ("status", "verify"):
        command(looks, foreign)
    assert not ran()
    assert MODULE not in sys.modules
    assert sorted(foreign.rglob("*")) == before


def test_a_project_begun_with_own_code_goes_on_where_it_is_allowed(
    scans: Path, tmp_path: Path, ran: Callable[[], bool]
) -> None:
    project = tmp_path / "mine"
    words = ("--images", scans / "imagesTr", "--labels", "cortex,medulla", *TINY)
    begun = command("init", project, *words, "--selection", THEIRS)
    assert begun.exception is None, begun.output
    assert ran()
    assert isinstance(command("ask", project).exception, SettingsError)
    asked = command("ask", project, "--allow-code")
    assert asked.exception is None, asked.output


def test_a_run_begun_with_own_code_goes_on_with_the_same_words(
    scans: Path, tmp_path: Path, ran: Callable[[], bool]
) -> None:
    words = ("--out", tmp_path / "run", *TINY, "--preset", "quick", "--selection", THEIRS)
    for cycles in (0, 1):
        result = command("simulate", scans, *words, "--cycles", cycles)
        assert result.exception is None, result.output
    assert (tmp_path / "run/cycles.csv").read_text().splitlines()[-1].startswith("1,")
    assert ran()


_NESTED = st.recursive(
    st.just("left"),
    lambda inner: (
        st.lists(inner, min_size=1)
        | st.dictionaries(st.text("ab"), inner, min_size=1)
        | st.dictionaries(st.just(THEIRS), st.none(), min_size=1)
    ),
)


@given(_NESTED, st.booleans())
def test_a_name_is_found_at_any_depth(values: object, planted: bool) -> None:
    within = {"name": "random", "parameters": [values, {"x": THEIRS if planted else "x"}]}
    assert (THEIRS in code_named_in(within)) == (planted or THEIRS in repr(values))


@pytest.mark.parametrize(
    "name",
    ["cuda:0", "a:b c", ":Class", "os:", ".os:path", "os..path:x", "os :x", "os:a.b", ""],
)
def test_what_is_no_name_of_a_class_is_looked_for_nowhere(name: str) -> None:
    assert place_of(name) is None
