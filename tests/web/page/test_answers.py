"""What a person saves is saved; what is not is never lost, and nobody is overrun."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Route

from nextslice.annotators import Desk
from nextslice.live import LiveProject
from nextslice.web.serving import PageServer

LINE = [(10.5, 12.5), (25.5, 20.5)]
OTHER = [(8.5, 30.5), (30.5, 30.5)]


def test_enter_saves_and_goes_on_to_the_next_open_slice(person: Any, desk: Desk) -> None:
    slices = desk.overview().slices
    for k, view in enumerate(slices):
        assert person.view.id == view.id
        person.drag(LINE)
        person.press("Enter")
        if k + 1 < len(slices):
            person.is_at(f"{k + 2} of {len(slices)}")
    person.says("Every slice of this query has its answer")
    assert {view.state for view in desk.overview().slices} == {"labelled"}
    assert {view.annotator for view in desk.overview().slices} == {"Dr. Ada"}
    assert 0 < desk.overview().history[-1].seconds < 60


def test_enter_held_down_answers_no_slice_that_nobody_has_looked_at(
    person: Any, desk: Desk
) -> None:
    keyboard = person.page.keyboard
    keyboard.down("Enter")
    person.is_at("2 of")
    for _ in range(5):  # pressed already: the browser says that the key repeats
        keyboard.down("Enter")
    keyboard.up("Enter")
    person.press("h")  # a key pressed later is heard later
    person.says("No heat map")
    assert sum(view.state == "labelled" for view in desk.overview().slices) == 1


def test_saved_is_said_after_the_servers_word_alone(person: Any) -> None:
    replies: list[Any] = []

    def hold(route: Route) -> None:
        replies.append(route)

    person.page.route("**/annotation", hold, times=1)
    person.drag(LINE)
    person.press("s")
    person.says("Saving")
    person.page.wait_for_timeout(500)
    assert "Saved" not in person.page.inner_text("#message")
    assert person.page.inner_text("#mask-state") == "changed, not saved"
    replies[0].continue_()
    person.says("Saved at")
    person.page.locator("#mask-state", has_text="saved by Dr. Ada").wait_for()


def test_a_reload_in_the_middle_of_the_work_brings_the_draft_back(
    person: Any, painted: Callable[..., None]
) -> None:
    mask = person.blank()
    person.drag(LINE)
    painted(mask, LINE, 5, person.view.spacing, 1)
    person.page.locator("#strip", has_text="not saved").wait_for()
    person.page.wait_for_timeout(500)
    person.reload()
    person.says("Draft restored")
    assert person.page.inner_text("#mask-state") == "changed, not saved"
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)
    person.reload()
    assert "Draft" not in person.page.inner_text("#message")


def test_a_draft_is_discarded_on_request_and_even_that_is_undone(person: Any) -> None:
    person.drag(LINE)
    person.page.wait_for_timeout(500)
    person.reload()
    person.page.get_by_role("button", name="Discard draft").click()
    person.says("Draft discarded")
    assert person.page.inner_text("#mask-state") == "empty, not saved"
    person.press("Control+z")
    person.save()
    assert person.saved().any()


def test_drafts_of_several_slices_wait_for_their_turn(person: Any, desk: Desk) -> None:
    person.drag(LINE)
    person.press("ArrowRight")
    person.is_at("2 of 4")
    person.drag(OTHER)
    person.press("ArrowLeft")
    person.says("Draft restored")
    assert person.page.locator("#strip .draft").count() == 2
    assert {view.version for view in desk.overview().slices} == {0}


def test_a_lost_reply_is_sent_again_and_counts_once(person: Any, desk: Desk) -> None:
    attempts: list[str] = []

    def lose(route: Route) -> None:
        attempts.append(route.request.headers["x-key"])
        if len(attempts) == 1:
            route.fetch()  # the server has it, the page never hears
            route.abort()
        else:
            route.continue_()

    person.page.route("**/annotation", lose, times=2)
    person.drag(LINE)
    person.press("s")
    person.says("Not saved")
    person.says("Saved at")
    assert len(set(attempts)) == 1 < len(attempts)
    assert person.view.version == 1


def test_what_is_drawn_while_a_save_hangs_is_saved_after_it(
    person: Any, painted: Callable[..., None]
) -> None:
    person.page.route("**/annotation", lambda route: route.abort(), times=1)
    person.drag(LINE)
    person.press("s")
    person.says("Your work is kept in this browser")
    person.drag(OTHER)
    person.press("s")
    person.says("version 2")
    mask = person.blank()
    painted(mask, LINE, 5, person.view.spacing, 1)
    painted(mask, OTHER, 5, person.view.spacing, 1)
    np.testing.assert_array_equal(person.saved(), mask)


def test_a_slice_is_skipped_with_a_reason_and_taken_back(person: Any, desk: Desk) -> None:
    view = person.view
    person.drag(LINE)
    person.press("x")
    person.page.get_by_label("The reason in your own words").fill("metal in the hip")
    person.page.get_by_role("button", name="Skip", exact=True).click()
    person.is_at("2 of 4")
    assert person.page.locator("#strip .draft").count() == 0
    [answer] = desk._project.versions(desk._rows[view.id])
    assert (answer.kind.value, answer.reason) == ("skip", "metal in the hip")
    person.press("ArrowLeft")
    person.page.locator("#mask-state", has_text="skipped").wait_for()
    person.page.get_by_role("button", name="Take back").click()
    person.says("Taken back")
    person.drag(LINE)
    person.save()
    assert person.view.state == "labelled"
    person.page.get_by_role("button", name="Take back").click()
    person.says("Taken back")
    assert person.view.state == "queried"


def test_a_slice_just_skipped_is_found_as_it_is_however_late_the_server_tells(
    person: Any,
) -> None:
    person.page.evaluate(
        """() => {
          const real = window.fetch;
          window.fetch = async (...request) => {
            const late = String(request[0]).includes("overview");
            if (late) await new Promise((done) => setTimeout(done, 800));
            return real(...request);
          };
        }"""
    )
    person.press("x")
    person.page.get_by_label("The reason in your own words").fill("metal in the hip")
    person.page.get_by_role("button", name="Skip", exact=True).click()
    person.is_at("2 of 4")
    person.press("ArrowLeft")
    person.page.locator("#mask-state", has_text="skipped").wait_for()
    person.page.wait_for_timeout(1500)
    assert "Dr. Ada has answered" not in person.page.inner_text("#message")  # she knows
    person.page.get_by_role("button", name="Take back").click()
    person.says("Taken back")


def _go_to_the_same(bo: Any) -> None:
    bo.page.locator("#strip-list button", has_text="Dr. Ada").click()
    bo.page.locator("#lease", has_text="Dr. Ada is on this slice").wait_for()


@pytest.mark.parametrize("choice", ["mine", "theirs", "later"])
def test_two_people_on_one_slice_choose_which_version_counts(
    somebody: Callable[..., Any], painted: Callable[..., None], desk: Desk, choice: str
) -> None:
    ada, bo = somebody("Dr. Ada"), somebody("Dr. Bo")
    assert bo.view.id != ada.view.id  # nobody is led to a slice that somebody is on
    _go_to_the_same(bo)
    ada.drag(LINE)
    bo.drag(OTHER)
    ada.save()
    masks = {"mine": bo.blank(), "theirs": ada.blank()}
    painted(masks["theirs"], LINE, 5, ada.view.spacing, 1)
    painted(masks["mine"], OTHER, 5, bo.view.spacing, 1)
    masks["later"] = masks["theirs"]
    bo.press("s")
    dialog = bo.page.get_by_role("dialog")
    dialog.get_by_role("heading", name="Dr. Ada has saved this slice meanwhile").wait_for()
    assert dialog.locator("canvas").count() == 2
    name = {
        "mine": "Mine counts",
        "theirs": "The version of Dr. Ada counts",
        "later": "Decide later",
    }
    dialog.get_by_role("button", name=name[choice]).click()
    said = {"mine": "Saved at", "theirs": "Dr. Ada counts", "later": "Not decided"}
    bo.says(said[choice])
    bo.page.wait_for_timeout(1500)  # the next word of the server must not talk over it
    bo.says(said[choice])
    state = {
        "mine": "saved by Dr. Bo",
        "theirs": "saved by Dr. Ada",
        "later": "changed, not saved",
    }
    assert bo.page.inner_text("#mask-state").startswith(state[choice])
    assert bo.page.locator("#strip .draft").count() == (choice == "later")
    np.testing.assert_array_equal(bo.saved(), masks[choice])
    kept = [desk.annotation(bo.view.id, version) for version in (1, 2)]
    assert [bool(each and each.mask.any()) for each in kept] == [True, True]


def test_a_version_of_somebody_else_appears_where_nothing_was_drawn(
    somebody: Callable[..., Any],
) -> None:
    ada, bo = somebody("Dr. Ada"), somebody("Dr. Bo")
    _go_to_the_same(bo)
    ada.drag(LINE)
    ada.save()
    bo.says("Dr. Ada has answered this slice")
    assert bo.page.inner_text("#mask-state") == "saved by Dr. Ada"


def test_after_a_kill_of_the_browser_the_draft_is_there(
    browser: Browser, chromium: str, server: PageServer, desk: Desk, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"

    def start() -> BrowserContext:
        return browser.browser_type.launch_persistent_context(
            profile, executable_path=chromium, args=["--no-sandbox"]
        )

    page = start().pages[0]
    page.goto(server.link)
    page.get_by_label("Your name").fill("Dr. Ada")
    page.keyboard.press("Enter")
    page.locator("#mask-state:not(:empty)").wait_for()
    page.locator("#surface").click()
    page.wait_for_timeout(600)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(profile).encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
    (profile / "SingletonLock").unlink(missing_ok=True)
    again = start()
    page = again.pages[0]
    page.goto(server.link)
    # The browser may not have written down yet who this was.
    page.locator("#message, #name-field").filter(visible=True).first.wait_for()
    if page.get_by_label("Your name").is_visible():
        page.get_by_label("Your name").fill("Dr. Ada")
        page.keyboard.press("Enter")
    page.locator("#message", has_text="Draft restored").wait_for()
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#message", has_text="Saved at").wait_for()
    saved = desk.annotation(desk.overview().slices[0].id)
    assert saved is not None
    assert saved.mask.any()
    again.close()


@pytest.fixture
def serve(live: LiveProject) -> Iterator[Callable[[int], tuple[Any, str]]]:
    """Start ``nextslice serve`` as a process of its own; gives back its link."""
    live.close()
    running: list[subprocess.Popen[str]] = []

    def serve(port: int) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "nextslice", "serve", str(live.folder)]
        process = subprocess.Popen(
            [*command, "--port", str(port), "--no-browser"], stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield serve
    for process in running:
        process.kill()
        process.communicate()


def test_after_a_kill_of_the_server_the_work_goes_on_with_the_new_link(
    serve: Callable[[int], tuple[Any, str]], browser: Browser
) -> None:
    process, link = serve(0)
    port = int(re.search(r":(\d+)/", link)[1])  # type: ignore[index]
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Your name").fill("Dr. Ada")
    page.keyboard.press("Enter")
    page.locator("#mask-state:not(:empty)").wait_for()
    box = page.locator("#surface").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x, y)
    process.send_signal(signal.SIGKILL)
    process.wait()
    page.keyboard.press("s")
    page.locator("#message", has_text="Not saved: The server does not answer.").wait_for()
    page.mouse.click(x + 60, y)  # drawing goes on
    page.wait_for_timeout(500)
    _, link = serve(port)
    page.get_by_label("Paste the link here").wait_for()
    page.get_by_label("Paste the link here").fill(link)
    page.keyboard.press("Enter")
    page.locator("#message", has_text="Saved at").wait_for()
    assert page.inner_text("#mask-state") == "changed, not saved"  # the second stroke
    page.locator("#surface").focus()
    page.keyboard.press("s")
    page.locator("#message", has_text="version 2").wait_for()
    context.close()


_STORED = "`nextslice.session.${location.port}`"


def test_a_page_with_the_secret_of_another_session_asks_for_the_link_and_goes_on(
    person: Any, server: PageServer
) -> None:
    """Its cookie and its secret do not belong together: that is answered 403, not 401."""
    person.page.evaluate(f"localStorage.setItem({_STORED}, 'of another session')")
    person.drag(LINE)
    person.press("s")
    person.page.get_by_label("Paste the link here").fill(server.link)
    person.page.get_by_role("button", name="Open", exact=True).click()
    person.says("Saved at")


def test_what_one_tab_was_told_is_for_the_other_too(person: Any, server: PageServer) -> None:
    other = person.page.context.new_page()
    other.goto(server.link)  # a session of its own, whose cookie both tabs have from now on
    other.wait_for_selector("body[data-ready]")
    person.drag(LINE)
    person.save()
    assert person.page.get_by_label("Paste the link here").count() == 0
    # Both have lost it; the link is given in one.
    person.page.evaluate(f"localStorage.setItem({_STORED}, 'of another session')")
    person.drag([(10.5, 20.5), (25.5, 12.5)])
    person.press("s")
    person.page.get_by_label("Paste the link here").wait_for()
    other.goto("about:blank")
    other.goto(server.link)
    other.wait_for_selector("body[data-ready]")
    person.page.get_by_label("Paste the link here").wait_for(state="hidden")
    person.says("version 2")
