"""Whether runs come from the same code is told, and no reason not to compare them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nextslice.report import read_runs
from nextslice.report.changed import on_accepted_changes, on_other_code
from nextslice.report.section import notes

WriteRun = Callable[..., Path]


def _code(own: dict[str, str], others: dict[str, str] | None = None) -> dict[str, object]:
    return {"code": {"nextslice": own, "others": others or {}}}


def test_runs_of_different_code_are_compared_and_the_files_named(
    write_run: WriteRun, tmp_path: Path
) -> None:
    both = {"learner.py": "a", "seeds.py": "a"}
    write_run("a", [0.5, 0.6], environment=_code(both, {"mine": "1", "yours": "1"}))
    write_run("b", [0.5, 0.6], seed=1, environment=_code(both | {"seeds.py": "b"}))
    write_run("c", [0.5, 0.6], seed=2, environment=_code(both, {"mine": "2"}))
    runs = read_runs(tmp_path)
    told = on_other_code(runs)
    assert told is not None
    assert "1 file of nextslice (seeds.py) and mine." in told
    assert told in notes(runs)
    assert len({run.experiment for run in runs}) == 1


@pytest.mark.parametrize(
    "environment",
    [
        None,
        {},
        {"code": "?"},
        {"code": {"nextslice": []}},
        {"changes": 3},
        {"changes": [[3]]},
        _code({"learner.py": "a"}, {"mine": "1"}),
    ],
)
def test_what_is_not_known_is_no_difference(
    environment: object, write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], environment=_code({"learner.py": "a"}))
    write_run("b", [0.5, 0.6], seed=1, environment=environment)
    runs = read_runs(tmp_path)
    assert on_other_code(runs) is None
    assert on_accepted_changes(runs) is None


def test_runs_that_went_on_after_a_change_are_named_and_no_case_is(
    write_run: WriteRun, tmp_path: Path
) -> None:
    changes = [
        ["code.nextslice.seeds.py: a then, b now", "left_out.patient-7: x then, y now"],
        ["code.others.mine.net: a then, (absent) now"],
        ["data.folder: /home/ada then, /home/bo now"],
    ]
    write_run("a", [0.5, 0.6], environment={"changes": changes})
    write_run("b", [0.5, 0.6], seed=1, environment={})
    runs = read_runs(tmp_path)
    told = on_accepted_changes(runs)
    assert told is not None
    assert f"{runs[0].strategy}, seed 0 (data, left out, mine.net, seeds.py)." in told
    assert "seed 1" not in told
    assert "patient" not in told
    assert "/home" not in told
    assert told in notes(runs)
