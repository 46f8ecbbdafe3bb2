"""The layout of the comparison is pinned; names in it steer nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from nextslice.report import Run, read_runs, summarise
from nextslice.report.comparison import (
    comparison_csv,
    comparison_markdown,
    comparison_table,
)
from nextslice.report.tables import duration

WriteRun = Callable[..., Path]

MARKDOWN = """\
# Comparison

| Strategy | Runs | Cycles | Labelled | 3D Dice | 2D Dice | HD95 (mm) | Final 3D Dice | Area | Strength (σ) | Volumes per query | Sampling (s) |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| random | 2 | 2 | 2 to 6 | 75.00 (12.91) | 70.00 (12.91) | 2.50 (1.29) | 80.00 (14.14) | 67.50 (24.75) | – | 2.0 (0.0) | 0.50 |
| entropy + stochastic batches | 1 (+1 unfinished) | 2 | 2 to 6 | 80.00 (14.14) | 75.00 (14.14) | 2.00 (1.41) | 90.00 | 65.00 | 0.75 (0.00) | 1.0 (0.0) | 3.50 |
"""  # noqa: E501
BY_CLASS = """\
## Class by class

| Strategy | Anterior: 3D Dice | Anterior: 2D Dice | Anterior: HD95 (mm) | Posterior: 3D Dice | Posterior: 2D Dice | Posterior: HD95 (mm) |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| random | 77.00 (12.91) | 72.00 (12.91) | 2.30 (1.29) | 73.00 (12.91) | 68.00 (12.91) | 2.70 (1.29) |
| entropy + stochastic batches | 82.00 (14.14) | 77.00 (14.14) | 1.80 (1.41) | 78.00 (14.14) | 73.00 (14.14) | 2.20 (1.41) |
"""  # noqa: E501
CSV = """\
strategy,class,seeds,unfinished,cycles,first_labelled,last_labelled,dice_3d_mean,dice_3d_std,dice_2d_mean,dice_2d_std,hd95_3d_mean,hd95_3d_std,hd95_unit,final_dice_3d_mean,final_dice_3d_std,area_mean,area_std,strength_mean,strength_std,volumes_per_query_mean,volumes_per_query_std,sampling_seconds_mean,sampling_seconds_std,sampling_seconds_median
random,mean,2,0,2,2,6,0.75,0.1290994,0.7,0.1290994,2.5,1.290994,mm,0.8,0.1414214,0.675,0.2474874,,,2,0,0.5,0,0.5
random,Anterior,2,0,2,2,6,0.77,0.1290994,0.72,0.1290994,2.3,1.290994,mm,0.8,0.1414214,0.675,0.2474874,,,2,0,0.5,0,0.5
random,Posterior,2,0,2,2,6,0.73,0.1290994,0.68,0.1290994,2.7,1.290994,mm,0.8,0.1414214,0.675,0.2474874,,,2,0,0.5,0,0.5
entropy + stochastic batches,mean,1,1,2,2,6,0.8,0.1414214,0.75,0.1414214,2,1.414214,mm,0.9,,0.65,,0.75,0,1,0,3.5,0,3.5
entropy + stochastic batches,Anterior,1,1,2,2,6,0.82,0.1414214,0.77,0.1414214,1.8,1.414214,mm,0.9,,0.65,,0.75,0,1,0,3.5,0,3.5
entropy + stochastic batches,Posterior,1,1,2,2,6,0.78,0.1414214,0.73,0.1414214,2.2,1.414214,mm,0.9,,0.65,,0.75,0,1,0,3.5,0,3.5
"""  # noqa: E501


def _runs(write_run: WriteRun, tmp_path: Path) -> list[Run]:
    with_batches = {"uncertainty": "entropy", "selection": "stochastic-batches"}
    write_run("a", [0.1, 0.6, 0.7])
    write_run("b", [0.9, 0.8, 0.9], seed=1)
    write_run("c", [0.3, 0.7, 0.9], strength=0.75, volumes=1, score_seconds=3, **with_batches)
    write_run("d", [0.3, 0.7], seed=1, planned=2, **with_batches)
    return read_runs(tmp_path)


def test_the_markdown_is_laid_out_as_ever(write_run: WriteRun, tmp_path: Path) -> None:
    text = comparison_markdown(summarise(_runs(write_run, tmp_path)))
    assert text.startswith(MARKDOWN)
    assert text.endswith(BY_CLASS)


def test_the_csv_is_laid_out_as_ever(write_run: WriteRun, tmp_path: Path) -> None:
    assert comparison_csv(summarise(_runs(write_run, tmp_path))) == CSV


def test_one_class_needs_no_table_class_by_class(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6], classes=["gland"])
    assert "Class by class" not in comparison_markdown(summarise(read_runs(tmp_path)))


def test_distances_in_voxels_are_not_called_millimetres(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], changes={"evaluation": {"hd95_in_voxels": True}})
    summaries = summarise(read_runs(tmp_path))
    assert "HD95 (voxels)" in comparison_table(summaries).columns
    assert "HD95 (mm)" not in comparison_markdown(summaries)
    assert next(csv.DictReader(io.StringIO(comparison_csv(summaries))))["hd95_unit"] == "voxels"


def test_names_are_shown_and_steer_nothing(write_run: WriteRun, tmp_path: Path) -> None:
    hostile = "=cmd|<b>[x](http://evil)\x1b[31m\n*a*"
    write_run("a", [0.5, 0.6], uncertainty=hostile, selection="top-k")
    summaries = summarise(read_runs(tmp_path))
    row = next(line for line in comparison_markdown(summaries).splitlines() if "cmd" in line)
    unescaped = row.replace("\\|", "")
    assert unescaped.count("|") == 13
    assert not any(part in row for part in ("<b>", "[x](", "://", "\x1b"))
    rows = list(csv.reader(io.StringIO(comparison_csv(summaries))))
    assert len({len(row) for row in rows}) == 1
    assert rows[1][0].startswith("'=cmd")
    assert "\x1b" not in comparison_table(summaries).rows[0][0].text


def test_nothing_measured_is_a_dash(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [], planned=3)
    (row,) = comparison_table(summarise(read_runs(tmp_path))).rows
    assert [cell.words for cell in row] == ["random", "0 (unfinished)", "0", *["–"] * 9]


def test_times_are_told_as_people_say_them() -> None:
    told = [duration(s) for s in (0, 0.0004, 0.42, 7, 99.4, 99.6, 200, 3599.6, 7500)]
    assert told == [
        "0.0 ms",
        "0.4 ms",
        "0.4 s",
        "7.0 s",
        "99.4 s",
        "1 min 40 s",
        "3 min 20 s",
        "1 h 00 min",
        "2 h 05 min",
    ]


def test_each_experiment_has_a_table_of_its_own(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6])
    write_run("b", [0.5, 0.9], changes={"data": {"folder": "/x/Prostate_*1*"}})
    summaries = summarise(read_runs(tmp_path))
    text = comparison_markdown(summaries)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert [line.split(",")[0] for line in headings] == [
        "## Prostate\\_\\*1\\*",
        "## Task04",
    ]
    assert text.count("| random |") == 4
    assert text.count("Mean (standard deviation)") == 1
    rows = list(csv.DictReader(io.StringIO(comparison_csv(summaries))))
    assert next(iter(rows[0])) == "experiment"
    assert {row["experiment"].split(",")[0] for row in rows} == {"Prostate_*1*", "Task04"}
    assert {row["final_dice_3d_mean"] for row in rows} == {"0.6", "0.9"}
