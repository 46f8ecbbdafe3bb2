"""Paths as they are typed: `~` is one's home, and an empty one is none, with each command."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner, Result

from nextslice.cli.app import app
from nextslice.errors import DataError

COMMANDS = {
    command.callback.__name__: command.callback
    for command in app.registered_commands
    if command.callback is not None
}


def _typed(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def _ways_to_name(path: str) -> list[tuple[str, ...]]:
    """Each command with a path in each place where it takes one; others are named x."""
    ways = []
    for name, command in COMMANDS.items():
        places = [
            (place, said[0])
            for place in inspect.signature(command).parameters.values()
            for kind, *said in [get_args(place.annotation) or (None,)]
            if Path in (kind, *get_args(kind))
        ]
        for chosen, _ in places:
            words = [name]
            for place, said in places:
                needed = place.default is inspect.Parameter.empty
                if place is not chosen and not needed:
                    continue
                given = path if place is chosen else "x"
                argument = type(said).__name__ == "ArgumentInfo"
                said_otherwise = (one for one in said.param_decls or () if one[:2] == "--")
                option = next(said_otherwise, f"--{place.name}")
                words.append(given if argument else f"{option}={given}")
            ways.append(tuple(words))
    return ways


def test_each_command_is_asked_here() -> None:
    assert len(_ways_to_name("")) > 2 * 19 - 4
    assert {words[0] for words in _ways_to_name("")} == COMMANDS.keys()


@pytest.mark.parametrize("words", _ways_to_name(""), ids=" ".join)
def test_an_empty_path_is_refused_wherever_one_is_typed(words: tuple[str, ...]) -> None:
    """It is what a variable of the shell that is not set leaves, and never the folder here."""
    found = _typed(*words).exception
    assert isinstance(found, DataError)
    assert "got an empty one" in found.problem
    assert ". is the one that you are in" in found.remedy


def test_a_home_is_found_where_the_shell_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert _typed("phantom", "~/ph", "--patients", "1").exit_code == 0
    assert (tmp_path / "home" / "ph" / "imagesTr").is_dir()
    assert list(Path().iterdir()) == []
    nobody = _typed("phantom", "~nobody-of-this-name/ph").exception
    assert isinstance(nobody, DataError)
    assert "has a home here" in nobody.problem
    assert list(Path().iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="names there are no bytes")
def test_a_path_that_is_no_utf8_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcller")
    found = _typed("phantom", odd).exception
    assert isinstance(found, DataError)
    assert "Rename" in found.remedy
    assert list(tmp_path.iterdir()) == []
