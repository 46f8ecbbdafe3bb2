"""The page's modules that need no page: what they compute is what numpy and scipy compute."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from scipy import ndimage

from nextslice.annotators import Desk
from nextslice.web.serving import PageServer


@pytest.fixture
def modules(browser: Browser, lasting_server: tuple[Desk, PageServer]) -> Iterator[Page]:
    """A tab from which the modules can be imported; the page itself does not run."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{lasting_server[1].address}/static/page.css")
    yield page
    context.close()


def _run(page: Page, module: str, body: str, arguments: Any) -> Any:
    code = f"async (given) => {{ const m = await import('/static/{module}'); {body} }}"
    return page.evaluate(code, arguments)


def test_a_polygon_fills_the_pixels_whose_middle_is_inside(modules: Page) -> None:
    rng = np.random.default_rng(0)
    height, width = 23, 31
    polygons = [
        rng.uniform(-6, 38, (count, 2)).round(2).tolist() for count in (3, 4, 5, 7, 12) * 8
    ]
    found = _run(
        modules,
        "raster.js",
        """return given.polygons.map((corners) => {
          const mask = new Uint8Array(given.width * given.height);
          const points = corners.map(([x, y]) => ({ x, y }));
          m.paintPolygon({ mask, width: given.width, height: given.height }, points, 3);
          return [...mask];
        });""",
        {"polygons": polygons, "width": width, "height": height},
    )
    rows, columns = np.mgrid[:height, :width] + 0.5
    for corners, flat in zip(polygons, found, strict=True):
        inside = np.zeros((height, width), bool)
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            crosses = (y1 <= rows) != (y2 <= rows)
            left_of = columns < x1 + (rows - y1) * (x2 - x1) / (y2 - y1)
            inside ^= crosses & left_of
        expected = np.where(inside, 3, 0)
        np.testing.assert_array_equal(np.reshape(flat, (height, width)), expected)


def test_a_fill_takes_the_connected_region_and_no_corner(modules: Page) -> None:
    rng = np.random.default_rng(1)
    masks = rng.integers(0, 2, (40, 19, 27), dtype=np.uint8)
    starts = [(int(x), int(y)) for x, y in rng.integers(0, (27, 19), (40, 2))]
    found = _run(
        modules,
        "raster.js",
        """return given.masks.map((flat, k) => {
          const mask = Uint8Array.from(flat);
          const [x, y] = given.starts[k];
          const at = { x: x + 0.3, y: y + 0.7 };
          const rect = m.floodFill({ mask, width: 27, height: 19 }, at, 2);
          return [[...mask], rect];
        });""",
        {"masks": masks.reshape(40, -1).tolist(), "starts": starts},
    )
    for mask, (x, y), (flat, rect) in zip(masks, starts, found, strict=True):
        regions, _ = ndimage.label(mask == mask[y, x])
        region = regions == regions[y, x]
        np.testing.assert_array_equal(np.reshape(flat, mask.shape), np.where(region, 2, mask))
        rows, columns = np.nonzero(region)
        assert (rect["left"], rect["right"]) == (columns.min(), columns.max() + 1)
        assert (rect["top"], rect["bottom"]) == (rows.min(), rows.max() + 1)


def test_any_change_is_undone_and_redone_exactly_and_kept_in_few_numbers(
    modules: Page,
) -> None:
    rng = np.random.default_rng(2)
    masks = rng.integers(0, 4, (30, 400), dtype=np.uint8)
    masks[5] = masks[4]
    masks[7:9] = [[0] * 400, [255] * 400]
    found = _run(
        modules,
        "history.js",
        """const history = new m.History();
        const steps = given.map((flat) => Uint8Array.from(flat));
        const mask = steps[0].slice();
        const sizes = [];
        for (const next of steps.slice(1)) {
          const runs = m.difference(mask, next);
          sizes.push(runs.length);
          history.push(runs);
          mask.set(next);
        }
        const seen = [[...mask]];
        while (history.undo(mask)) seen.unshift([...mask]);
        const again = [[...mask]];
        while (history.redo(mask)) again.push([...mask]);
        return { seen, again, sizes, more: history.canRedo };""",
        masks.tolist(),
    )
    expected = np.delete(masks, 5, axis=0)  # a step that changes nothing is none
    np.testing.assert_array_equal(found["seen"], expected)
    np.testing.assert_array_equal(found["again"], expected)
    assert found["sizes"][4] == 0
    assert found["sizes"][7] == 3  # a whole slice filled
    assert not found["more"]


def test_zooming_keeps_what_lies_under_the_pointer(modules: Page) -> None:
    rng = np.random.default_rng(3)
    cases = rng.uniform((0, 0, 0.2, 0.5, 0.5), (800, 600, 5, 3, 3), (50, 5)).tolist()
    found = _run(
        modules,
        "viewport.js",
        """return given.map(([x, y, factor, sx, sy]) => {
          const view = new m.Viewport({ x: sx, y: sy }, 64, 48);
          view.fit(800, 600);
          const before = view.toImage({ x, y });
          view.zoom({ x, y }, factor, 800, 600);
          const after = view.toScreen(before);
          return [after.x - x, after.y - y, view.pixel.x / view.pixel.y - sx / sy];
        });""",
        cases,
    )
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_a_slice_stored_in_any_way_is_turned_as_radiologists_look_at_it_and_back(
    modules: Page,
) -> None:
    axes = ("RL", "AP", "SI")
    ways = [(r, c) for one, two in permutations(axes, 2) for r in one for c in two]
    found = _run(
        modules,
        "orientation.js",
        """return given.map((towards) => {
          const way = new m.Orientation(towards);
          const mask = Uint8Array.from({ length: 12 }, (_, k) => k);
          const { height, width, mask: seen } = way.upright({ height: 3, width: 4, mask });
          const back = way.stored(seen, { height, width });
          const { x, y } = way.spacing([7, 9]);
          const shape = [height, width];
          return { shape, seen: [...seen], back: [...back], x, y, ...way.sides };
        });""",
        ways,
    )
    for towards, told in zip(ways, found, strict=True):
        assert told["left"] + told["right"] in ("RL", "AP")
        assert told["top"] + told["bottom"] in ("AP", "SI")
        assert told["back"] == list(range(12))
        rows, columns = np.unravel_index(np.reshape(told["seen"], told["shape"]), (3, 4))
        millimetres = dict(zip(towards, (7 * rows, 9 * columns), strict=True))
        for along, end, start, step in ((1, "right", "left", "x"), (0, "bottom", "top", "y")):
            if told[end] in millimetres:
                grows = np.diff(millimetres[told[end]], axis=along)
            else:
                grows = -np.diff(millimetres[told[start]], axis=along)
            assert np.all(grows == told[step])
