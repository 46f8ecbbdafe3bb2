"""Strategies look as in the paper, and stay apart for the colour-blind and on white."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from nextslice.report import read_runs
from nextslice.report.style import ROLES, Look, looks

WriteRun = Callable[..., Path]

UNCERTAINTIES = ("entropy", "dropout", "tta", "learning-loss")
_SEEN_BY = {
    # Machado, Oliveira, Fernandes 2009, severity 1.0: what is left of red, green and blue
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "full colour": np.eye(3).tolist(),
}


def _of_the_paper(write_run: WriteRun, tmp_path: Path) -> dict[str, Look]:
    write_run("r", [0.5])
    write_run("c", [0.5], selection="core-set")
    for name in UNCERTAINTIES:
        for selection in ("top-k", "stochastic-batches"):
            write_run(f"{name}{selection}", [0.5], uncertainty=name, selection=selection)
    return looks(read_runs(tmp_path))


def test_with_batches_solid_without_dashed_random_dotted_and_grey(
    write_run: WriteRun, tmp_path: Path
) -> None:
    found = _of_the_paper(write_run, tmp_path)
    for name in ("entropy", "dropout", "TTA", "learning loss"):
        before, after = found[name], found[f"{name} + stochastic batches"]
        assert (after.line, after.filled) == ("-", True)
        assert _dashes(before) == [4.5, 1.8]
        assert not before.filled
        assert before.marker == after.marker
    random = found["random"]
    assert max(_dashes(random)) < 2
    assert len(set(_rgb(random.colour))) == 1


def test_the_key_of_all_panels_says_what_the_strategies_look_like(
    write_run: WriteRun, tmp_path: Path
) -> None:
    found = _of_the_paper(write_run, tmp_path)
    like = ("random", "entropy", "entropy + stochastic batches")
    for role, name in zip(ROLES.values(), like, strict=True):
        assert (role.line, role.filled) == (found[name].line, found[name].filled)


def test_all_strategies_of_the_paper_look_different_and_stand_out_on_white(
    write_run: WriteRun, tmp_path: Path
) -> None:
    found = _of_the_paper(write_run, tmp_path)
    assert len(found) == 10
    assert len({(look.colour, str(look.line), look.marker) for look in found.values()}) == 10
    assert all(_contrast_with_white(look.colour) >= 3 for look in found.values())


@pytest.mark.parametrize("eyes", sorted(_SEEN_BY))
@pytest.mark.parametrize("end", ["", " + stochastic batches"])
def test_the_colours_of_uncertainties_stay_apart_for_all_eyes(
    write_run: WriteRun, tmp_path: Path, eyes: str, end: str
) -> None:
    found = _of_the_paper(write_run, tmp_path)
    names = ("entropy", "dropout", "TTA", "learning loss")
    seen = {name: _lab(found[name + end].colour, eyes) for name in names}
    for first, second in combinations(names, 2):
        # 2.3 is just noticeable side by side; 10 is plain at a glance
        assert np.linalg.norm(seen[first] - seen[second]) > 10, (first, second)


def test_variants_of_one_strategy_keep_its_colour_family_and_differ(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for size in (1, 10, 100, 1000):
        chosen = {"name": "stochastic-batches", "parameters": {"pool_size": size}}
        write_run(f"{size}", [0.5], uncertainty="entropy", selection=chosen)
    found = looks(read_runs(tmp_path))
    assert len({(look.colour, look.marker) for look in found.values()}) == 4
    for look in found.values():
        red, green, blue = _rgb(look.colour)
        assert green > blue > red
        assert look.line == "-"


def test_chance_in_other_forms_is_dotted_too_but_not_grey(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("r", [0.5])
    for name in ("stratified", "strided", "foreground-random"):
        write_run(name, [0.5], selection=name)
    found = looks(read_runs(tmp_path))
    assert len({look.colour for look in found.values()}) == 4
    greys = [len(set(_rgb(look.colour))) == 1 for look in found.values()]
    assert sorted(greys) == [False, False, False, True]
    assert all(_dashes(look)[0] < 2 for look in found.values())


def _dashes(look: Look) -> list[float]:
    assert isinstance(look.line, tuple)
    return list(look.line[1])


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _linear(colour: str) -> np.ndarray:
    value = np.array(_rgb(colour)) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _contrast_with_white(colour: str) -> float:
    """The ratio of WCAG 2: 3 is the least for graphics."""
    return float(1.05 / (np.array([0.2126, 0.7152, 0.0722]) @ _linear(colour) + 0.05))


def _lab(colour: str, eyes: str) -> np.ndarray:
    """CIE L*a*b* under D65 of a colour as these eyes see it."""
    seen = np.clip(np.array(_SEEN_BY[eyes]) @ _linear(colour), 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    ratio = (to_xyz @ seen) / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
