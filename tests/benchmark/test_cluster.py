"""Runs on a Ray cluster end as runs on this machine do, whatever becomes of its nodes."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from nextslice.benchmark import (
    Job,
    Outcome,
    RayCluster,
    Recipe,
    open_benchmark,
    run_benchmark,
)
from nextslice.benchmark.cluster import (
    _do_remotely,
    _gpus,
    _missing_device,
    _other_code,
    _warn_if_gpus_are_left_alone,
    _warn_if_nothing_fits,
)
from nextslice.code_hashes import hashes_of_nextslice
from nextslice.errors import MissingExtraError, NextsliceError, SettingsError
from nextslice.progress import Progress

MakeRecipe = Callable[..., Recipe]
Results = Callable[[Path], tuple[bytes, list[str], list[str]]]

SETTINGS = {"network": {"channels": [4, 8]}, "training": {"steps": 300}}
STEPS = 300


@pytest.fixture(scope="module", autouse=True)
def _closed_to_others() -> Iterator[None]:
    """Clusters of these tests listen on 127.0.0.1 and ask for a token.

    Ray looks at these once, when it is first imported.
    """
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'nextslice[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes with one CPU each, and a head with none. One will be lost."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - after the environment is set

    quickly = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "_system_config": quickly | {"health_check_initial_delay_ms": 0},
        },
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


def test_a_node_that_is_lost_in_mid_run_changes_nothing(
    two_nodes: Any, make_recipe: MakeRecipe, tmp_path: Path, here: Any, results: Results
) -> None:
    recipe = make_recipe(seeds=[0], settings=SETTINGS)
    alone, out = tmp_path / "alone", tmp_path / "cluster"
    run_benchmark(recipe, open_benchmark(recipe, alone), alone, here)
    jobs = open_benchmark(recipe, out)
    at_work: set[str] = set()
    holders: dict[str, int] = {}

    def lose_a_node(progress: Progress) -> None:
        at_work.add(progress.stage)
        if len(at_work) == 2 and progress.done >= STEPS and not holders:
            holders.update({job.name: _holder(job) for job in jobs})
            two_nodes.remove_node(two_nodes.list_all_nodes()[-1], allow_graceful=False)

    outcomes = run_benchmark(
        recipe, jobs, out, RayCluster(two_nodes.address), on_progress=lose_a_node
    )
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert [outcome.job for outcome in outcomes] == list(jobs)
    moved = [job for job in jobs if _holder(job) != holders[job.name]]
    assert len(moved) == 1  # the run of the lost node went on in another process
    for job in jobs:
        assert results(job.out) == results(alone / job.out.relative_to(out))


def _holder(job: Job) -> int:
    """The process that has the run."""
    return int(json.loads((job.out / ".lock-holder.json").read_text())["pid"])


def test_a_run_that_fails_on_a_node_says_why(
    two_nodes: Any, make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = make_recipe(seeds=[0], cycles=0, split={"test": 4})
    jobs = open_benchmark(recipe, tmp_path)
    outcomes = run_benchmark(recipe, jobs, tmp_path, RayCluster(two_nodes.address))
    assert all("leave none" in str(outcome.error) for outcome in outcomes)


def test_runs_end_well_though_nobody_can_listen(
    two_nodes: Any, make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dies:
        def hear(self, _: Progress) -> None:
            os._exit(1)

        def news(self) -> list[Progress]:
            os._exit(1)

    monkeypatch.setattr("nextslice.benchmark.cluster._Ears", Dies)
    recipe = make_recipe(seeds=[0], cycles=0)
    jobs = open_benchmark(recipe, tmp_path)
    outcomes = run_benchmark(recipe, jobs, tmp_path, RayCluster(two_nodes.address))
    assert [outcome.error for outcome in outcomes] == [None, None]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for sockets in /proc")
def test_a_cluster_of_ours_listens_on_this_machine_alone_and_is_gone_afterwards(
    make_recipe: MakeRecipe,
    tmp_path: Path,
    results: Results,
    here: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED")  # of the other clusters here
    # Of a cluster begun so, releases of Ray send nothing by themselves; builds of a night do.
    monkeypatch.setattr("ray._common.usage.usage_lib.is_nightly_wheel", lambda: True)
    others = set(_descendants(os.getpid()))
    recipe = make_recipe(seeds=[0], cycles=0)
    alone, out = tmp_path / "alone", tmp_path / "cluster"
    run_benchmark(recipe, open_benchmark(recipe, alone), alone, here)
    before = _listening()
    opened: set[str] = set()
    told: dict[str, str | None] = {}

    def look(_: Progress) -> None:
        opened.update(_listening() - before)
        told.update(_told_of_statistics(set(_descendants(os.getpid())) - others))

    outcomes = run_benchmark(
        recipe, open_benchmark(recipe, out), out, RayCluster(), on_progress=look
    )
    assert [outcome.error for outcome in outcomes] == [None, None]
    for outcome in outcomes:
        folder = outcome.job.out
        assert results(folder) == results(alone / folder.relative_to(out))
    assert len(opened) > 2  # Ray's own services and workers
    assert {address.partition(":")[0] for address in opened} <= {
        "0100007F",  # 127.0.0.1
        "0000000000000000FFFF00000100007F",  # the same in the clothes of IPv6
    }
    assert _listening() <= before
    assert set(told) == {"gcs_server", "raylet"}
    assert set(told.values()) == {"0"}  # what Ray would send to its makers


def _told_of_statistics(processes: set[str]) -> dict[str, str | None]:
    """Of Ray's services among these: whether they may send statistics of use."""
    found: dict[str, str | None] = {}
    for process in processes:
        with contextlib.suppress(OSError):  # gone in between
            command = Path(f"/proc/{process}/cmdline").read_text().split("\0")
            name = Path(command[0]).name
            if name in {"gcs_server", "raylet"}:
                lines = Path(f"/proc/{process}/environ").read_text().split("\0")
                variables = dict(line.split("=", 1) for line in lines if "=" in line)
                found[name] = variables.get("RAY_USAGE_STATS_ENABLED")
    return found


