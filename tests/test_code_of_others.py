"""Code of others is told by a hash for each of its modules, however it is wrapped."""

from __future__ import annotations

import ast
import functools
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType

import pytest
from torch import nn

from nextslice import StochasticBatches, VolumeCap
from nextslice.code_hashes import differing_files
from nextslice.code_of_others import hashes_of_others


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of somebody's: a selection, and what it derives from."""
    package = tmp_path / "somebodys_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "base.py").write_text("class Base: pass\ndef unet(): pass\n")
    (package / "widths.py").write_text("WIDTH = 3\n")
    (package / "net.py").write_text(
        "from torch import nn\nfrom .widths import WIDTH\n"
        "class Net(nn.Module):\n    def forward(self, x): return WIDTH * x\n"
        "class Builder:\n    def build(self): return Net()\n"
        "def build(width=3): return Net()\n"
    )
    (package / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom somebodys_package.base import Base\n"
        "@dataclass(frozen=True)\nclass Mine(Base):\n    budget: int = 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("somebodys_package.mine")
    for name in [name for name in sys.modules if name.startswith("somebodys_package")]:
        del sys.modules[name]


@dataclass(frozen=True)
class _Wrapping:
    inner: tuple[object, ...]


def test_code_of_others_is_told_by_its_modules_wherever_it_is_wrapped(
    brought: ModuleType,
) -> None:
    mine, base = brought.Mine(), sys.modules["somebodys_package.base"]
    both = hashes_of_others(mine)
    assert list(both) == [
        "somebodys_package",
        "somebodys_package.base",
        "somebodys_package.mine",
    ]
    assert hashes_of_others(VolumeCap(per_volume=2, selection=mine)) == both
    assert both.items() <= hashes_of_others(_Wrapping((None, mine))).items()
    assert list(hashes_of_others(base.unet)) == ["somebodys_package", "somebodys_package.base"]


FORMS: list[Callable[[ModuleType], object]] = [
    lambda net: net.Net,
    lambda net: net.Net(),
    lambda net: net.build,
    lambda net: functools.partial(net.Net),
    lambda net: functools.partial(nn.Sequential, net.Net()),
    lambda net: functools.partial(dict, net=net.Net),
    lambda net: net.Builder().build,
    lambda net: net.Builder.build,
    lambda net: nn.Sequential(nn.ReLU(), nn.Sequential(net.Net())),
    lambda net: {"nets": [net.Net]},
    lambda net: MappingProxyType({net.Net: 1}),
    lambda net: {net.Net},
    lambda net: _Wrapping((net.Net,)),
    lambda net: functools.cache(net.build),
    lambda net: functools.wraps(net.build)(lambda: net),
    lambda net: _returning(net.Net),
]


def _returning(what: object) -> Callable[[], object]:
    return lambda: what


@pytest.mark.parametrize("form", FORMS)
def test_no_form_hides_the_code_that_a_part_is_made_by(
    form: Callable[[ModuleType], object], brought: ModuleType
) -> None:
    net = importlib.import_module("somebodys_package.net")
    told = {name for name in hashes_of_others(form(net)) if name.startswith("somebodys")}
    assert told == {"somebodys_package", "somebodys_package.net", "somebodys_package.widths"}


def test_what_contains_itself_is_walked_once(brought: ModuleType) -> None:
    around: list[object] = [brought.Mine()]
    around.append(around)
    assert hashes_of_others(around) == hashes_of_others(brought.Mine())


def test_the_code_is_that_of_the_last_time_its_module_was_loaded(brought: ModuleType) -> None:
    path = Path(str(brought.__file__))
    first = hashes_of_others(brought.Mine())
    path.write_text(path.read_text() + "# another thought\n")
    assert hashes_of_others(brought.Mine()) == first  # what runs is what was loaded
    importlib.reload(brought)
    second = hashes_of_others(brought.Mine())
    assert differing_files(first, second) == ["somebodys_package.mine"]
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    importlib.reload(brought)
    assert hashes_of_others(brought.Mine()) == second


def test_a_module_that_is_taken_away_is_not_told(brought: ModuleType) -> None:
    Path(str(brought.__file__)).unlink()
    assert list(hashes_of_others(brought.Mine())) == [
        "somebodys_package",
        "somebodys_package.base",
    ]


@pytest.mark.parametrize(
    "form",
    [
        "import somebodys_study.sub.consts",
        "import somebodys_study.sub.consts as consts",
        "from somebodys_study.sub.consts import K",
        "from .sub import consts",
        "from .sub.consts import K",
    ],
)
def test_the_packages_around_what_is_imported_count_for_they_are_run(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "somebodys_study"
    (package / "sub").mkdir(parents=True)
    for name in ("__init__", "sub/__init__", "sub/consts"):
        (package / f"{name}.py").write_text("K = 3\n")
    (package / "mine.py").write_text(f"{form}\nclass Mine: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("somebodys_study.mine").Mine
    names = ["somebodys_study" + end for end in ("", ".mine", ".sub", ".sub.consts")]
    try:
        assert list(hashes_of_others(mine())) == names
    finally:
        for name in names:
            del sys.modules[name]


def test_of_an_installed_package_the_module_alone_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "somebodys_other.py").write_text("def unet(): pass\n")
    (installed / "somebodys_study.py").write_text("import somebodys_other\nclass Mine: pass\n")
    monkeypatch.syspath_prepend(installed)
    study = importlib.import_module("somebodys_study")
    assert list(hashes_of_others(study.Mine())) == ["somebodys_study"]


def test_what_is_nextslices_or_known_by_its_version_is_not_told_again() -> None:
    assert hashes_of_others(StochasticBatches(), nn.Linear(1, 1), None, 3, len, "text") == {}


def test_of_a_script_the_class_alone_counts(tmp_path: Path) -> None:
    script = tmp_path / "study.py"

    def told(cycles: int, rank: int) -> str:
        script.write_text(
            "from nextslice.code_of_others import hashes_of_others\n"
            f"class Mine:\n    rank = {rank}\n"
            f"for cycle in range({cycles}): print(hashes_of_others(Mine()))\n"
        )
        done = subprocess.run(
            [sys.executable, script], check=True, capture_output=True, text=True
        )
        return done.stdout.splitlines()[0]

    first = told(cycles=1, rank=1)
    assert first.startswith("{'__main__:Mine': ")
    assert told(cycles=2, rank=1) == first
    assert told(cycles=1, rank=2) != first


def test_functions_of_a_script_are_told_apart_and_followed(tmp_path: Path) -> None:
    script, net = tmp_path / "study.py", tmp_path / "mynet.py"
    (tmp_path / "widths.py").write_text("WIDTH = 3\n")

    def told(second: str, forward: str = "1") -> dict[str, str]:
        net.write_text(
            "def later():\n    import widths\n"
            f"class Net:\n    def forward(self): return {forward}\n"
        )
        script.write_text(
            "import mynet\nfrom nextslice.code_of_others import hashes_of_others\n"
            f"a = lambda: mynet.Net()\nb = lambda: {second}\n"
            "print(hashes_of_others(a, b))\n"
        )
        done = subprocess.run(
            [sys.executable, "-B", script], check=True, capture_output=True, text=True
        )
        found: dict[str, str] = ast.literal_eval(done.stdout)
        return found

    first = told("2")
    assert list(first) == ["__main__:<lambda>", "mynet", "widths"]
    assert differing_files(first, told("3")) == ["__main__:<lambda>"]
    assert differing_files(first, told("2", forward="2")) == ["mynet"]


def test_a_class_typed_at_a_prompt_has_no_source() -> None:
    code = (
        "class Mine: pass\n"
        "from nextslice.code_of_others import hashes_of_others\n"
        "assert hashes_of_others(Mine()) == {}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
