"""Bodies made to do harm: refused, nothing kept, and little memory taken."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx import Client, Response, TransportError

from .conftest import Page, make_project
from .served import Served, command_serving

MEGABYTE = bytes(2**20)
LARGE = bytes(2**26 + 1)  # a body of more than 64 MB is refused whatever it is
BOMB = gzip.compress(LARGE, 1)
MOST_MEMORY = 24  # MB that the server may take, for all that come at once
AT_ONCE = 16

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture(scope="module")
def served(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as monkeypatch:
        base = tmp_path_factory.getbasetemp() / "cache"
        monkeypatch.setenv("NEXTSLICE_CACHE", str(base))
        make_project(place / "project", scans).close()
        with command_serving(place / "project", place / "log") as served:
            yield served
        assert "Traceback" not in served.said()


@pytest.fixture
def visitor(served: Served) -> Iterator[Page]:
    """A browser that has shown the token, with evil in mind."""
    with Client(base_url=served.address, trust_env=False, timeout=60) as client:
        yield Page(client, served.token).enter()


def _endless() -> Iterator[bytes]:
    while True:
        yield MEGABYTE


MASKS: dict[str, Callable[[int], Any]] = {
    "endless": lambda pixels: _endless(),
    "64 MB, announced": lambda pixels: LARGE[1:],
    "64 MB, one byte more than may be": lambda pixels: LARGE,
    "in a thousand pieces, one too many": lambda pixels: iter([bytes(pixels)] * 1000),
    "one byte short": lambda pixels: bytes(pixels - 1),
    "no class has these numbers": lambda pixels: b"\xff" * pixels,
    "a bomb that would unpack to 64 MB": lambda pixels: BOMB,
}
TEXTS: dict[str, Callable[[], Any]] = {
    "endless": _endless,
    "64 MB": lambda: LARGE,
    "deep": lambda: b"[" * 60_000,
    "deep, closed": lambda: b"[" * 30_000 + b"]" * 30_000,
    "a number without end": lambda: b'{"cycle": ' + b"9" * 60_000 + b"}",
    "a name without end": lambda: b'{"' + b"x" * 60_000 + b'": 1}',
    "not UTF-8": lambda: b'{"cycle": "\xff\xfe"}',
    "half a letter": lambda: b'{"cycle": "\\ud800"}',
    "not a number": lambda: b'{"cycle": NaN}',
    "without end": lambda: b'{"cycle": Infinity}',
    "twice": lambda: b'{"cycle": 0, "cycle": "x"}',
    "nothing": lambda: b"",
}


def _refused(send: Callable[[], Response]) -> bool:
    """Whether it was: with an answer, or with a closed connection to who goes on sending."""
    try:
        return 400 <= send().status_code < 500
    except TransportError:
        return True


def _taken(served: Served, send: Callable[[], bool]) -> float:
    """Megabytes that the server took while many sent that at once."""
    served.forget_most_memory()
    before = served.memory()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = [pool.submit(send) for _ in range(AT_ONCE)]
        assert all(one.result() for one in sent)
    return served.most_memory() - before


HARMLESS = pytest.mark.promise(
    f"A body of a wrong size or kind is refused; nothing is kept, and {AT_ONCE} at once take "
    f"less than {MOST_MEMORY} MB.",
    fault="endless, huge, deep, packed and broken bodies, with and without a session",
)


@HARMLESS
@pytest.mark.parametrize("what", MASKS)
def test_a_mask_made_to_do_harm_is_refused_and_takes_little_memory(
    served: Served, visitor: Page, what: str
) -> None:
    view = visitor.first()
    pixels = view["shape"][0] * view["shape"][1]
    packed = {"Content_Encoding": "gzip"} if "bomb" in what else {}

    def send() -> bool:
        return _refused(lambda: visitor.put(view["id"], MASKS[what](pixels), **packed))

    assert _taken(served, send) < MOST_MEMORY
    assert visitor.first() == view


@HARMLESS
@pytest.mark.parametrize("what", TEXTS)
def test_a_text_made_to_do_harm_is_refused_and_takes_little_memory(
    served: Served, visitor: Page, what: str
) -> None:
    before = visitor.overview()
    headers = visitor.headers | {"Content-Type": "application/json"}

    def send() -> bool:
        return _refused(
            lambda: visitor.client.post(
                "/api/query/finish", content=TEXTS[what](), headers=headers
            )
        )

    assert _taken(served, send) < MOST_MEMORY
    assert visitor.overview() == before


@HARMLESS
def test_whoever_is_unknown_takes_little_memory(served: Served, visitor: Page) -> None:
    before = visitor.overview()

    def send() -> bool:
        with Client(base_url=served.address, trust_env=False, timeout=60) as client:
            return _refused(lambda: client.post("/api/query/finish", content=_endless()))

    assert _taken(served, send) < MOST_MEMORY
    assert visitor.overview() == before
