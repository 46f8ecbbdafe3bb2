"""What is drawn on the screen is what is saved, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from nextslice.annotators import Desk

Paint = Callable[..., None]


def test_what_is_painted_erased_and_undone_is_saved_pixel_by_pixel(
    person: Any, painted: Paint
) -> None:
    view, mask = person.view, person.blank()
    stroke = [(10.5, 12.5), (25.5, 20.5), (30.5, 20.5)]
    person.drag(stroke)
    painted(mask, stroke, 5, view.spacing, 1)
    person.press("2", "]", "]")
    person.drag(second := [(12.5, 30.5), (20.5, 34.5)])
    painted(mask, second, 7, view.spacing, 2)
    person.press("e", "[", "[", "[", "[")
    person.drag(gone := [(18.5, 16.5), (18.5, 36.5)])
    painted(mask, gone, 3, view.spacing, 0)
    person.press("b", "1")
    person.drag([(3.5, 3.5), (36.5, 44.5)])
    person.press("Control+z")
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_undo_goes_back_to_the_beginning_and_redo_to_the_end(
    person: Any, painted: Paint
) -> None:
    view, masks = person.view, [person.blank()]
    for step in range(12):
        line = [(4.5 + 2 * step, 6.5), (4.5 + 2 * step, 40.5)]
        person.press(str(step % 2 + 1))
        person.drag(line)
        masks.append(masks[-1].copy())
        painted(masks[-1], line, 5, view.spacing, step % 2 + 1)
    for _ in range(12):
        person.press("Control+z")
    undo = person.page.get_by_role("button", name="Undo")
    assert undo.is_disabled()
    for _ in range(7):
        person.press("Control+Shift+z")
    person.save()
    np.testing.assert_array_equal(person.saved(), masks[7])
    for _ in range(5):
        person.press("Control+y")
    person.save()
    np.testing.assert_array_equal(person.saved(), masks[12])
    for _ in range(12):
        person.press("Control+z")
    person.save()
    np.testing.assert_array_equal(person.saved(), masks[0])


def test_a_polygon_and_a_lasso_fill_the_pixels_whose_middle_is_inside(person: Any) -> None:
    mask = person.blank()
    person.press("p")
    person.click((5, 5), (20, 5), (20, 15))
    person.press("Backspace")
    person.click((20, 14), (5, 14))
    person.press("Enter")
    mask[5:14, 5:20] = 1
    person.press("2", "l")
    person.drag([(10, 20), (30, 20), (30, 32), (10, 32), (10, 20)])
    mask[20:32, 10:30] = 2
    person.press("p")  # half a polygon is given up by Escape
    person.click((1, 1), (30, 1), (30, 40))
    person.press("Escape")
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_a_click_on_its_first_corner_closes_a_polygon(person: Any) -> None:
    mask = person.blank()
    person.press("p")
    person.click((5, 5), (20, 5), (20, 14), (5, 14), (5, 5))
    mask[5:14, 5:20] = 1
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_a_region_is_filled_up_to_its_border(person: Any) -> None:
    mask = person.blank()
    person.press("p")
    person.click((5, 5), (25, 5), (25, 25), (5, 25), (5, 5))
    person.press("0")
    person.click((8, 8), (22, 8), (22, 22), (8, 22), (8, 8))
    person.press("2", "f")
    person.click((15.5, 15.5))
    mask[5:25, 5:25] = 1
    mask[8:22, 8:22] = 2
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_other_labels_are_left_alone_where_that_is_asked_for(
    person: Any, painted: Paint
) -> None:
    mask = person.blank()
    person.press("p")
    person.click((5, 5), (25, 5), (25, 25), (5, 25), (5, 5))
    mask[5:25, 5:25] = 1
    person.page.get_by_label("Paint on background alone").check()
    person.press("2", "b")
    person.drag(line := [(3.5, 15.5), (35.5, 15.5)])
    over = person.blank()
    painted(over, line, 5, person.view.spacing, 1)
    mask[(over == 1) & (mask == 0)] = 2
    person.press("e")  # and the eraser takes the chosen label alone
    person.drag(line := [(24.5, 5.5), (24.5, 30.5)])
    over = person.blank()
    painted(over, line, 5, person.view.spacing, 1)
    mask[(over == 1) & (mask == 2)] = 0
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_the_mask_of_the_nearest_annotated_slice_is_copied(person: Any, desk: Desk) -> None:
    views = desk.overview().slices  # four of three cases
    one, other = next(
        (a, b) for a, b in combinations(views, 2) if a.case == b.case and a.index != b.index
    )
    mask = np.zeros(one.shape, np.uint8)
    mask[7:19, 6:18] = 2
    desk.save(one.id, mask, annotator="Dr. Bo", base_version=0, key="from-before")
    person.page.locator("#strip-list button").nth(views.index(other)).click()
    person.is_at(f"slice {other.index} ")
    person.press("c")
    person.says(f"Copied from slice {one.index}")
    person.save()
    np.testing.assert_array_equal(person.saved(), person.upright(mask))


def test_neighbours_are_shown_for_context_and_cannot_be_drawn_on(person: Any) -> None:
    context = person.page.locator("#context")
    person.page.mouse.move(*person.on_screen([(20, 20)])[0])
    up = -1 if person.view.index + 1 < person.view.slices else 1
    person.page.mouse.wheel(0, 100 * up)
    context.wait_for()
    assert "Context, slice" in context.inner_text()
    assert "read-only" in context.inner_text()
    person.drag([(10, 10), (30, 30)])
    person.says("read-only")
    person.press("Home")
    context.wait_for(state="hidden")
    assert person.page.get_by_role("button", name="Undo").is_disabled()
    person.press("ArrowUp" if up < 0 else "ArrowDown")
    context.wait_for()
    person.press("Escape")
    context.wait_for(state="hidden")


def test_beyond_the_end_of_the_volume_there_is_no_context(person: Any) -> None:
    for _ in range(person.view.slices - person.view.index + 1):
        person.press("ArrowUp")
        person.page.wait_for_timeout(100)
    person.says("The volume ends here.")


def test_drawing_goes_where_the_pointer_is_however_the_view_is_moved(
    person: Any, painted: Paint
) -> None:
    """Zoomed at a pixel, that pixel stays; moved by 30 points, so does the drawing."""
    x, y = person.on_screen([(20.5, 24.5)])[0]
    mouse = person.page.mouse
    mouse.move(x, y)
    person.press("+", "+", "+")
    person.page.keyboard.down("Space")
    mouse.down()
    mouse.move(x + 30, y - 20)
    mouse.up()
    person.page.keyboard.up("Space")
    mouse.move(x + 30, y - 20)
    mouse.down()
    mouse.up()
    mask = person.blank()
    painted(mask, [(20.5, 24.5)], 5, person.view.spacing, 1)
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_everything_is_drawn_by_keys_alone(person: Any, painted: Paint) -> None:
    height, width = person.view.shape
    mask = person.blank()
    column, row = width // 2 + 0.5, height // 2 + 0.5
    person.press("2", "k", "ArrowLeft", "Shift+ArrowUp", " ")
    person.says("Pen down")
    person.press("ArrowRight", "ArrowRight", "ArrowDown", " ")
    person.says("Pen up")
    way = [
        (column - 1, row - 5),
        (column, row - 5),
        (column + 1, row - 5),
        (column + 1, row - 4),
    ]
    painted(mask, way, 5, person.view.spacing, 2)
    person.press("p", " ", *["ArrowRight"] * 4, " ", *["ArrowDown"] * 4, " ", "Enter")
    person.press("Control+z", "Escape")
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_a_finger_draws_and_two_fingers_move_and_zoom(
    somebody: Callable[..., Any], painted: Paint
) -> None:
    person = somebody(has_touch=True, viewport={"width": 1024, "height": 768})
    touch = person.page.context.new_cdp_session(person.page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    way = person.on_screen(line := [(8.5, 10.5), (20.5, 18.5)])
    send("touchStart", way[0])
    send("touchMove", way[1])
    send("touchEnd")
    a, b = person.on_screen([(15.5, 24.5), (25.5, 24.5)])
    send("touchStart", a)
    send("touchStart", a, b)
    send("touchMove", (a[0] - 60, a[1]), (b[0] + 60, b[1]))
    send("touchEnd")
    person.save()
    mask = person.blank()
    painted(mask, line, 5, person.view.spacing, 1)
    np.testing.assert_array_equal(person.saved(), mask)
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    send("touchStart", middle)
    send("touchEnd")
    person.save()
    painted(mask, [(20.5, 24.5)], 5, person.view.spacing, 1)
    np.testing.assert_array_equal(person.saved(), mask)


def test_a_pencil_draws_and_the_hand_that_rests_beside_it_does_not(
    somebody: Callable[..., Any], painted: Paint
) -> None:
    person = somebody(has_touch=True)
    wire = person.page.context.new_cdp_session(person.page)

    def pencil(kind: str, at: tuple[float, float]) -> None:
        about = {"x": at[0], "y": at[1], "button": "left", "pointerType": "pen"}
        wire.send("Input.dispatchMouseEvent", {"type": kind, "clickCount": 1, **about})

    def hand(kind: str, *at: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    start, end, beside, far = person.on_screen(
        [(8.5, 10.5), (20.5, 18.5), (12.5, 36.5), (30.5, 40.5)]
    )
    pencil("mousePressed", start)
    hand("touchStart", beside)
    hand("touchMove", far)
    pencil("mouseMoved", end)
    pencil("mouseReleased", end)
    hand("touchEnd")
    mask = person.blank()
    painted(mask, [(8.5, 10.5), (20.5, 18.5)], 5, person.view.spacing, 1)
    person.save()
    np.testing.assert_array_equal(person.saved(), mask)


def test_looking_changes_no_pixel(person: Any) -> None:
    person.drag([(10.5, 12.5), (25.5, 20.5)])
    for key in ("h", "i", "v", ",", ".", "r", "?", "h"):
        person.press(key, "Escape")
    person.drag([(12.5, 12.5), (30.5, 30.5)], button="right")
    person.save()
    assert person.saved().any()
    person.press("Control+z")
    person.save()
    assert not person.saved().any()
