"""The tables of differences hold what scipy finds in the same numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nextslice.report import read_runs
from nextslice.report.reading import reading
from nextslice.report.significance import p_text, statistics_tables
from nextslice.report.tables import Table

WriteRun = Callable[..., Path]

RANDOM = [0.60, 0.64, 0.61, 0.66, 0.63, 0.65, 0.62]
ENTROPY = [0.61, 0.63, 0.64, 0.65, 0.66, 0.67, 0.60]
BATCHES = [0.65, 0.66, 0.66, 0.69, 0.70, 0.69, 0.66]


def _write(write_run: WriteRun, seeds: int = 7, **options: object) -> None:
    for name, values, uncertainty, selection in (
        ("r", RANDOM, None, "random"),
        ("e", ENTROPY, "entropy", "top-k"),
        ("s", BATCHES, "entropy", "stochastic-batches"),
    ):
        for seed, value in enumerate(values[:seeds]):
            write_run(
                f"{name}{seed}-{len(options)}",
                [0.1, value - 0.01, value + 0.01],
                seed=seed,
                uncertainty=uncertainty,
                selection=selection,
                **options,
            )


def _tables(folder: Path) -> dict[str, Table]:
    return {table.key: table for table in statistics_tables(read_runs(folder))}


def _row(table: Table, name: str) -> dict[str, float | None]:
    stubs = len(table.stubs)
    (row,) = [row for row in table.rows if row[0].text == name]
    values = [cell.value for cell in row[stubs:]]
    return dict(zip(table.columns[stubs:], values, strict=True))


def _p(values: Sequence[float], others: Sequence[float]) -> float:
    gains = np.subtract(values, others)
    found = stats.permutation_test((gains,), np.mean, permutation_type="samples")
    return float(found.pvalue)


def test_differences_against_random_have_interval_p_and_corrected_p(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run)
    table = _tables(tmp_path)["against-random-sampling"]
    ps = {"entropy": _p(ENTROPY, RANDOM), "entropy + stochastic batches": _p(BATCHES, RANDOM)}
    for name, values in zip(ps, (ENTROPY, BATCHES), strict=True):
        found = _row(table, name)
        interval = stats.ttest_rel(values, RANDOM).confidence_interval(0.95)
        assert found["Pairs"] == 7
        assert found["Difference"] == pytest.approx(100 * np.subtract(values, RANDOM).mean())
        assert found["CI from"] == pytest.approx(100 * interval.low)
        assert found["CI to"] == pytest.approx(100 * interval.high)
        assert found["p"] == pytest.approx(ps[name])
    assert _row(table, "entropy + stochastic batches")["p (Holm)"] == pytest.approx(
        2 * ps["entropy + stochastic batches"]
    )
    assert _row(table, "entropy")["p (Holm)"] == pytest.approx(ps["entropy"])
    bold = [row[0].text for row in table.rows if row[6].bold]
    assert bold == ["entropy + stochastic batches"]
    assert "against random" in table.caption


def test_every_metric_and_class_has_its_difference_to_random_and_no_verdict(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run)
    table = _tables(tmp_path)["against-random-by-metric"]
    gains = np.subtract(ENTROPY, RANDOM)
    assert [row[1].text for row in table.blocks[0]] == ["mean", "Anterior", "Posterior"]
    for row in table.blocks[0]:
        found = dict(zip(table.columns, row, strict=True))
        assert found["3D DSC"].value == pytest.approx(100 * gains.mean())
        assert found["3D HD95 (mm)"].value == pytest.approx(-10 * gains.mean())
    interval = stats.ttest_rel(ENTROPY, RANDOM).confidence_interval(0.95)
    expected = f"[{100 * interval.low:+.2f}, {100 * interval.high:+.2f}]"
    assert table.rows[0][3].text == expected
    assert not any(cell.bold or cell.marks for row in table.rows for cell in row)


def test_with_stands_against_without(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run)
    table = _tables(tmp_path)["with-against-without-stochastic-batches"]
    found = _row(table, "entropy + stochastic batches")
    assert found["Difference"] == pytest.approx(100 * np.subtract(BATCHES, ENTROPY).mean())
    assert found["p"] == pytest.approx(_p(BATCHES, ENTROPY))


def test_the_summary_has_the_area_and_the_final_value(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run)
    found = _row(_tables(tmp_path)["summary"], "entropy")
    # trapezoids: 0.1, v - 0.01, v + 0.01 at 2, 4 and 6 slices
    areas = [(0.1 + 2 * (v - 0.01) + v + 0.01) / 4 for v in ENTROPY]
    assert found["Area"] == pytest.approx(100 * np.mean(areas))
    assert found["Final"] == pytest.approx(100 * np.mean(ENTROPY) + 1)


def test_the_penalty_matrix_adds_up_settings(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run)
    one = _tables(tmp_path)["penalties"]
    assert _row(one, "3. entropy + stochastic batches") == {"1": 1, "2": 1, "3": None}
    assert _row(one, "1. random") == {"1": None, "2": 0, "3": 0}
    assert _row(one, "Mean of the column") == {"1": 0.5, "2": 0.5, "3": 0}
    _write(write_run, changes={"budget": 5})
    two = _tables(tmp_path)["penalties"]
    assert _row(two, "3. entropy + stochastic batches") == {"1": 2, "2": 2, "3": None}
    assert "2 settings" in two.caption


def test_few_pairs_come_with_what_they_cannot_show(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, seeds=5)
    notes = " ".join(_tables(tmp_path)["against-random-sampling"].footnotes)
    assert re.search(r"With 5 pairs and 2 comparisons the smallest p .* is 0\.125", notes)
    _write(write_run, seeds=5, changes={"budget": 9})
    rows = _tables(tmp_path)["against-random-sampling"].rows
    assert [row[1].text for row in rows] == ["10", "5", "5"] * 2


def test_settings_are_tested_together_as_in_the_reading_and_shown_one_by_one(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run)
    _write(write_run, changes={"budget": 9})
    runs = read_runs(tmp_path)
    table = _tables(tmp_path)["against-random-sampling"]
    pooled = [row for row in table.rows if row[5].value is not None]
    assert [row[0].text for row in pooled] == ["entropy", "entropy + stochastic batches"]
    parts = [row for row in table.rows if row[5].value is None]
    assert [row[0].text for row in parts] == ["– budget 2", "– budget 9"] * 2
    assert all(cell.text == "–" for row in parts for cell in row[-4:])
    told = " ".join(reading(runs))
    for row in pooled:
        assert f"p = {row[5].value:.2g}" in told
        by_set = dict(zip(table.columns, row, strict=True))["p by set"].value
        assert f"by initial set p = {by_set:.2g} (7 sets)" in told


def test_two_pairs_say_nothing_of_how_many_would_be_needed(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, seeds=2)
    table = _tables(tmp_path)["against-random-sampling"]
    assert {row[-1].text for row in table.rows} == {"–"}


def test_one_strategy_has_a_summary_and_nothing_to_compare(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.1, 0.6])
    assert set(_tables(tmp_path)) == {"summary"}


def test_experiments_have_tables_of_their_own(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, seeds=2)
    _write(write_run, seeds=2, changes={"data": {"folder": "/x/Prostate"}})
    assert {key for key in _tables(tmp_path) if key.startswith("against-random-s")} == {
        "against-random-sampling-task04",
        "against-random-sampling-prostate",
    }


def test_p_values_are_read_with_four_decimals() -> None:
    assert [p_text(p) for p in (0.0625, 1.0, 0.00004)] == ["0.0625", "1.0000", "< 0.0001"]
