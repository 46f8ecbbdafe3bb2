"""The house stands as docs/architecture.md draws it: imports only point upwards."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nextslice

SOURCE = Path(nextslice.__file__).parent

# From the top to the bottom. A room may import from those above it, and from itself.
ROOMS = [
    "errors",
    "types",
    "failpoints",
    "files",
    "plain_files",
    "placing",
    "path_names",
    "progress",
    "wording",
    "discretion",
    "yaml_text",
    "json_text",
    "code_names",
    "code_hashes",
    "code_of_others",
    "seeds",
    "data",
    "logs",
    "selection",
    "models",
    "environment",
    "uncertainty",
    "evaluation",
    "project",
    "native_masks",
    "contexts",
    "trainings",
    "learner",
    "settings",
    "strategies",
    "config",
    "parts",
    "live",
    "annotators",
    "status",
    "exports",
    "simulation",
    "benchmark",
    "report",
    "web",
    "testing",
    "cli",
    "__main__",
]


def _room(module: str) -> str:
    return module.split(".")[1]


def _imports(path: Path) -> set[str]:
    """Modules of nextslice that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            found.add(node.module)
    return {name for name in found if name.startswith("nextslice.")}


def test_every_file_belongs_to_a_room() -> None:
    rooms = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in _files()}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_only_point_upwards(room: str) -> None:
    allowed = ROOMS[: ROOMS.index(room) + 1]
    for path in _files():
        if path.relative_to(SOURCE).parts[0].removesuffix(".py") == room:
            below = {name for name in _imports(path) if _room(name) not in allowed}
            assert not below, f"{path} imports {sorted(below)}, which lies below it"


def test_files_within_a_room_do_not_import_in_circles() -> None:
    graph = {
        "nextslice." + ".".join(path.relative_to(SOURCE).with_suffix("").parts): _imports(path)
        for path in _files()
        if path.name != "__init__.py"
    }
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, f"{' -> '.join((*above, module))} is a circle"
        if module in done:
            return
        for imported in graph.get(module, ()):
            visit(imported, (*above, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def test_the_drawing_names_every_file_in_its_room_and_no_other() -> None:
    text = (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn, room = set(), ""
    for line in text.split("```")[1].splitlines():
        indent = len(line) - len(line.lstrip())
        entry = line.split()[0] if line.strip() else ""
        if entry.endswith("/") and indent == 2:
            room = entry
        names = re.findall(r"[a-z_0-9/]+\.py", line) if entry.endswith(".py") else []
        drawn |= {(room if indent == 4 else "") + name for name in names}
    unseen = {"__init__.py", "__main__.py"}
    built = {path.relative_to(SOURCE).as_posix() for path in _files()}
    assert drawn - unseen == {p for p in built if Path(p).name not in unseen}


@pytest.mark.parametrize(
    "statement",
    [
        "import nextslice.selection",
        "import nextslice; nextslice.StochasticBatches(budget=2)",
        "import nextslice.testing; nextslice.testing.SelectionContract",
    ],
)
def test_selection_never_needs_torch(statement: str) -> None:
    """Nor anything else but numpy: whatever else the process loads is Python's own."""
    code = f"""
{statement}
import sys
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert "torch" not in loaded
heavy = {{"scipy", "monai", "SimpleITK", "pydantic", "sqlalchemy", "matplotlib", "yaml"}}
assert not heavy & loaded, heavy & loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_public_names_are_pinned_sorted_and_there() -> None:
    assert nextslice.__all__ == [
        "ActiveLearner",
        "Badge",
        "Context",
        "CoreSet",
        "Desk",
        "Entropy",
        "Evaluation",
        "ForegroundRandom",
        "LearningLoss",
        "LiveProject",
        "MCDropout",
        "MinimumDistance",
        "NextsliceError",
        "Oracle",
        "PowerNoise",
        "Query",
        "Random",
        "SegmentationModel",
        "Selection",
        "SliceId",
        "SlicePool",
        "SoftRankNoise",
        "SoftmaxNoise",
        "StochasticBatches",
        "Stratified",
        "Strided",
        "TestTimeAugmentation",
        "TopK",
        "Trainer",
        "TrainingSettings",
        "UNet",
        "Uncertainty",
        "VolumeCap",
        "evaluate",
        "strength",
    ]
    assert all(getattr(nextslice, name) is not None for name in nextslice.__all__)
    assert dir(nextslice) == nextslice.__all__


def _files() -> list[Path]:
    return [path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py"]
