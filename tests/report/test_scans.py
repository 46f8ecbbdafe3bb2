"""Slices, models and outlines of runs: shown where they are the run's own, else left out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.axes import Axes

from nextslice.config import Config, resolve_config
from nextslice.data.phantom import Phantom, write_phantom
from nextslice.report import read_runs, write_report
from nextslice.report.drawing import Drawing
from nextslice.report.figures import draw_all
from nextslice.report.figures.across_cycles import typical_slice
from nextslice.report.outlines import (
    OUTLINES,
    Outline,
    area_annotated,
    contour_drawn,
    measured,
    outline_of,
    outlines_to_csv,
    read_outlines,
    volumes_opened,
)
from nextslice.report.runs import Run
from nextslice.report.scans import Scans
from nextslice.simulation import Splits, open_splits, simulate

CYCLES = 2
BUDGET = 3


def _config(scans: Path, selection: str) -> Config:
    settings = {
        "data": {"folder": str(scans), "size": [32, 32]},
        "split": {"test": 2},
        "network": {"channels": [4, 8]},
        "training": {"steps": 20},
        "selection": selection,
        "cycles": CYCLES,
        "budget": BUDGET,
        "initial": BUDGET,
    }
    return resolve_config("quick", settings)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans of synthetic patients, and runs on them with and without stochastic batches."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXTSLICE_CACHE", str(folder / "cache"))
        scans = write_phantom(folder / "scans", Phantom(patients=6, slices=(8, 10)))
        for selection in ("random", "top-k", "stochastic-batches"):
            config = _config(scans, selection)
            simulate(
                config,
                open_splits(config),
                folder / "runs" / selection / "seed-0",
                shared_trainings=folder / "trainings",
            )
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to spoil; its scans are the same ones until they are moved away."""
    shutil.copytree(made / "runs", tmp_path / "runs")
    moved = made / "moved"
    yield tmp_path / "runs"
    if moved.exists():
        moved.rename(made / "scans")


def _splits(made: Path) -> Splits:
    return open_splits(_config(made / "scans", "random"))


def _drawings(runs: list[Run], scans: Scans) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in draw_all(runs, scans=scans)}


def _images(axes: Axes) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in axes.get_images()]


def test_queried_slices_are_shown_side_by_side_as_the_run_saw_them(
    made: Path, study: Path
) -> None:
    runs = read_runs(study)
    batches = _drawings(runs, Scans())["batches"]
    assert batches.scans
    pool = _splits(made).train
    shown = [_images(axes)[0] for axes in batches.figure.axes]
    wanted = []
    for selection in ("top-k", "stochastic-batches"):
        (run,) = [run for run in runs if run.selection.name == selection]
        rows = sorted((row for row in run.queries if row.cycle == 1), key=lambda row: row.rank)
        cases = pool.cases
        starts = {case: pool.rows_of(case).start for case in cases}
        wanted += [pool.images[starts[row.case] + row.slice] for row in rows]
        for row in rows:
            assert f"{row.case} slice {row.slice}" in batches.alt
    np.testing.assert_array_equal(np.stack(shown), np.stack(wanted))


def test_the_test_slice_is_typical_and_segmented_by_each_cycle_s_model(
    made: Path, study: Path
) -> None:
    drawing = _drawings(read_runs(study), Scans())["across-cycles"]
    assert drawing.scans
    pool = _splits(made).test
    row = typical_slice(pool)
    assert row is not None
    name = pool.slice_id(row)
    assert f"Slice {name.index} of test case {name.case}" in drawing.caption
    assert set(np.unique(pool.masks[row])) == set(range(len(pool.classes) + 1))
    pictures = [axes for axes in drawing.figure.axes if axes.get_images()]
    assert len(pictures) == 2 * (1 + CYCLES + 1)  # with and without: the labels, then cycles
    titles = [axes.get_title() for axes in pictures[: CYCLES + 2]]
    assert titles == [
        "expert",
        "initial set\n3 slices",
        "query 1\n6 slices",
        "query 2\n9 slices",
    ]
    # Both begin with the same model.
    assert pictures[1].get_xlabel() == pictures[CYCLES + 3].get_xlabel()


def test_the_area_is_that_of_the_labels_on_their_own_grid(made: Path, study: Path) -> None:
    runs = read_runs(study)
    outlines = measured(runs, Scans(), {})
    pool = _splits(made).train
    (run,) = [run for run in runs if run.selection.name == "random"]
    expected = 0.0
    for row in run.queries:
        geometry = pool.geometry(row.case)
        plane = pool.native_label(row.case)[:, :, row.slice] > 0
        expected += float(plane.sum()) * geometry.spacing[0] * geometry.spacing[1]
    assert area_annotated(run, outlines)[CYCLES] == pytest.approx(expected / 100)


