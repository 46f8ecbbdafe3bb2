"""Fixtures that every room may use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import jaxtyping
import pytest
from hypothesis import settings
from tests.annotated import Annotated, annotate
from tests.promises import Promises

# Started in the background by a shell, tests ignore Ctrl-C, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(
    os.environ.get("NEXTSLICE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")
)

# Timings on a busy machine say nothing about correctness, so examples have no deadline;
# derandomised, so that a failure is the code's doing and not the day's.
settings.register_profile("nextslice", deadline=None, derandomize=True)
settings.load_profile("nextslice")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Promises())


def _real_data(name: str) -> Path:
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"real scans are not here: {folder} (set NEXTSLICE_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def hippocampus() -> Path:
    """The 260 labelled volumes of the Medical Segmentation Decathlon's task 4."""
    return _real_data("Task04_Hippocampus")


@pytest.fixture(scope="session")
def prostate() -> Path:
    """29 labelled volumes of the NCI-ISBI 2013 challenge."""
    return _real_data("NCI-ISBI-2013_Prostate")


@pytest.fixture(autouse=True)
def _unchecked_shapes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test pass a wrong shape on purpose (see shapes.py)."""
    if request.node.get_closest_marker("unchecked_shapes"):
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(autouse=True)
def _cache_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests share one cache among themselves and none with the person who runs them."""
    base = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("NEXTSLICE_CACHE", str(base))


@pytest.fixture(scope="session")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    """A live project that people have worked on; for looking at alone."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        base = tmp_path_factory.getbasetemp() / "cache"
        monkeypatch.setenv("NEXTSLICE_CACHE", str(base))
        return annotate(tmp_path_factory.mktemp("annotated"))
