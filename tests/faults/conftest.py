"""Processes to kill, and what must be equal after that."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from tests.faults import flows
from tests.faults.scenes import ARCHIVED, BUILDERS, Scene

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]  # there is no SIGKILL, and no fork


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
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


@pytest.fixture(scope="session")
def simulated(
    processes: ForkServerContext,
    scans: Path,
    cache: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """What the simulated run comes to that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    process = processes.Process(target=flows.run_simulation, args=(folder, scans, cache))
    process.start()
    process.join()
    return final_hash(folder)


@pytest.fixture(scope="session")
def answered_folder(
    processes: ForkServerContext,
    bare_scans: Path,
    cache: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A live project, two queries answered, that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    process = processes.Process(target=flows.annotate, args=(folder, bare_scans, cache))
    process.start()
    process.join()
    return folder


@pytest.fixture(scope="session")
def answered(answered_folder: Path) -> str:
    """What it comes to."""
    return final_hash(answered_folder)


@pytest.fixture
def project(answered_folder: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    return shutil.copytree(answered_folder, tmp_path / "project")


@pytest.fixture
def command(
    processes: ForkServerContext, cache: dict[str, str], tmp_path: Path
) -> Callable[..., tuple[int | None, str]]:
    """Run ``nextslice`` in a process of its own: how it ended, and what it said."""

    def command(
        *arguments: object, environment: dict[str, str] | None = None
    ) -> tuple[int | None, str]:
        said = tmp_path / "said"
        typed = [str(argument) for argument in arguments]
        process = processes.Process(
            target=flows.run_command, args=(typed, cache | (environment or {}), said)
        )
        process.start()
        process.join()
        return process.exitcode, said.read_text()

    return command


@pytest.fixture(scope="session")
def a_run(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run to report on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXTSLICE_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("run") / "run"
        flows.run_simulation(folder, scans, {})
    return folder


@pytest.fixture(scope="session")
def address(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where on this machine an archive of the scans can be downloaded."""
    folder = tmp_path_factory.mktemp("served")
    with tarfile.open(folder / f"{ARCHIVED}.tar", "w") as archive:
        archive.add(scans, ARCHIVED)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/{ARCHIVED}.tar"
        http.shutdown()
        thread.join()


@pytest.fixture
def scene(
    answered_folder: Path, scans: Path, a_run: Path, address: str, tmp_path: Path
) -> Callable[[str], Scene]:
    """A scene by its name, in a folder of its own."""

    def scene(name: str) -> Scene:
        place = Path(tempfile.mkdtemp(dir=tmp_path))
        return BUILDERS[name](place, answered_folder, scans, a_run, address)

    return scene


@pytest.fixture(scope="session")
def _calm() -> dict[str, object]:
    return {}


@pytest.fixture
def undisturbed(
    _calm: dict[str, object],
    scene: Callable[[str], Scene],
    command: Callable[..., tuple[int | None, str]],
) -> Callable[[str], object]:
    """What a scene's command comes to when nothing happens to it, found out once."""

    def undisturbed(name: str) -> object:
        if name not in _calm:
            calm = scene(name)
            code, said = command(*calm.arguments, environment=dict(calm.environment))
            assert code == 0, said
            _calm[name] = calm.result()
        return _calm[name]

    return undisturbed
