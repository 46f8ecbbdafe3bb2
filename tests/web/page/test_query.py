"""From one query to the next, with people at the page all the while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nextslice.annotators import Desk
from nextslice.errors import TrainingError
from nextslice.live import LiveProject

LINE = [(10.5, 12.5), (25.5, 20.5)]


@pytest.fixture
def annotated(desk: Desk) -> Desk:
    """A desk whose first query has masks on all its slices but the last."""
    for k, view in enumerate(desk.overview().slices[:-1]):
        mask = np.zeros(view.shape, np.uint8)
        mask[10:20, 5 + k : 20] = 1 + k % 2
        desk.save(view.id, mask, annotator="Dr. Bo", base_version=0, key=f"before-{k}")
    return desk


def _finish(person: Any, answer: str = "Finish and train") -> None:
    person.page.get_by_role("button", name="Finish query and train").click()
    person.page.get_by_role("button", name=answer).click()


def test_a_finished_query_trains_and_the_next_one_brings_proposals(
    annotated: Desk, person: Any
) -> None:
    first = {view.id for view in annotated.overview().slices}
    person.page.get_by_role("button", name="Finish query and train").click()
    dialog = person.page.get_by_role("dialog")
    assert "1 slice is not annotated; it stays unlabelled." in dialog.inner_text()
    dialog.get_by_role("button", name="Go on annotating").click()
    assert annotated.overview().phase == "annotating"
    _finish(person)
    person.says("The next query is here")
    told = annotated.overview()
    assert told.cycle == 1
    assert not first & {view.id for view in told.slices[:1]}
    person.page.locator("#mask-state", has_text="the model's proposal, not saved").wait_for()
    assert "Query 2" in person.page.inner_text("#progress-words")
    expected = annotated.proposal(person.view.id)
    assert expected is not None
    person.save()  # as it is
    np.testing.assert_array_equal(person.saved(), person.upright(expected.mask))
    assert person.view.agreement == 1
    person.page.locator("#panel", has_text="agrees with the saved mask by 100 %").wait_for()
    person.press("h")
    person.page.locator("#panel", has_text="sure").wait_for()
    assert person.page.get_by_label("Uncertainty (heat map)").is_checked()


def test_annotating_goes_on_while_the_training_runs(
    annotated: Desk, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading  # noqa: PLC0415

    go_on = threading.Event()
    train = LiveProject.train

    def slowly(*arguments: Any, **options: Any) -> None:
        assert go_on.wait(60)
        train(*arguments, **options)

    monkeypatch.setattr(LiveProject, "train", slowly)
    _finish(person)
    person.page.locator("#query-end", has_text="Training").wait_for()
    here = person.view.id
    person.drag(LINE)
    person.save()
    saved = annotated.annotation(here)
    assert saved is not None
    person.drag([(8.5, 30.5), (30.5, 30.5)])  # and is in the midst of more
    go_on.set()
    person.says("The next query is here. What you draw now belongs to the one before")
    person.press("s")
    person.says("Saved at")
    found = annotated.annotation(here)
    assert found is not None
    assert (found.version, bool((found.mask != saved.mask).any())) == (2, True)


def test_a_training_that_fails_says_why_and_is_tried_again(
    annotated: Desk, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = LiveProject.train

    def fail(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(LiveProject, "train", train)
        raise TrainingError("The loss is not finite.", remedy="Look into /home/anna/runs.")

    monkeypatch.setattr(LiveProject, "train", fail)
    _finish(person)
    alert = person.page.locator("#query-end")
    person.page.get_by_role("button", name="Try again").wait_for()
    assert "The training failed." in alert.inner_text()
    assert "The loss is not finite." in alert.inner_text()
    assert "anna" not in alert.inner_text()
    _finish_again = person.page.get_by_role("button", name="Try again")
    _finish_again.click()
    person.page.get_by_role("button", name="Finish and train").click()
    person.says("The next query is here")


def test_a_query_without_any_answer_is_not_finished(person: Any, desk: Desk) -> None:
    person.page.get_by_role("button", name="Finish query and train").click()
    person.says("Nothing is annotated yet")
    assert desk.overview().phase == "annotating"


def test_drawings_that_are_not_saved_are_named_before_training(
    annotated: Desk, person: Any
) -> None:
    person.drag(LINE)
    person.page.get_by_role("button", name="Finish query and train").click()
    dialog = person.page.get_by_role("dialog")
    dialog.locator("p", has_text="1 slice has drawings that are not saved").wait_for()
    person.press("Escape")
    assert annotated.overview().phase == "annotating"


def test_curves_tell_how_far_the_project_is(annotated: Desk, person: Any) -> None:
    assert "Once there is a model" in person.page.inner_text("#curves")
    annotated.finish_query()
    assert annotated.wait(60)
    view = annotated.overview().slices[0]
    proposal = annotated.proposal(view.id)
    assert proposal is not None
    annotated.save(
        view.id, proposal.mask, annotator="B", base_version=0, key="second-query", seconds=600
    )
    curve = person.page.get_by_role("img", name="Agreement of proposals")
    curve.wait_for()
    assert "query 2: 1.00" in curve.get_attribute("aria-label")
    assert "10 min" in person.page.inner_text("#curves")


def test_a_person_may_change_the_name(somebody: Callable[..., Any], desk: Desk) -> None:
    person = somebody("Dr. Ada")
    person.page.get_by_role("button", name="Dr. Ada").click()
    person.page.get_by_label("Your name").fill("  Dr.   Bo ")
    person.press("Enter")
    person.page.locator("#name-button", has_text="Dr. Bo").wait_for()
    person.page.locator("#surface").focus()
    person.drag(LINE)
    person.save()
    assert person.view.annotator == "Dr. Bo"
