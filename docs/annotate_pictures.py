"""The pictures of docs/annotate.md: the real page, on synthetic patients, in a real browser.

Run it after the page has changed: ``make pictures``; a few minutes. It needs Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Locator, Page, sync_playwright

import nextslice as ns
from nextslice.annotators import Desk
from nextslice.annotators.views import SliceView
from nextslice.data.native import NativeSlices
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.live import LiveProject
from nextslice.web.routes import Title
from nextslice.web.serving import PageServer, Place

IMAGES = Path(__file__).parent / "images"
ADA, BO = "Dr. Ada Example", "Dr. Bo Sample"
COLOURS = 256  # of a picture's palette, which keeps its file small
SETTINGS = (
    "network.channels=[12, 24, 48]",
    "network.dropout=0.1",
    "training.steps=400",
    "training.steps_per_epoch=40",
    "uncertainty.samples=4",
    "initial=8",
    "budget=8",
    "device=cpu",
)


class Expert:
    """Draws the labels of the phantom.

    Args:
        folder: The phantom with its labels.
    """

    def __init__(self, folder: Path) -> None:
        self._pool = ns.SlicePool.from_folder(folder)

    def answer(self, desk: Desk, views: tuple[SliceView, ...], name: str) -> None:
        """Save masks for some slices of the open query."""
        for view in views:
            native = NativeSlices(self._pool.preparation, self._pool.geometry(view.case))
            label = native.cut(self._pool.native_label(view.case), view.index)
            desk.save(
                view.id,
                np.ascontiguousarray(label),
                annotator=name,
                base_version=view.version,
                key=f"{view.id}-{view.version}",
                seconds=55,
            )


class Camera:
    """Takes pictures of a page, each as small as its content allows."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def take(self, name: str, part: Locator | None = None, margin: int = 0) -> None:
        """The page, or a part of it with a margin, as ``annotate-NAME.png``."""
        self.page.wait_for_timeout(400)
        content = self.page.screenshot(clip=_around(part, margin) if part else None)
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        path = IMAGES / f"annotate-{name}.png"
        picture.quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", file=sys.stderr)  # noqa: T201

    def dialog(self, name: str) -> None:
        """The dialog that is open."""
        self.take(name, self.page.locator("dialog[open]"))


def _around(part: Locator, margin: int) -> FloatRect:
    box = part.bounding_box()
    if box is None:
        raise RuntimeError("the page does not show that part")
    return {
        "x": box["x"] - margin,
        "y": box["y"] - margin,
        "width": box["width"] + 2 * margin,
        "height": box["height"] + 2 * margin,
    }


def open_page(browser: Browser, link: str, name: str = "", width: int = 1080) -> Page:
    """The page in a browser of its own; with a name, ready to annotate."""
    context = browser.new_context(
        viewport={"width": width, "height": 720}, device_scale_factor=1.5
    )
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Your name").wait_for()
    if name:
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Start annotating").click()
        page.locator("#mask-state:not(:empty)").wait_for()
    return page


def draw(page: Page, *shares: tuple[float, float]) -> None:
    """Drag over the slice; places in shares of it."""
    box = page.locator("#surface").bounding_box()
    if box is None:
        raise RuntimeError("the page shows no slice")
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def first_query(browser: Browser, link: str) -> Page:
    """The name, the first strokes, the sheet of keys, a reason to skip."""
    page = open_page(browser, link)
    camera = Camera(page)
    page.get_by_label("Your name").fill(ADA)
    camera.dialog("name")
    page.get_by_role("button", name="Start annotating").click()
    page.locator("#mask-state:not(:empty)").wait_for()
    draw(page, (0.36, 0.40), (0.31, 0.50), (0.33, 0.60), (0.40, 0.66))
    camera.take("first-query")
    page.keyboard.press("?")
    camera.dialog("keys")
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    camera.dialog("skip")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    return page


def next_query(page: Page) -> None:
    """A proposal, the heat map and a neighbour."""
    camera, surface = Camera(page), page.locator("#surface")
    page.locator("#strip-list button").nth(3).click()
    page.locator("#slice-place", has_text="4 of 8").wait_for()
    page.mouse.move(600, 300)
    camera.take("proposal")
    page.keyboard.press("h")
    camera.take("heat", surface)
    page.keyboard.press("h")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    camera.take("context", surface)
    page.keyboard.press("Home")


def conflict(browser: Browser, link: str, ada: Page) -> None:
    """Two people on one slice."""
    bo = open_page(browser, link, BO)
    bo.locator("#strip-list button", has_text="Dr. Ada").click()
    bo.locator("#lease", has_text="Dr. Ada").wait_for()
    draw(bo, (0.35, 0.45), (0.4, 0.6))
    ada.keyboard.press("s")
    ada.locator("#message", has_text="Saved at").wait_for()
    bo.keyboard.press("s")
    Camera(bo).dialog("conflict")
    bo.get_by_role("button", name="The version of").click()
    bo.context.close()


def walk(desk: Desk, expert: Expert, link: str, browser: Browser) -> None:
    """Through a project, as an annotation lead would."""
    ada = first_query(browser, link)
    for _ in range(3):
        expert.answer(desk, desk.overview().slices, ADA)
        desk.finish_query()
        desk.wait()
    expert.answer(desk, desk.overview().slices[:3], BO)
    ada.reload()
    ada.locator("#mask-state:not(:empty)").wait_for()
    next_query(ada)
    conflict(browser, link, ada)
    expert.answer(desk, desk.overview().slices[4:7], ADA)
    ada.get_by_role("button", name="Finish query and train").click()
    Camera(ada).dialog("finish")
    ada.get_by_role("button", name="Finish and train").click()
    ada.locator("#training-left", has_text="epoch 6").wait_for(timeout=120_000)
    Camera(ada).take("training", ada.locator("#query-end"), margin=8)
    ada.locator("#curves").scroll_into_view_if_needed()
    Camera(ada).take("curves", ada.locator("#curves"), margin=8)


@contextmanager
def serving(desk: Desk) -> Iterator[str]:
    """The link of a server that runs meanwhile."""
    server = PageServer(desk, Place(port=0), Title("kidneys", "pictures"))
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server.link
    finally:
        server.stop()
        thread.join()


def main() -> None:
    """All pictures, into docs/images."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        phantom = write_phantom(
            folder / "phantom", Phantom(patients=8, size=(80, 80), spacing=(1.2, 1.2, 4.0))
        )
        scans = shutil.copytree(phantom / "imagesTr", folder / "scans")
        live = LiveProject.create(
            folder / "kidneys", images=scans, labels="cortex,medulla", assignments=SETTINGS
        )
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        with Desk(live) as desk, serving(desk) as link:
            walk(desk, Expert(phantom), link, browser)
        browser.close()
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