def _disk(radius: float, size: int, spacing: tuple[float, float]) -> np.ndarray:
    rows, columns = np.indices((size, size)) - size // 2
    return ((rows * spacing[0]) ** 2 + (columns * spacing[1]) ** 2 <= radius**2).astype(
        np.uint8
    )


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 1.0), (1.5, 0.75)])
def test_a_disk_is_outlined_by_about_its_circumference(spacing: tuple[float, float]) -> None:
    outline = outline_of(_disk(40, 201, spacing), spacing)
    assert outline.area == pytest.approx(np.pi * 40**2, rel=0.01)
    assert outline.contour == pytest.approx(2 * np.pi * 40 * 1.05, rel=0.05)


def test_a_line_is_drawn_around_each_structure_its_holes_and_at_the_border() -> None:
    ring = _disk(30, 91, (1, 1)) - _disk(10, 91, (1, 1))
    alone = outline_of(_disk(30, 91, (1, 1)), (1, 1)), outline_of(_disk(10, 91, (1, 1)), (1, 1))
    assert outline_of(ring, (1, 1)).contour == pytest.approx(sum(one.contour for one in alone))
    filled = outline_of(ring + 2 * _disk(10, 91, (1, 1)), (1, 1))
    assert filled.contour == pytest.approx(alone[0].contour + 2 * alone[1].contour)
    whole = outline_of(np.ones((8, 6), np.uint8), (2.0, 3.0))
    assert whole.contour == pytest.approx(2 * (7 * 2 + 5 * 3) + 4 * np.hypot(1, 1.5))
    assert outline_of(np.zeros((8, 6), np.uint8), (2.0, 3.0)) == Outline(0.0, 0.0)


def test_outlines_come_back_from_their_file(tmp_path: Path) -> None:
    outlines = {"5f0c": Outline(12.5, 14.25), "00aa": Outline(0.0, 0.0)}
    (tmp_path / OUTLINES).write_text(outlines_to_csv(outlines))
    assert read_outlines(tmp_path / OUTLINES) == outlines


def test_costs_never_fall_and_begin_with_the_initial_set(study: Path) -> None:
    runs = read_runs(study)
    outlines = measured(runs, Scans(), {})
    for run in runs:
        for cost in (
            volumes_opened(run),
            area_annotated(run, outlines),
            contour_drawn(run, outlines),
        ):
            assert sorted(cost) == list(range(CYCLES + 1))
            assert [cost[cycle] for cycle in sorted(cost)] == sorted(cost.values())
        opened = volumes_opened(run)
        assert opened[0] == len({row.case for row in run.queries if row.cycle == 0})
        assert opened[CYCLES] == len({row.case for row in run.queries})


def test_the_page_says_that_it_holds_scans_and_leaves_them_out_on_request(study: Path) -> None:
    page = write_report(study)
    text = page.read_text()
    assert "This page shows slices of patients" in text
    assert text.count("data:image/png;base64") == 2  # only scans are pixels
    assert (page.parent / "batches.png").is_file()
    text = write_report(study, scans=False).read_text()
    assert "shows slices of patients" not in text
    assert "data:image/png" not in text
    assert "The first query, slice by slice" not in text
    assert not list(page.parent.glob("batches.*"))
    assert not list(page.parent.glob("across-cycles.*"))
    assert "3D Dice against foreground annotated" in text  # a number, no picture of anybody


def test_data_that_was_moved_away_is_missed_aloud_and_outlines_are_kept(
    made: Path, study: Path
) -> None:
    page = write_report(study)
    kept = read_outlines(page.parent / OUTLINES)
    assert kept
    (made / "scans").rename(made / "moved")
    text = write_report(study).read_text()
    assert "The data set scans is not where the runs read it." in text
    assert "data:image/png" not in text
    assert str(made) not in text
    assert "3D Dice against foreground annotated" in text
    assert read_outlines(page.parent / OUTLINES) == kept


def test_other_data_of_the_same_name_is_not_shown(study: Path) -> None:
    for path in study.rglob("environment.json"):
        path.write_text(path.read_text().replace('"data": "', '"data": "0'))
    text = write_report(study).read_text()
    assert "is not what the runs saw: scans or labels have changed since" in text
    assert "data:image/png" not in text
    assert not (study / "report" / OUTLINES).exists()


def test_without_models_the_queries_are_shown_all_the_same(study: Path) -> None:
    for folder in study.rglob("models"):
        shutil.rmtree(folder)
    text = write_report(study).read_text()
    assert "The first query, slice by slice" in text
    assert "One test slice across cycles" not in text
    assert "are not kept: no test slice is shown" in text


def test_a_run_that_does_not_say_where_its_data_lies_is_no_problem(study: Path) -> None:
    for path in study.rglob("config.yaml"):
        config = yaml.safe_load(path.read_text())
        del config["data"]
        path.write_text(yaml.safe_dump(config))
    scans = Scans()
    assert "batches" not in _drawings(read_runs(study), scans)
    assert scans.remarks == []


@pytest.mark.parametrize(
    "text",
    ["", "slice\n", "slice,foreground_mm2\na,2\n", "\x00\xff", None],
)
def test_outlines_that_cannot_be_read_are_measured_again(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / OUTLINES).write_text(text)
    assert read_outlines(tmp_path / OUTLINES) == {}
