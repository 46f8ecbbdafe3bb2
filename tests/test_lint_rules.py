"""The rule against code that runs what a file says bites, and is lifted in no place unseen."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nextslice

RUFF = (sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise")
ROOT = Path(__file__).parents[1]
SOURCE = Path(nextslice.__file__).parent

FORBIDDEN = {
    "import pickle": "TID251",
    "from pickle import loads": "TID251",
    "import pickle\nx = pickle.loads(b'')": "S301",
    "import marshal": "TID251",
    "import shelve": "TID251",
    "import joblib": "TID251",
    "import torch\nx = torch.load('a.pt')": "TID251",
    "from torch import load": "TID251",
    "import tarfile\ntarfile.open('a').extractall()": "S202",
    "import shutil\nshutil.unpack_archive('a')": "TID251",
    "import subprocess\nsubprocess.run('ls', shell=True, check=True)": "S602",
    "import os\nos.system('ls')": "TID251",
    "x = eval('1')": "S307",
    "exec('1')": "S102",
    "import yaml\nx = yaml.load('a')": "TID251",
    "import yaml\nx = yaml.load('a', Loader=yaml.Loader)": "S506",
    "import yaml\nx = yaml.unsafe_load('a')": "TID251",
}


@pytest.mark.promise(
    "Nothing that a file says is run",
    fault="code that would: pickle, torch.load, extractall, shell=True, eval, yaml.load",
)
@pytest.mark.parametrize("code", FORBIDDEN)
def test_the_rule_bites(code: str) -> None:
    ended = subprocess.run(
        [*RUFF, "--stdin-filename", "src/nextslice/anything.py", "-"],
        input=code,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert FORBIDDEN[code] in ended.stdout


def test_where_the_rule_is_lifted_is_known() -> None:
    """By file and rule: whoever lifts it elsewhere says why here."""
    lifted = {
        (path.relative_to(SOURCE).as_posix(), rule)
        for path in SOURCE.rglob("*.py")
        for found in re.findall(r"# noqa: ([A-Z0-9, ]+)", path.read_text(encoding="utf-8"))
        for rule in re.findall(r"S\d+|TID251", found)
        if rule != "S101"
    }
    assert lifted == {
        ("data/download.py", "S310"),  # its addresses are https, or this machine's
        ("data/guarded.py", "S603"),  # this Python, and a text of ours
        ("testing/rebuilding.py", "S307"),  # the repr of a strategy that is being tested
        ("yaml_text.py", "S506"),  # the loader is stricter than the safe one
        ("yaml_text.py", "TID251"),
    }


def test_what_the_rule_cannot_see_is_not_there_either() -> None:
    """Methods of an object whose class only running it would tell."""
    for path in SOURCE.rglob("*.py"):
        names = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert not names & {"extractall", "safe_load", "read_pickle", "weights_only"}, path


def test_arrays_are_never_unpickled() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert given.get("allow_pickle") == "False", f"{path}:{node.lineno}"
