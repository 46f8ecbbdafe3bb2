"""The documents hold: their links lead somewhere, their recipe is a recipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nextslice.benchmark import read_recipe

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_documents_lead_to_files_and_headings(document: Path) -> None:
    for target in re.findall(
        r"(?:\]\(|src=\")([^)\s\"]+)", document.read_text(encoding="utf-8")
    ):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        if heading:
            assert heading in _headings(there), target


def test_files_that_messages_name_are_there() -> None:
    for source in (ROOT / "src").rglob("*.py"):
        for named in re.findall(r"docs/[\w/-]+\.md", source.read_text(encoding="utf-8")):
            assert (ROOT / named).exists(), f"{named} in {source.relative_to(ROOT)}"


def test_the_recipe_of_the_documents_is_a_recipe(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(recipe, encoding="utf-8")
    assert list(read_recipe(tmp_path / "mine.yaml", allow_code=True).strategies)[-1] == "mine"


def _headings(document: Path) -> set[str]:
    """The anchors of a document, as GitHub makes them."""
    lines = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
