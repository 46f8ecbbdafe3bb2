"""The rule against code that runs what a file says bites, and is lifted in no place unseen."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
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
    "from joblib import load": "TID251",
    "import cloudpickle": "TID251",
    "import dill as d": "TID251",
    "import _pickle": "TID251",
    "from multiprocessing import reduction": "TID251",
    "import multiprocessing\nx = multiprocessing.reduction.ForkingPickler": "TID251",
    "import torch\nx = torch.jit.load('a.pt')": "TID251",
    "from torch import jit": "TID251",
    "import torch\nx = torch.hub.load('a', 'b')": "TID251",
    "import torch.serialization": "TID251",
    "from torch.serialization import load": "TID251",
    "import torch as t\nx = t.load('a.pt')": "TID251",
    "from torch.package import PackageImporter": "TID251",
    "import torch\nx = torch.load('a.pt')": "TID251",
    "from torch import load": "TID251",
    "import tarfile\ntarfile.open('a').extractall()": "S202",
    "import shutil\nshutil.unpack_archive('a')": "TID251",
    "import subprocess\nsubprocess.run('ls', shell=True, check=True)": "S602",
    "import os\nos.system('ls')": "TID251",
    "from os import system": "TID251",
    "import os\nos.popen('ls')": "TID251",
    "import os\nos.execv('ls', [])": "S606",
    "import subprocess\nsubprocess.run('ls -l', check=True)": "S607",
    "import subprocess\nC = 'ls'\nsubprocess.Popen(C)": "S603",
    "import subprocess\nsubprocess.getoutput('ls')": "TID251",
    "import runpy": "TID251",
    "x = eval('1')": "S307",
    "import builtins\nx = builtins.eval('1')": "S307",
    "x = eval('1')  # noqa": "PGH004",
    "# ruff: noqa\nx = eval('1')": "PGH004",
    "exec('1')": "S102",
    "import yaml\nx = yaml.load('a')": "TID251",
    "import yaml\nx = yaml.load('a', Loader=yaml.Loader)": "S506",
    "import yaml\nx = yaml.unsafe_load('a')": "TID251",
    "import yaml as y\nx = y.load('a', y.SafeLoader)": "TID251",
    "from yaml import load as read": "TID251",
    "from yaml import load_all": "TID251",
    "import yaml\nx = yaml.UnsafeLoader('a')": "TID251",
}

UNRULY = {
    "import numpy as np\nx = np.load('a')": "allow_pickle",
    "import numpy as np\nx = np.load('a', allow_pickle=True)": "allow_pickle",
    "import numpy as np\nx = np.load('a', allow_pickle=anyhow)": "allow_pickle",
    "import numpy as np\nx = np.load('a', None, anyhow)": "allow_pickle",
    "import numpy as np\nx = np.load('a', **anyhow)": "allow_pickle",
    "import numpy\nread = numpy.load": "allow_pickle",
    "import numpy as n\nx = n.load('a')": "allow_pickle",
    "from numpy import load": "allow_pickle",
    "from numpy import load as read": "allow_pickle",
    "from numpy.lib.format import read_array": "allow_pickle",
    "import numpy as np\nx = np.lib.format.read_array(f)": "allow_pickle",
    "import numpy as np\nnp.save('a', x, allow_pickle=not False)": "allow_pickle",
    "x = __import__('pickle')": "__import__",
    "import importlib\nx = importlib.import_module('pickle')": "import_module",
    "from importlib import import_module as find\nx = find('os')": "import_module",
    "x = getattr(torch, 'load', None)": "getattr",
    "import subprocess\nsubprocess.run('ls -l')": "a list",
    "import subprocess\nsubprocess.run(f'ls {x}')": "a list",
    "import subprocess as s\ns.Popen(args='ls')": "a list",
    "from subprocess import check_output": "a list",
    "x = tar.extractall()": "extractall",
    "x = yaml.safe_load(text)": "safe_load",
    "x = compile(text, 'a', 'exec')": "compile",
    "x = 1  # noqa": "says which",
    "x = 1  # NOQA : all": "says which",
    "# ruff: noqa: S307\nx = 1": "whole file",
    "# flake8: noqa\nx = 1": "whole file",
}
"""Spellings that ruff takes no offence at, and what is told of each."""

READ_ARRAYS = {"numpy.load", "numpy.lib.format.read_array", "numpy.lib.npyio.NpzFile"}
HIDDEN = {"load", "loads", "Unpickler", "eval", "exec", "system", "popen", "extractall"}
METHODS = {"extractall", "safe_load", "read_pickle", "weights_only", "ForkingPickler"}
"""Of objects whose class only running the code would tell."""

IMPORTED_BY_NAME = {
    "__init__.py",  # our own modules, when they are first used
    "benchmark/cluster.py",  # ray, where it is installed
    "benchmark/connecting.py",  # ray, where it is installed
    "data/download.py",  # monai.apps, the same
    "strategies.py",  # what a person named, see code_names.py
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


def unruly(code: str, *, by_name: bool = False) -> list[str]:
    """What a text of Python has in it that runs what a file says, beside what ruff knows.

    Args:
        code: The text.
        by_name: Whether it may import modules by names that stand in variables.
    """
    tree = ast.parse(code)
    known = {  # the name in this text -> the full one
        (alias.asname or alias.name.partition(".")[0]): alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def full(node: ast.AST) -> str:
        first, dot, rest = ast.unparse(node).partition(".")
        return known.get(first, first) + dot + rest

    told = []
    harmless: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name, words = full(node.func), {w.arg: w.value for w in node.keywords}
            allowed = words.get("allow_pickle")
            says_no = isinstance(allowed, ast.Constant) and allowed.value is False
            if "allow_pickle" in words and not says_no:
                told.append("allow_pickle is something else than False")
            if says_no:
                harmless.add(node.func)
            first = node.args[0] if node.args else words.get("args")
            if name.startswith("subprocess.") and isinstance(
                first, ast.Constant | ast.JoinedStr
            ):
                told.append("a command that is no list of words; a list was expected")
            if name == "importlib.import_module" and not by_name:
                told.append("import_module, in a file that need not")
            if name in {"__import__", "compile", "builtins.compile"}:
                told.append(f"{name} makes code of a text")
            if name == "getattr" and ast.unparse(node.args[1]).strip("'") in HIDDEN:
                told.append("getattr with a name that ruff would know")
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            if names & READ_ARRAYS:
                told.append("a reader of arrays by a name of its own, without allow_pickle")
            if node.module == "subprocess":
                told.append("subprocess by other names, where a list is not looked for")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if full(node) in READ_ARRAYS and node not in harmless:
                told.append("a reader of arrays without allow_pickle=False")
            if node.attr in METHODS:
                told.append(f"{node.attr}, whatever it belongs to")
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type is tokenize.COMMENT:
            if re.search(r"(?i)(ruff|flake8)\s*:", token.string):
                told.append("rules are lifted for a whole file")
            elif re.search(r"(?i)#\s*noqa(?!: [A-Z]+\d+(, [A-Z]+\d+)*\b)", token.string):
                told.append("a rule is lifted by a comment that never says which")
    return told


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
        ("data/gate/guarded.py", "S603"),  # this Python, and a text of ours
        ("testing/rebuilding.py", "S307"),  # the repr of a strategy that is being tested
        ("yaml_text.py", "S506"),  # the loader is stricter than the safe one
        ("yaml_text.py", "TID251"),
    }


@pytest.mark.promise(
    "Nothing that a file says is run",
    fault="code that would, in spellings that ruff lets through",
)
@pytest.mark.parametrize("code", UNRULY)
def test_what_ruff_cannot_see_is_seen(code: str) -> None:
    assert UNRULY[code] in "; ".join(unruly(code))


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\nx = np.load('a', allow_pickle=False)",
        "import subprocess\nsubprocess.run(['ls', x])",
        "from models import load\nx = load('a')",
        "x = 1  # noqa: S101, TID251 - why",
        "x = getattr(node, name)",
    ],
)
def test_what_is_in_order_is_let_through(code: str) -> None:
    assert unruly(code) == []


def test_what_ruff_cannot_see_is_not_there_either() -> None:
    for path in SOURCE.rglob("*.py"):
        by_name = path.relative_to(SOURCE).as_posix() in IMPORTED_BY_NAME
        assert unruly(path.read_text(encoding="utf-8"), by_name=by_name) == [], path
