"""The README's code works as it stands; the long training is shortened, nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nextslice.data.phantom import Phantom, write_phantom
from nextslice.strategies import SELECTIONS, UNCERTAINTIES

README = Path(__file__).parents[1] / "README.md"


def _blocks(document: Path = README) -> list[str]:
    return re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)


def test_three_lines_for_a_pipeline() -> None:
    namespace: dict[str, object] = {}
    exec(_blocks()[0], namespace)  # noqa: S102 - the code is the README's
    picked = namespace["picked"]
    assert isinstance(picked, np.ndarray)
    assert len(np.unique(picked)) == 10


def test_the_loop_and_the_expert_s_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hippocampus is stood in for by synthetic patients with as many classes."""
    monkeypatch.chdir(tmp_path)
    write_phantom(tmp_path / "Task04_Hippocampus", Phantom(patients=6))
    code = _blocks()[1]
    for long, short in [
        ("test=50, val=10", "test=2, val=1"),
        ("classes=3, dropout=0.5", "classes=3, dropout=0.5, channels=(4, 8)"),
        ("steps=18_750", "steps=10"),
        ("range(learner.cycle, 7)", "range(learner.cycle, 2)"),
    ]:
        assert long in code
        code = code.replace(long, short)
    namespace: dict[str, object] = {}
    exec(code, namespace)  # noqa: S102
    table = (tmp_path / "runs" / "dropout-sb-0" / "cycles.csv").read_text().splitlines()
    assert len(table) == 1 + 2 * 3

    namespace["annotate"] = lambda queried: np.zeros((50, 50), np.uint8)
    exec(_blocks()[2], namespace)  # noqa: S102
    learner = namespace["learner"]
    assert learner.n_labelled == 30  # type: ignore[attr-defined]
    learner.close()  # type: ignore[attr-defined]


@pytest.mark.unchecked_shapes
def test_the_selection_of_the_contributing_guide_keeps_the_contract() -> None:
    selection_code, suite_code = _blocks(README.parent / "CONTRIBUTING.md")
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(selection_code, namespace)  # noqa: S102
    exec(suite_code, namespace)  # noqa: S102
    suite = namespace["TestEveryOther"]()
    laws = [name for name in dir(suite) if name.startswith("test_")]
    assert len(laws) > 5
    for law in laws:
        getattr(suite, law)(namespace["EveryOther"]())


def test_the_picture_is_there() -> None:
    for name in re.findall(r"!\[.*?\]\((.*?)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / name).is_file(), name


def test_every_strategy_is_listed_with_its_name_and_class() -> None:
    text = (README.parent / "docs" / "strategies.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| `(\w+)` \|", text, re.MULTILINE))
    shipped = {**UNCERTAINTIES, **SELECTIONS}
    assert listed == {name: kind.__name__ for name, kind in shipped.items()}


def test_links_inside_the_repository_lead_somewhere() -> None:
    for document in [README, *README.parent.glob("*.md"), *README.parent.glob("docs/*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)\)", text):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"
