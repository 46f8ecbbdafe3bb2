"""Whatever is sent to the routes as they are described: no failure, and answers as described.

The description (OpenAPI) is read by schemathesis, which makes requests that fit it and requests
that do not, and holds each answer against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from httpx import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests import Session
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nextslice.annotators import Desk

from .conftest import Page, make_project, serving

AS_DESCRIBED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def visited(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page that may be sent anything."""
    folder = tmp_path_factory.mktemp("visited") / "project"
    with (
        Desk(make_project(folder, scans)) as desk,
        serving(desk) as server,
        Client(base_url=server.address, trust_env=False) as client,
    ):
        yield Page(client, server.link.partition("#token=")[2]).enter()


def _visit(page: Page, mode: schemathesis.GenerationMode, examples: int) -> dict[int, int]:
    """Send so many requests to each route; how often each status was answered."""
    described = schemathesis.openapi.from_dict(page.get("/api/openapi.json").json())
    routes = [operation for path in described.values() for operation in path.values()]
    assert len(routes) >= 14
    view = page.first()
    right = bytes(view["shape"][0] * view["shape"][1])
    answered: dict[int, int] = {}
    with Session() as session:
        session.trust_env = False
        session.cookies.update(dict(page.client.cookies))
        session.headers.update(page.headers)

        @settings(
            max_examples=examples * len(routes),
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(
            st.one_of([route.as_strategy(generation_mode=mode) for route in routes]),
            st.booleans(),
            st.integers(0, 4),
        )
        def visit(case: schemathesis.Case[Any], known: bool, value: int) -> None:
            if known and "slice_id" in case.path_parameters:
                case.path_parameters["slice_id"] = view["id"]
            if known and case.method == "PUT":
                case.body = right.replace(b"\0", bytes([value]))
            answer = case.call(base_url=page.origin, session=session)
            case.validate_response(answer, checks=AS_DESCRIBED)
            answered[answer.status_code] = answered.get(answer.status_code, 0) + 1

        visit()
    assert page.overview()["phase"] != "failed"
    return answered


@pytest.mark.promise(
    "Whatever is sent to the page's routes, none of them fails, and each answers as described.",
    fault="requests made from the description (OpenAPI), fitting and unfitting ones",
)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize("examples", [6, pytest.param(60, marks=pytest.mark.faults)])
def test_no_request_makes_a_route_fail_or_answer_otherwise_than_described(
    visited: Page, mode: schemathesis.GenerationMode, examples: int
) -> None:
    answered = _visit(visited, mode, examples)
    assert max(answered) < 500
    expected = {200, 404} if mode.is_positive else {422}
    assert expected <= answered.keys(), answered