def _listening() -> set[str]:
    """Addresses on which processes begun by this one listen, as the system tells them."""
    sockets = {link for process in _descendants(os.getpid()) for link in _open_files(process)}
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {line[1] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets}


def _open_files(process: str) -> list[str]:
    found = []
    with contextlib.suppress(OSError):  # gone in between
        for path in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(path.readlink().name)
    return found


def _descendants(process: int) -> list[str]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # gone in between
            parents[path.parent.name] = path.read_text().rpartition(")")[2].split()[1]
    found = [str(process)]
    for parent in found:
        found += [child for child in parents if parents[child] == parent]
    return found[1:]


def test_a_cluster_that_is_not_there_is_explained(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    jobs = open_benchmark(make_recipe(), tmp_path)
    with pytest.raises(NextsliceError, match=r"Expected a Ray cluster at 127\.0\.0\.1:9"):
        RayCluster("127.0.0.1:9").run(jobs, on_progress=lambda _: None)


@dataclass(frozen=True)
class _Cluster:
    """What Ray says of a cluster with nodes of so many CPUs and GPUs."""

    sizes: tuple[tuple[int, int], ...]

    def nodes(self) -> list[dict[str, Any]]:
        gone = {"Alive": False, "Resources": {"CPU": 99.0, "GPU": 99.0}}
        there = [{"CPU": float(cpus), "GPU": float(gpus)} for cpus, gpus in self.sizes]
        return [gone, *({"Alive": True, "Resources": sizes} for sizes in there)]


ON_A_GPU = {"device": "cuda", "precision": "bfloat16", "threads": 2}


@pytest.fixture
def node_with_a_gpu(two_nodes: Any) -> Iterator[str]:
    """The id of a node of two CPUs that tells Ray of a GPU, as one of any cluster may."""
    node = two_nodes.add_node(num_cpus=2, num_gpus=1)
    two_nodes.wait_for_nodes()
    yield node.node_id
    two_nodes.remove_node(node)


def test_runs_that_want_a_gpu_go_to_the_node_that_has_one_and_have_it_to_themselves(
    two_nodes: Any,
    node_with_a_gpu: str,
    make_recipe: MakeRecipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tells_where(job: Job, *_: Any) -> Outcome:
        """In the place of the run's work; here it has no words but its error."""
        ray, began = importlib.import_module("ray"), time.time()
        time.sleep(0.5)
        node = ray.get_runtime_context().get_node_id()
        return Outcome(job, json.dumps([node, len(ray.get_gpu_ids()), began, time.time()]))

    monkeypatch.setattr("nextslice.benchmark.cluster._do_remotely", tells_where)
    settings = SETTINGS | ON_A_GPU | {"threads": 1}
    jobs = open_benchmark(make_recipe(settings=settings), tmp_path, elsewhere=True)
    outcomes = RayCluster(two_nodes.address).run(jobs, on_progress=lambda _: None)
    told = sorted((json.loads(str(o.error)) for o in outcomes), key=lambda each: each[2])
    assert {(node, gpus) for node, gpus, *_ in told} == {(node_with_a_gpu, 1)}
    assert all(ended <= began for (*_, ended), (_, _, began, _) in pairwise(told))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_node_that_promised_a_gpu_and_has_none_is_named(
    two_nodes: Any, node_with_a_gpu: str, make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    settings = SETTINGS | ON_A_GPU | {"threads": 1}
    recipe = make_recipe(settings=settings, seeds=[0], cycles=0)
    jobs = open_benchmark(recipe, tmp_path, elsewhere=True)
    outcomes = run_benchmark(recipe, jobs, tmp_path, RayCluster(two_nodes.address))
    for outcome in outcomes:
        assert f"Expected a GPU on the node {socket.gethostname()}" in str(outcome.error)
        assert "PyTorch sees 0 of CUDA" in str(outcome.error)
        assert not outcome.job.out.exists()  # nothing was begun that a GPU would go on with


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_missing_is_told_where_the_run_would_begin(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    settings = SETTINGS | ON_A_GPU
    (job, *_) = open_benchmark(make_recipe(settings=settings), tmp_path, elsewhere=True)
    outcome = _do_remotely(job, None, hashes_of_nextslice())
    assert f"Expected a GPU on the node {socket.gethostname()}" in str(outcome.error)
    assert "Mend that node" in str(outcome.error)
    assert not job.out.exists()


@pytest.mark.promise(
    "A run that began otherwise is not gone on with unless --accept-changes says so; what "
    "changed is shown, and recorded.",
    fault="a node of a cluster whose nextslice is another",
)
def test_a_node_with_other_code_is_named_and_begins_nothing(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    (job, *_) = open_benchmark(make_recipe(settings=SETTINGS | {"device": "cpu"}), tmp_path)
    here = hashes_of_nextslice() | {"learner.py": "another", "gone.py": "this"}
    outcome = _do_remotely(job, None, here)
    assert f"Expected the node {socket.gethostname()} to have the nextslice" in str(
        outcome.error
    )
    assert "got 2 other files: gone.py, learner.py." in str(outcome.error)
    assert not job.out.exists()
    assert "--accept-changes" in str(outcome.error)
    assert _other_code(hashes_of_nextslice()) is None


def test_what_is_here_anyway_is_not_missing(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    jobs = open_benchmark(make_recipe(settings=SETTINGS | {"device": "cpu"}), tmp_path)
    assert {_missing_device(job.config) for job in jobs} == {None}


def test_a_gpu_of_the_cluster_is_asked_for_though_this_machine_has_none(
    make_recipe: MakeRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = make_recipe(settings=SETTINGS | ON_A_GPU)
    jobs = open_benchmark(recipe, tmp_path, elsewhere=True)
    assert {(job.config.device, job.config.precision) for job in jobs} == {
        ("cuda:0", "bfloat16")
    }
    assert {_gpus(job.config) for job in jobs} == {1}
    for sizes, fits in (
        (((4, 0), (2, 1)), True),
        (((4, 0), (1, 1)), False),  # not both on one node
        (((4, 0),), False),
    ):
        caplog.clear()
        _warn_if_nothing_fits(_Cluster(sizes), jobs)
        assert ("has 2 CPUs and 1 GPU, which a run wants" in caplog.text) is not fits


def test_gpus_that_no_run_asks_for_are_said_aloud(
    make_recipe: MakeRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = open_benchmark(make_recipe(settings=SETTINGS | {"device": "cpu"}), tmp_path)
    _warn_if_gpus_are_left_alone(_Cluster(((8, 0),)), jobs)
    assert caplog.text == ""
    _warn_if_gpus_are_left_alone(_Cluster(((8, 0), (8, 4))), jobs)
    assert "has 4 GPUs, and no run asks for one" in caplog.text
    assert "--set device=cuda" in caplog.text


def test_on_other_machines_a_run_has_one_thread_and_says_its_precision(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    jobs = open_benchmark(make_recipe(), tmp_path, elsewhere=True)
    assert {job.config.threads for job in jobs} == {1}
    with pytest.raises(SettingsError, match="precision=bfloat16"):
        open_benchmark(make_recipe(settings={"device": "cuda"}), tmp_path, elsewhere=True)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"nextslice\[ray\]"):
        RayCluster().run([], on_progress=lambda _: None)


def test_a_cluster_that_asks_nobody_who_they_are_is_said_aloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert RayCluster().caution is None
    assert RayCluster("10.0.0.1:6379").caution is None  # a token is asked for
    monkeypatch.delenv("RAY_AUTH_MODE")
    assert RayCluster().caution is None
    assert "whoever reaches its ports" in str(RayCluster("10.0.0.1:6379").caution)
