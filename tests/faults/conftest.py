"""Processes to kill, and what must be equal after that."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults import flows

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]  # there is no SIGKILL, and no fork


@pytest.fixture(scope="session")
def processes() -> multiprocessing.context.ForkServerContext:
    """Real processes that start at once: each is forked from one that has imported all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.flows"])
    return context


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of every process: a cache of prepared slices that all of them share."""
    return {"NEXTSLICE_CACHE": str(tmp_path_factory.mktemp("cache")), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flows.write_scans(tmp_path_factory.mktemp("phantom") / "labelled")


@pytest.fixture(scope="session")
def bare_scans(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare") / "scans"
    shutil.copytree(scans / "imagesTr", folder)
    return folder


@pytest.fixture
def _own_cache(cache: dict[str, str]) -> Iterator[None]:
    before = os.environ.get("NEXTSLICE_CACHE")
    os.environ |= cache
    yield
    if before is not None:
        os.environ["NEXTSLICE_CACHE"] = before


def final_hash(folder: Path) -> str:
    """One hash over what a run came to: queries, weights and metrics; times may differ."""
    cycles = (folder / "cycles.csv").read_text().splitlines()
    manifests = sorted((folder / "models").glob("*/manifest.json"))
    result = [
        (folder / "queries.csv").read_text(),
        [",".join(line.split(",")[:6]) for line in cycles],
        [json.loads(path.read_text())["sha256"] for path in manifests],
        [
            hashlib.sha256(p.with_name("weights.safetensors").read_bytes()).hexdigest()
            for p in manifests
        ],
    ]
    return hashlib.sha256(json.dumps(result).encode()).hexdigest()


@pytest.fixture(scope="session")
def result_of() -> Callable[[Path], str]:
    return final_hash
