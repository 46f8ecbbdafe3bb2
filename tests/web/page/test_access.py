"""The page for everybody: by keyboard, by ear, on small screens, with hostile names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nextslice.annotators import Desk

LINE = [(10.5, 12.5), (25.5, 20.5)]

# For every visible text: its contrast with what lies behind it (WCAG 2.1).
_CONTRASTS = """() => {
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map(
      (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parse = (text) => {
    const n = text.match(/[\\d.]+/g).map(Number);
    return { rgb: n.slice(0, 3), a: n.length > 3 ? n[3] : 1 };
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const { rgb, a } = parse(getComputedStyle(e).backgroundColor);
      if (a > 0.7) return rgb;
    }
    return [0, 0, 0];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
    if (e.closest("noscript, :disabled")) continue;
    const style = getComputedStyle(e);
    const colour = e.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(parse(colour).rgb), light(ground(e))].sort((x, y) => y - x);
    found.push([walk.currentNode.data.trim(), (a + 0.05) / (b + 0.05)]);
  }
  return found;
}"""

_NAMELESS = """() => [...document.querySelectorAll("button, input, canvas, svg, nav, aside")]
  .filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]"))
  .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
  .filter((e) => e.tagName !== "CANVAS" || !e.closest("#surface"))
  .map((e) => e.outerHTML)"""


def test_text_stands_out_from_its_ground(person: Any) -> None:
    person.drag(LINE)
    person.save()
    person.press("ArrowUp" if person.view.index + 1 < person.view.slices else "ArrowDown")
    person.page.locator("#context").wait_for()
    contrasts = person.page.evaluate(_CONTRASTS)
    person.press("?")
    contrasts += person.page.evaluate(_CONTRASTS)
    assert len(contrasts) > 60
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


def test_everything_has_a_name_for_those_who_listen(person: Any) -> None:
    person.drag(LINE)
    person.save()
    assert person.page.evaluate(_NAMELESS) == []
    for key, title in (("?", "Keys"), ("x", "Skip this slice")):
        person.press(key)
        person.page.get_by_role("dialog", name=title).wait_for()
        assert person.page.evaluate(_NAMELESS) == []
        person.press("Escape")
    assert person.page.locator("#message").get_attribute("aria-live") == "polite"


def test_every_control_is_reached_and_seen_by_tab(person: Any) -> None:
    reached = set()
    person.page.locator("#name-button").focus()
    for _ in range(60):
        person.press("Tab")
        name, outline = person.page.evaluate(
            """() => {
              const e = document.activeElement;
              const name = e.id || e.getAttribute("aria-label") || e.textContent.trim();
              return [e.labels?.[0]?.textContent || name, getComputedStyle(e).outlineStyle];
            }"""
        )
        if person.page.evaluate("document.activeElement === document.body"):
            continue  # on the way round
        assert outline != "none", name
        reached.add(re.sub(r"[^a-z ]", "", name.lower()))
    told = " ".join(reached)
    for name in ("helpbutton", "to do", "finish", "surface", "skip", "save and next", "cortex",
                 "brush", "copy", "labels opacity", "window level", "window width",
                 "uncertainty", "smooth", "draw with arrow keys", "reset zoom"):  # fmt: skip
        assert name in told, name


def test_arrow_keys_choose_within_labels_and_tools(person: Any) -> None:
    tools = person.page.get_by_role("radiogroup", name="Tool")
    tools.get_by_role("radio", name="Brush").focus()
    person.press("ArrowDown", "ArrowDown")
    polygon = tools.get_by_role("radio", name="Polygon")
    assert polygon.get_attribute("aria-checked") == "true"
    person.page.get_by_role("radiogroup", name="Label").get_by_role("radio").first.focus()
    person.press("ArrowDown")
    medulla = person.page.get_by_role("radio", name="medulla")
    assert medulla.get_attribute("aria-checked") == "true"


def test_window_level_has_a_drag_and_sliders(person: Any) -> None:
    level = person.page.get_by_label("Window level")
    before = level.input_value()
    person.drag([(10.5, 20.5), (20.5, 24.5)], button="right")
    dragged = level.input_value()
    assert dragged != before
    level.focus()
    person.press("ArrowRight")
    assert level.input_value() == str(int(dragged) + 1)
    person.page.locator("#surface").focus()
    person.press("r")
    assert level.input_value() == before


def test_the_page_fits_screens_from_a_tablet_up(person: Any) -> None:
    person.drag(LINE)
    person.save()
    for width, height in ((1024, 700), (1920, 1080), (768, 1024), (1180, 820)):
        person.page.set_viewport_size({"width": width, "height": height})
        scrolls = person.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert scrolls == [width, height]
        for name in ("Save and next", "Skip", "Take back", "Finish query and train"):
            box = person.page.get_by_role("button", name=name).bounding_box()
            assert box is not None
            assert min(box["x"], box["y"]) >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
        surface = person.page.locator("#surface").bounding_box()
        assert surface is not None
        assert surface["width"] > width * 0.45


def test_a_slice_stays_where_it_is_whatever_the_page_says(person: Any) -> None:
    for width, height in ((820, 1180), (1050, 700), (1280, 800)):
        person.page.set_viewport_size({"width": width, "height": height})
        places = []
        for words in ("Saved.", "This is a long story. " * 30):
            person.page.evaluate(
                "words => import('/static/announce.js').then((m) => m.announce(words, 'bad'))",
                words,
            )
            person.says(words.strip())
            places.append(person.page.locator("#surface").bounding_box())
        assert places[0] == places[1]
        foot = person.page.locator(".stage-foot").bounding_box()
        message = person.page.locator("#message").bounding_box()
        assert message["y"] >= foot["y"]
        assert message["y"] + message["height"] <= foot["y"] + foot["height"]


def test_neighbours_have_buttons_for_those_without_a_wheel(person: Any) -> None:
    group = person.page.get_by_role("group", name="Neighbouring slices")
    step = 1 if person.view.index + 1 < person.view.slices else -1
    group.get_by_role("button", name={1: "+1", -1: "\N{MINUS SIGN}1"}[step]).click()
    person.page.locator("#context", has_text="read-only").wait_for()
    group.get_by_role("button", name="back").click()
    person.page.locator("#context").wait_for(state="hidden")


def test_idle_time_and_hidden_pages_do_not_count(person: Any) -> None:
    told = person.page.evaluate(
        """async () => {
          const { Timer } = await import("/static/timer.js");
          let now = 100;
          const timer = new Timer(() => now);
          const wait = (seconds, act = true) => { now += seconds; if (act) timer.act(); };
          wait(10); wait(60);            // 70
          wait(61);                      // idle: nothing
          wait(5); timer.show(false);    // 75
          wait(30); timer.show(true);    // hidden: nothing
          wait(2);                       // 77
          return timer.read();
        }"""
    )
    assert told == 77


def test_names_are_shown_as_they_are_and_do_nothing(
    somebody: Callable[..., Any], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case, a label and a person whose names are scripts: of the page they become letters."""
    hostile = "<img src=x onerror=alert(1)>"
    told = desk.overview
    monkeypatch.setattr(Desk, "classes", (hostile, "'\";</script>"))

    def overview(_: Desk) -> Any:
        seen = told()
        slices = (replace(seen.slices[0], case=hostile, annotator=hostile), *seen.slices[1:])
        return replace(seen, slices=slices)

    monkeypatch.setattr(Desk, "overview", overview)
    person = somebody(hostile)
    person.page.on("dialog", lambda dialog: person.problems.append(dialog.message))
    shown = person.page.inner_text("body")
    assert shown.count(hostile) >= 4  # in the strip, above the slice, as a label, as the name
    assert person.page.locator("img, body script").count() == 0
