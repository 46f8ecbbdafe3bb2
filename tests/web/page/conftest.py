"""A person at the annotation page: a real browser, and where pixels stand on its screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from nextslice.annotators import Desk
from nextslice.web.serving import PageServer

Point = tuple[float, float]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# Where the middle of an image pixel stands, by the page's own module.
_TO_SCREEN = """async ([shape, spacing, points]) => {
  const { Viewport } = await import("/static/viewport.js");
  const box = document.querySelector("#surface").getBoundingClientRect();
  const view = new Viewport({ x: spacing[1], y: spacing[0] }, shape[1], shape[0]);
  view.fit(box.width, box.height);
  return points.map(([x, y]) => {
    const at = view.toScreen({ x, y });
    return [box.left + at.x, box.top + at.y];
  });
}"""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of this machine; without one the tests that need it are skipped."""
    wanted = [os.environ.get("NEXTSLICE_CHROMIUM"), *map(shutil.which, _BROWSERS)]
    found = next(filter(None, wanted), None)
    if not found:
        pytest.skip("no Chromium on this machine: make browser, or set NEXTSLICE_CHROMIUM")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The sandbox needs rights that a container's root does not have.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Person:
    """Somebody at the page, in a browser of their own."""

    page: Page
    desk: Desk
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        # Requests that fail on purpose are told there too.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def open(self, link: str, name: str = "Dr. Ada") -> Person:
        self.page.goto(link)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Start annotating").click()
        self.ready()
        return self

    def ready(self) -> None:
        self.page.wait_for_selector("body[data-ready]")
        self.page.locator("#mask-state:not(:empty)").wait_for()

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    @property
    def view(self) -> Any:
        """The slice that is open, as the desk has it."""
        place = self.page.locator("#strip-list button").evaluate_all(
            "all => all.findIndex((one) => one.getAttribute('aria-current') === 'true')"
        )
        return self.desk.overview().slices[place]

    def upright(self, mask: np.ndarray) -> np.ndarray:
        """A mask of the slice that is open as it stands on the screen."""
        rows, columns = self.view.towards
        if "RLAPIS".index(rows) // 2 < "RLAPIS".index(columns) // 2:
            mask, rows, columns = mask.T, columns, rows
        return mask[:: 1 if rows in "PI" else -1, :: 1 if columns in "LP" else -1]

    def blank(self) -> np.ndarray:
        return np.zeros_like(self.upright(np.zeros(self.view.shape, np.uint8)))

    def saved(self) -> np.ndarray:
        """The mask that counts for the slice that is open, as it stands on the screen."""
        found = self.desk.annotation(self.view.id)
        assert found is not None
        return self.upright(found.mask)

    def on_screen(self, points: Sequence[Point]) -> list[Point]:
        shape, spacing = self.blank().shape, self.view.spacing
        if shape != self.view.shape:
            spacing = spacing[::-1]
        arguments = [list(shape), list(spacing), [list(p) for p in points]]
        found: list[Point] = self.page.evaluate(_TO_SCREEN, arguments)
        return found

    def drag(self, points: Sequence[Point], button: Any = "left") -> None:
        """Press at the first point (column, row), move along the others, let go."""
        first, *others = self.on_screen(points)
        mouse = self.page.mouse
        mouse.move(*first)
        mouse.down(button=button)
        for x, y in others:
            mouse.move(x, y)
        mouse.up(button=button)

    def click(self, *points: Point) -> None:
        for x, y in self.on_screen(points):
            self.page.mouse.click(x, y)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def says(self, words: str) -> None:
        """Wait until the message line holds these words."""
        self.page.locator("#message", has_text=words).wait_for()

    def is_at(self, words: str) -> None:
        """Wait until a slice is open of which the page says these words."""
        self.page.locator("#slice-place", has_text=words).wait_for()
        self.page.locator("#mask-state:not(:empty)").wait_for()

    def save(self) -> None:
        self.press("s")
        self.says("Saved at")


@pytest.fixture
def somebody(
    browser: Browser, desk: Desk, server: PageServer
) -> Iterator[Callable[..., Person]]:
    """Open the page as somebody, in a browser of their own; nothing may go wrong in it."""
    people: list[Person] = []
    contexts: list[BrowserContext] = []

    def somebody(name: str = "Dr. Ada", **options: Any) -> Person:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        contexts.append(context)
        context.set_default_timeout(30_000)
        person = Person(context.new_page(), desk)
        people.append(person)
        return person.open(server.link, name)

    yield somebody
    for context in contexts:
        context.close()
    assert [problem for person in people for problem in person.problems] == []


@pytest.fixture
def person(somebody: Callable[..., Person]) -> Person:
    return somebody()


@pytest.fixture
def painted() -> Callable[..., None]:
    """Paint like the page's brush does: its definition, pixel by pixel, in numpy."""

    def painted(
        mask: np.ndarray, points: Sequence[Point], size: float, spacing: Point, value: int
    ) -> None:
        down, across = spacing
        rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
        radius = size / 2 * min(spacing)
        ways = list(pairwise(points)) or [(points[0], points[0])]
        for start, end in ways:
            ax, ay = start[0] * across, start[1] * down
            dx, dy = end[0] * across - ax, end[1] * down - ay
            px, py = columns * across - ax, rows * down - ay
            along = np.clip((px * dx + py * dy) / ((dx * dx + dy * dy) or 1), 0, 1)
            near = np.hypot(px - along * dx, py - along * dy) <= radius + 1e-9
            mask[near] = value
            for share in np.linspace(0, 1, 400):  # the finest brush paints where it stands
                x = start[0] + share * (end[0] - start[0])
                y = start[1] + share * (end[1] - start[1])
                mask[int(y), int(x)] = value

    return painted
