"""YAML that others wrote: plain values come back, and nothing that was made to do harm."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nextslice.benchmark.recipe import read_recipe
from nextslice.config import parsed_assignment
from nextslice.errors import NextsliceError, ProjectError, SettingsError
from nextslice.live import live_config
from nextslice.project.opening import begin_or_compare
from nextslice.report.runs import read_runs
from nextslice.yaml_text import parse_yaml

TEN = ", ".join(["*a{0}"] * 10)
LAUGHS = "a0: &a0 [ha, ha]\n" + "\n".join(
    f"a{n}: &a{n} [{TEN.format(n - 1)}]" for n in range(1, 12)
)

HARM = {
    "a billion laughs": LAUGHS,
    "a billion laughs in merged keys": "a0: &a0 {x: 1, y: 2}\n"
    + "\n".join(f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, 40)),
    "a value inside itself": "a: &a [*a]",
    "a nest without end": "[" * 20_000,
    "a nest of mappings without end": "{a: " * 20_000,
    "a text without end": "x" * (1 << 21),
    "a key that stands twice": "seed: 1\nseed: 2",
    "a key that stands twice further in": "data: {folder: a, folder: b}",
    "an object of Python": "!!python/object/apply:os.system ['touch sprung']",
    "a module of Python": "!!python/module:antigravity",
    "a number in hexadecimal that nobody could print": "a: 0x" + "f" * 6_000,
    "a number that nobody could print": "a: " + "9" * 900_000,
    "a number of base 60 that takes for ever": "a: 1" + ":1" * 400_000,
    "a fraction of base 60 that takes for ever": "a: 1" + ":1" * 400_000 + ".5",
    "a number that says it is one": "a: !!int {=: '" + "9" * 5_000 + "'}",
    "a day that never was": "a: 2020-02-31",
    "a number without a digit": "a: !!int ''",
    "a truth value that is none": "a: !!bool perhaps",
    "a time that is none": "a: !!timestamp soon",
    "two documents": "a: 1\n---\na: 2",
    "a character that may not be": "a: \x00",
}

plain_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(plain_values)
def test_plain_values_come_back(value: Any) -> None:
    assert parse_yaml(yaml.safe_dump(value)) == value


def test_an_alias_that_is_as_small_as_it_looks_is_fine() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}
    assert parse_yaml("a: &x {c: 1}\nb: {<<: *x, d: 2}")["b"] == {"c": 1, "d": 2}


@given(st.integers(-(2**127), 2**128))
def test_a_number_of_128_bits_is_none_too_many(value: int) -> None:
    assert parse_yaml(f"a: {value}\nb: {value:#x}") == {"a": value, "b": value}


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(yaml.YAMLError):
        parse_yaml(text)


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_refused_at_once(harm: str) -> None:
    began = time.process_time()
    with pytest.raises(yaml.YAMLError) as caught:
        parse_yaml(HARM[harm])
    assert len(str(caught.value)) < 400
    assert time.process_time() - began < 5


def from_recipe(folder: Path, text: str) -> None:
    (folder / "recipe.yaml").write_text(text)
    read_recipe(folder / "recipe.yaml")


def from_assignment(_: Path, text: str) -> None:
    parsed_assignment(f"data={text}")


def from_live_project(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text)
    live_config(folder)


def from_earlier_run(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text)
    begin_or_compare(folder, {}, {}, frozenset(), accept_changes=True, pool=())


def from_reported_run(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text)
    (folder / "cycles.csv").touch()
    read_runs(folder)


@pytest.mark.promise(
    "Settings made to do harm are refused, whichever way they come",
    fault="billions of values in ten lines, keys given twice, objects of Python",
)
@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize(
    "entry",
    [from_recipe, from_assignment, from_live_project, from_earlier_run, from_reported_run],
)
def test_every_way_in_tells_it_as_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, entry: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NextsliceError) as caught:
        entry(tmp_path, HARM[harm])
    assert isinstance(caught.value, SettingsError | ProjectError)
    assert len(str(caught.value)) < 2000
    assert not (tmp_path / "sprung").exists()
