"""What the page asks and answers: every pixel as the desk has it, nothing half or twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from httpx import Response

from nextslice.annotators import Desk
from nextslice.live import LiveProject

SAVED_ONCE = pytest.mark.promise(
    "The same save sent again is one version; a save on an old version conflicts, and both "
    "are kept.",
    fault="saves sent twice, saves of two people on one version",
)

Draw = Callable[[dict[str, Any]], np.ndarray]


def _array(answer: Response, kind: str) -> np.ndarray:
    shape = json.loads(answer.headers["x-nextslice"])["shape"]
    return np.frombuffer(answer.content, kind).reshape(shape)


def test_the_page_gets_the_slices_as_scanned(page: Any, desk: Desk) -> None:
    for view in page.overview()["slices"]:
        for offset in (0, 1, -1):
            if not 0 <= view["index"] + offset < view["slices"]:
                continue
            answer = page.get(f"/api/slices/{view['id']}/image?offset={offset}")
            expected = desk.image(view["id"], offset)
            np.testing.assert_array_equal(_array(answer, "<f4"), expected.pixels)
            about = json.loads(answer.headers["x-nextslice"])
            assert (about["index"], about["low"], about["high"]) == (
                expected.index,
                expected.low,
                expected.high,
            )


@pytest.mark.promise(
    "A save waits for no picture.",
    fault="more people than the server has threads look at scans that are slow to read",
)
def test_a_save_finds_a_thread_however_many_look(
    page: Any, drawn: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, go_on = page.first(), threading.Event()
    looking = [threading.Event() for _ in range(60)]
    waiting = iter(looking)

    def slowly(*_: object) -> None:
        next(waiting).set()
        assert go_on.wait(120)

    monkeypatch.setattr(Desk, "uncertainty", slowly)
    address = f"/api/slices/{view['id']}/uncertainty"
    with ThreadPoolExecutor(len(looking) + 1) as threads:
        asked = [threads.submit(page.get, address) for _ in looking]
        assert looking[0].wait(60)
        try:
            saved = threads.submit(page.put, view["id"], drawn(view).tobytes())
            assert saved.result(timeout=60).status_code == 200
            assert page.overview()["slices"][0]["version"] == 1
            assert not any(answer.done() for answer in asked)
        finally:
            go_on.set()
        assert {answer.result(60).status_code for answer in asked} == {204}


def test_beyond_the_volume_and_beyond_the_project_there_is_nothing(page: Any) -> None:
    view = page.first()
    for path in (
        f"/api/slices/{view['id']}/image?offset={view['slices']}",
        "/api/slices/0000000000000000/image",
        "/api/slices/0000000000000000/annotation",
    ):
        assert page.get(path).status_code == 404
    assert page.get(f"/api/slices/{view['id']}/image?offset=99999999").status_code == 422


def test_without_a_model_there_is_no_proposal_and_no_heat(page: Any) -> None:
    view = page.first()
    for what in ("proposal", "uncertainty", "annotation", "nearest", "neighbour?offset=1"):
        answer = page.get(f"/api/slices/{view['id']}/{what}")
        assert (answer.status_code, answer.content) == (204, b"")


def test_a_saved_mask_comes_back_pixel_by_pixel(page: Any, desk: Desk, drawn: Draw) -> None:
    view = page.first()
    mask = drawn(view)
    saved = page.put(view["id"], mask.tobytes(), X_Annotator="Dr%20J%C3%BCrgen%20%E6%9D%8E")
    assert saved.status_code == 200
    assert (saved.json()["version"], saved.json()["state"]) == (1, "labelled")
    answer = page.get(f"/api/slices/{view['id']}/annotation")
    np.testing.assert_array_equal(_array(answer, "u1"), mask)
    assert json.loads(answer.headers["x-nextslice"])["annotator"] == "Dr Jürgen 李"
    told = page.first()
    assert (told["state"], told["version"], told["annotator"]) == (
        "labelled",
        1,
        "Dr Jürgen 李",
    )
    assert desk.overview().history[-1].seconds == 1.5


def test_a_mask_may_come_in_pieces(page: Any, drawn: Draw) -> None:
    view = page.first()
    content = drawn(view).tobytes()
    pieces = (content[k : k + 100] for k in range(0, len(content), 100))
    assert page.put(view["id"], pieces).status_code == 200
    answer = page.get(f"/api/slices/{view['id']}/annotation")
    assert answer.content == content


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (lambda pixels: b"", 422),
        (lambda pixels: bytes(pixels - 1), 422),
        (lambda pixels: bytes(pixels + 1), 413),
        (lambda pixels: bytes(8192 * 8192 + 1), 413),
        (lambda pixels: iter([bytes(pixels - 1)]), 422),
        (lambda pixels: iter([bytes(pixels), b"x"]), 413),
        (lambda pixels: b"\x03" + bytes(pixels - 1), 422),  # there are two classes
        (lambda pixels: b"\xff" * pixels, 422),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_and_nothing_is_kept(
    page: Any, live: LiveProject, content: Callable[[int], Any], status: int
) -> None:
    view = page.first()
    before = sorted((live.folder / "annotations").rglob("*.npy"))
    answer = page.put(view["id"], content(view["shape"][0] * view["shape"][1]))
    assert answer.status_code == status
    assert answer.json()["problem"]
    assert page.first() == view
    assert sorted((live.folder / "annotations").rglob("*.npy")) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Encoding": "gzip", "Content_Type": "application/x-gzip"},
        {"X_Annotator": ""},
        {"X_Annotator": "%0A"},
        {"X_Annotator": "a%00b"},
        {"X_Annotator": "%E2%80%AEevil"},  # turns the direction of writing
        {"X_Annotator": "a" * 61},
        {"X_Base_Version": "-1"},
        {"X_Base_Version": "one"},
        {"X_Base_Version": "9" * 30},
        {"X_Key": "short"},
        {"X_Key": "../../etc/passwd"},
        {"X_Seconds": "-1"},
        {"X_Seconds": "nan"},
        {"X_Seconds": "inf"},
        {"X_Seconds": "1e9"},
    ],
)
def test_what_is_said_about_a_mask_is_checked(
    page: Any, drawn: Draw, headers: dict[str, str]
) -> None:
    view = page.first()
    answer = page.put(view["id"], drawn(view).tobytes(), **headers)
    assert answer.status_code in {415, 422}
    assert "evil" not in answer.text
    assert page.first() == view


@pytest.mark.parametrize(
    "body",
    [
        {"annotator": ""},
        {"annotator": "a\0b"},
        {"annotator": 3},
        {"base_version": "0"},
        {"base_version": True},
        {"key": "x"},
        {"reason": ""},
        {"reason": "x" * 201},
        {"more": 1},
    ],
)
def test_what_is_said_about_a_skip_is_checked(page: Any, body: dict[str, Any]) -> None:
    view = page.first()
    assert page.answer(view["id"], "skip", **({"reason": "blurred"} | body)).status_code == 422
    assert page.first() == view


@SAVED_ONCE
def test_the_same_save_sent_again_counts_once(page: Any, drawn: Draw) -> None:
    view = page.first()
    content = drawn(view).tobytes()
    answers = [page.put(view["id"], content, X_Key="one-key-1").json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert page.first()["version"] == 1


@SAVED_ONCE
def test_two_saves_on_one_version_conflict_and_both_are_kept(
    page: Any, desk: Desk, drawn: Draw
) -> None:
    view = page.first()
    mine = drawn(view)
    theirs = np.zeros_like(mine)
    assert page.put(view["id"], mine.tobytes(), X_Annotator="Dr%20One").status_code == 200
    late = page.put(view["id"], theirs.tobytes(), X_Annotator="Dr%20Two")
    assert late.status_code == 409
    assert (late.json()["annotator"], late.json()["version"]) == ("Dr One", 1)
    np.testing.assert_array_equal(desk.annotation(view["id"]).mask, mine)  # type: ignore[union-attr]
    kept = desk.annotation(view["id"], 2)
    assert kept is not None
    assert kept.conflicting
    np.testing.assert_array_equal(kept.mask, theirs)
    again = page.put(view["id"], theirs.tobytes(), X_Base_Version="1", X_Annotator="Dr%20Two")
    assert again.status_code == 200
    assert page.first()["annotator"] == "Dr Two"


def test_a_slice_is_skipped_taken_back_and_drawn(page: Any, drawn: Draw) -> None:
    view = page.first()
    skipped = page.answer(view["id"], "skip", reason="blurred\nby motion")
    assert (skipped.status_code, skipped.json()["state"]) == (200, "skipped")
    back = page.answer(view["id"], "withdraw", base_version=1)
    assert back.json()["state"] == "queried"
    drawn_again = page.put(view["id"], drawn(view).tobytes(), X_Base_Version="2")
    assert drawn_again.json()["state"] == "labelled"
    assert page.answer(view["id"], "withdraw", base_version=0).status_code == 409


def test_a_lease_tells_who_is_there_and_is_no_wall(page: Any, drawn: Draw) -> None:
    view = page.first()
    here = f"/api/slices/{view['id']}"
    assert page.post(f"{here}/lease", {"annotator": "Dr One"}).json() == {"held_by": None}
    assert page.post(f"{here}/lease", {"annotator": "Dr Two"}).json() == {"held_by": "Dr One"}
    assert page.first()["leased_to"] == "Dr One"
    assert (
        page.put(view["id"], drawn(view).tobytes(), X_Annotator="Dr%20Two").status_code == 200
    )
    assert page.post(f"{here}/release", {"annotator": "Dr Two"}).status_code == 204
    assert page.first()["leased_to"] == "Dr One"
    assert page.post(f"{here}/release", {"annotator": "Dr One"}).status_code == 204
    assert page.first()["leased_to"] is None


def test_a_neighbour_is_copied_from_the_nearest_annotated_slice(page: Any, drawn: Draw) -> None:
    views = page.overview()["slices"]
    view = views[0]
    assert page.put(view["id"], drawn(view).tobytes()).status_code == 200
    for other in views[1:]:
        answer = page.get(f"/api/slices/{other['id']}/nearest")
        if other["case"] != view["case"]:
            assert answer.status_code == 204
            continue
        np.testing.assert_array_equal(_array(answer, "u1"), drawn(view))
        offset = view["index"] - other["index"]
        there = page.get(f"/api/slices/{other['id']}/neighbour?offset={offset}")
        assert there.content == answer.content


def test_a_query_is_not_finished_before_anything_is_annotated(page: Any) -> None:
    answer = page.post("/api/query/finish", {"cycle": 0})
    assert answer.status_code == 422
    assert "answers" in answer.json()["problem"]


@pytest.mark.parametrize("cycle", [1, 99, 2**31])
def test_the_end_of_a_query_that_is_not_open_is_refused(page: Any, cycle: int) -> None:
    answer = page.post("/api/query/finish", {"cycle": cycle})
    assert answer.status_code == 422
    assert "Expected the end of cycle 0, whose query is open" in answer.json()["problem"]
    assert page.overview()["phase"] == "annotating"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X_Annotator", "%FF%FE"),  # no UTF-8
        ("X_Annotator", "%ED%A0%80"),  # half of a pair in UTF-16
        ("X_Base_Version", "0_0"),
        ("X_Base_Version", "0.0"),
        ("X_Base_Version", "+0"),
        ("X_Base_Version", ""),
        ("X_Base_Version", "-1"),
    ],
)
def test_what_a_save_says_of_itself_is_taken_as_it_stands_or_not_at_all(
    page: Any, drawn: Draw, header: str, value: str
) -> None:
    view = page.first()
    answer = page.put(view["id"], drawn(view).tobytes(), **{header: value})
    assert answer.status_code == 422
    assert header.lower().replace("_", "-") in answer.json()["problem"].lower()
    assert page.first() == view


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("query/finish", '{"cycle": 99, "cycle": 0}'),
        ("slices/{id}/lease", '{"annotator": "Ada", "annotator": "Bo"}'),
        ("slices/{id}/lease", '{"annotator": {"a": 1, "a": 1}}'),
        ("session", '{"token": "a", "token": "b"}'),
    ],
)
def test_a_key_that_comes_twice_is_refused(page: Any, route: str, body: str) -> None:
    path = "/api/" + route.format(id=page.first()["id"])
    headers = page.headers | {"Content-Type": "application/json"}
    answer = page.client.post(path, content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["problem"] == "Each key was expected once, one came twice."
