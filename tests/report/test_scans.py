"""Slices, models and areas of runs: shown where they are the run's own, else left out."""

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
from nextslice.report.area import AREAS, area_annotated, measured, read_areas, volumes_opened
from nextslice.report.drawing import Drawing
from nextslice.report.figures import draw_all
from nextslice.report.figures.across_cycles import typical_slice
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
    areas = measured(runs, Scans(), {})
    pool = _splits(made).train
    (run,) = [run for run in runs if run.selection.name == "random"]
    expected = 0.0
    for row in run.queries:
        geometry = pool.geometry(row.case)
        plane = pool.native_label(row.case)[:, :, row.slice] > 0
        expected += float(plane.sum()) * geometry.spacing[0] * geometry.spacing[1]
    assert area_annotated(run, areas)[CYCLES] == pytest.approx(expected / 100)


def test_costs_never_fall_and_begin_with_the_initial_set(study: Path) -> None:
    runs = read_runs(study)
    areas = measured(runs, Scans(), {})
    for run in runs:
        for cost in (volumes_opened(run), area_annotated(run, areas)):
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


def test_data_that_was_moved_away_is_missed_aloud_and_areas_are_kept(
    made: Path, study: Path
) -> None:
    page = write_report(study)
    kept = read_areas(page.parent / AREAS)
    assert kept
    (made / "scans").rename(made / "moved")
    text = write_report(study).read_text()
    assert "The data set scans is not where the runs read it." in text
    assert "data:image/png" not in text
    assert str(made) not in text
    assert "3D Dice against foreground annotated" in text
    assert read_areas(page.parent / AREAS) == kept


def test_other_data_of_the_same_name_is_not_shown(study: Path) -> None:
    for path in study.rglob("environment.json"):
        path.write_text(path.read_text().replace('"data": "', '"data": "0'))
    text = write_report(study).read_text()
    assert "is not what the runs saw: scans or labels have changed since" in text
    assert "data:image/png" not in text
    assert not (study / "report" / AREAS).exists()


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
    ["", "data,case\n", "data,case,slice,foreground_mm2\na,b,c,d\n", "\x00\xff", None],
)
def test_areas_that_cannot_be_read_are_measured_again(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / AREAS).write_text(text)
    assert read_areas(tmp_path / AREAS) == {}
