"""The paper's tables keep their layout, and their stars mean what the footnotes say."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from nextslice.report import read_runs
from nextslice.report.paper import paper_tables
from nextslice.report.rendering import to_csv, to_latex, to_markdown
from nextslice.report.tables import Table

WriteRun = Callable[..., Path]

GOLDEN = Path(__file__).parent / "golden"
SEEDS = 6
# What each strategy has above random, in points, seed by seed.
GAINS: Mapping[str, tuple[object, object, Sequence[int]]] = {
    "random": (None, "random", [0] * SEEDS),
    "core-set": (None, "core-set", [-1, 0, 1, -2, 0, -1]),
    "entropy": ("entropy", "top-k", [-1, -2, 0, -1, -3, -1]),
    "entropy-sb": ("entropy", "stochastic-batches", [1, 2, 1, 3, 1, 2]),
    "dropout": ("dropout", "top-k", [2, 3, 1, 2, 4, 2]),
    "dropout-sb": ("dropout", "stochastic-batches", [1, 1, 0, 1, 2, 1]),
    "tta": ("tta", "top-k", [0, 1, 0, -1, 1, 0]),
    "tta-sb": ("tta", "stochastic-batches", [2, 4, 3, 0, 0, 1]),
    "mine": ("entropy", "pkg:Mine", [1, 0, 1, 0, 1, 0]),
    "learning-loss": ("learning-loss", "top-k", [-5, -9, -4, -8, -6, -7]),
    "learning-loss-sb": ("learning-loss", "stochastic-batches", [-4, 1, -1, -2, -3, -2]),
}
NINE = tuple(GAINS)[:9]
PROSTATE = {"data": {"folder": "/x/Prostate", "size": [128, 128]}}


def _study(
    write_run: WriteRun,
    seeds: int = SEEDS,
    *,
    strategies: Sequence[str] = NINE,
    changes: Mapping[str, Any] | None = None,
    prefix: str = "",
    plus: float = 0.0,
    score_seconds: float | None = None,
    **options: Any,
) -> None:
    """Two cycles after the initial one; random has 60 and 70 points plus its seed.

    A query takes `score_seconds`, or 3 s where something scores, and half a second to select.
    """
    for strategy in strategies:
        uncertainty, selection, gains = GAINS[strategy]
        usual = 0.0 if uncertainty is None else 3.0
        for seed in range(seeds):
            dice = [0.01 * (level + seed + gains[seed] + plus) for level in (60, 70)]
            write_run(
                f"{prefix}{strategy}/seed-{seed}",
                [0.5, *dice],
                uncertainty=uncertainty,
                selection=selection,
                seed=seed,
                score_seconds=usual if score_seconds is None else score_seconds,
                changes=changes,
                **options,
            )


def _tables(folder: Path) -> dict[str, Table]:
    return {table.key: table for table in paper_tables(read_runs(folder))}


def _cells(table: Table) -> dict[tuple[str, ...], dict[str, str]]:
    """Names of the row -> heading -> text, whether it is bold, and marks."""
    stubs = len(table.stubs)
    return {
        tuple(cell.words for cell in row[:stubs]): {
            title: ("bold " if cell.bold else "") + cell.text + cell.marks
            for title, cell in zip(table.columns[stubs:], row[stubs:], strict=True)
        }
        for row in table.rows
    }


def _golden(table: Table, *endings: str) -> None:
    """The table as a file of each ending is what lies in the folder of golden files."""
    renderers = {"md": to_markdown, "csv": to_csv, "tex": to_latex}
    for ending in endings:
        expected = (GOLDEN / f"{table.key}.{ending}").read_text(encoding="utf-8")
        assert renderers[ending](table) == expected


def test_table_1_is_laid_out_as_in_the_paper(write_run: WriteRun, tmp_path: Path) -> None:
    """All ten strategies of the paper and one more, on two data sets; TTA lacks a seed."""
    _study(write_run, strategies=tuple(GAINS))
    _study(write_run, 5, strategies=tuple(GAINS), changes=PROSTATE, prefix="p-", classes=["g"])
    shutil.rmtree(tmp_path / "runs" / "tta" / "seed-5")
    _golden(_tables(tmp_path)["table-1"], "md", "csv", "tex")


def test_table_2_is_laid_out_as_in_the_paper(write_run: WriteRun, tmp_path: Path) -> None:
    """Rows for each data set; on the second a query of random waited, and TTA never ran."""
    seconds = {"core-set": 40.0, "entropy": 7.25, "dropout": 35.0, "tta": 22.5}
    for strategy, (uncertainty, _, _) in GAINS.items():
        scored_by = uncertainty or strategy
        times = 0.0 if scored_by == "random" else seconds.get(str(scored_by), 10.0)
        _study(write_run, 3, strategies=[strategy], score_seconds=times)
        if uncertainty != "tta":
            _study(
                write_run,
                2,
                strategies=[strategy],
                changes=PROSTATE,
                prefix="p-",
                score_seconds=times / 3,
                classes=["g"],
            )
    write_run("p-waited", [0.5, 0.6, 0.7], seed=9, score_seconds=30, changes=PROSTATE)
    tables = _tables(tmp_path)
    _golden(tables["table-2"], "md", "csv", "tex")
    _golden(tables["table-2-other-strategies"], "md")


def test_tables_3_and_4_are_laid_out_as_in_the_paper(
    write_run: WriteRun, tmp_path: Path
) -> None:
    some = ("random", "core-set", "dropout", "dropout-sb", "mine")
    for size in (5, 10):
        _study(write_run, strategies=some, changes={"initial": size}, prefix=f"i{size}-")
    tables = _tables(tmp_path)
    _golden(tables["table-3"], "md", "tex")
    _golden(tables["table-3-other-strategies"], "md")
    shutil.rmtree(tmp_path / "runs")
    for rate in (1, 2):
        training = {"training": {"learning_rate": rate / 1000}}
        _study(write_run, 4, strategies=some, changes=training, prefix=f"{rate}-", plus=rate)
    _golden(_tables(tmp_path)["table-4"], "md", "tex")


def test_a_star_is_the_permutation_test_by_run_and_a_dagger_the_one_by_cycle(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run)
    cells = _cells(_tables(tmp_path)["table-1"])
    for name, title in (("entropy", "Entropy"), ("dropout", "Dropout"), ("tta", "TTA")):
        gains = np.subtract(GAINS[f"{name}-sb"][2], GAINS[name][2])
        marks = {}
        for mark, units in (("*", gains), ("†", np.repeat(gains, 2))):
            p = stats.permutation_test(
                (units,), np.mean, permutation_type="samples", n_resamples=2**12
            ).pvalue
            marks[mark] = float(p) < 0.05
        better = "Ours" if gains.mean() > 0 else "w/o SB"
        worse = "w/o SB" if better == "Ours" else "Ours"
        for metric in ("Anterior: 3D DSC", "Posterior: 3D HD95 (mm)"):
            for mark, there in marks.items():
                assert (mark in cells[title, better][metric]) == there
                assert mark not in cells[title, worse][metric]
    assert cells["TTA", "Ours"]["Anterior: 3D DSC"].endswith("†")
    assert "*" not in cells["TTA", "Ours"]["Anterior: 3D DSC"]


def test_five_pairs_have_no_star_and_the_footnote_says_why(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run, seeds=5)
    table = _tables(tmp_path)["table-1"]
    assert not any("*" in cell.marks for row in table.rows for cell in row)
    assert any("†" in cell.marks for row in table.rows for cell in row)
    assert "With 5 pairs the smallest p that the test by run can give is 0.0625" in " ".join(
        table.footnotes
    )


def test_means_and_spreads_are_over_cycles_and_runs_without_the_initial_set(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run, seeds=3, strategies=["random"])
    (row,) = _tables(tmp_path)["table-1"].rows
    values = [level + seed + 2 for level in (60, 70) for seed in range(3)]  # Anterior: + 2
    assert row[2].words == f"{np.mean(values):.2f} (±{np.std(values, ddof=1):.2f})"


def test_whoever_looks_at_labels_is_marked_and_never_bold(
    write_run: WriteRun, tmp_path: Path
) -> None:
    peeking = {"name": "foreground-random", "parameters": {"fraction": 0.33}}
    capped = {"per_volume": 1, "selection": peeking}
    write_run("r", [0.5, 0.6])
    write_run("p", [0.5, 0.9], selection=peeking)
    write_run("w", [0.5, 0.8], selection={"name": "volume-cap", "parameters": capped})
    table = _tables(tmp_path)["table-1"]
    assert [row[0].marks for row in table.rows] == ["", "‡", "‡"]
    assert [row[2].bold for row in table.rows] == [True, False, False]
    assert any("before they are annotated" in note for note in table.footnotes)


def test_a_mean_over_fewer_seeds_is_never_bold_however_high(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run, 3, strategies=["random", "core-set"])
    _study(write_run, 2, strategies=["mine"], plus=10)
    _study(write_run, 4, strategies=["dropout"], plus=-10)  # more seeds than any other
    table = _tables(tmp_path)["table-1"]
    bold = {row[0].text for row in table.rows for cell in row if cell.bold}
    assert bold == {"RS", "Core-set"}  # which read the same
    assert "among rows with the same runs" in table.caption


def test_columns_for_programs_do_not_depend_on_the_results(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("one", [0.5, 0.6])
    alone = to_csv(_tables(tmp_path)["table-1"]).splitlines()[0]
    _study(write_run)
    assert to_csv(_tables(tmp_path)["table-1"]).splitlines()[0] == alone


def test_cells_that_read_the_same_as_the_best_are_bold_too(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("r", [0.5, 0.600001])
    write_run("c", [0.5, 0.600004], selection="core-set")
    assert all(row[2].bold for row in _tables(tmp_path)["table-1"].rows)


def test_data_sets_share_table_1_and_are_never_paired(
    write_run: WriteRun, tmp_path: Path
) -> None:
    pair = ["entropy", "entropy-sb"]
    _study(write_run, strategies=pair)
    _study(write_run, 3, strategies=pair, changes=PROSTATE, prefix="p-", classes=["gland"])
    table = _tables(tmp_path)["table-1"]
    assert [head.text for head in table.header[0]] == [
        "Prostate",
        "Task04, Anterior",
        "Task04, Posterior",
    ]
    ours = _cells(table)["Entropy", "Ours"]
    assert "*" in ours["Task04, Anterior: 3D DSC"]  # 6 pairs
    assert "*" not in ours["Prostate: 3D DSC"]  # 3 pairs
    assert (
        "3 runs and 2 cycles in Prostate; 6 runs and 2 cycles in Task04" in table.footnotes[0]
    )


def test_data_sets_of_one_name_are_numbered(write_run: WriteRun, tmp_path: Path) -> None:
    for place, size in enumerate((50, 64)):
        write_run(
            f"{place}", [0.5, 0.6], changes={"data": {"folder": "/x/T", "size": [size, size]}}
        )
    (table, *_) = paper_tables(read_runs(tmp_path))
    assert table.header[0][0].text == "T (1), Anterior"
    assert table.header[0][-1].text == "T (2), Posterior"


def test_another_pool_of_batches_is_a_row_of_its_own(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run, 2, strategies=["entropy"])
    for pool in (None, 10):
        selection = {"name": "stochastic-batches", "parameters": {"pool_size": pool}}
        for seed in range(2):
            write_run(
                f"{pool}-{seed}",
                [0.5, 0.6, 0.7],
                uncertainty="entropy",
                selection=selection,
                seed=seed,
            )
    rows = [row[:2] for row in _tables(tmp_path)["table-1"].rows]
    assert [(a.text, b.text) for a, b in rows] == [
        ("Entropy", "w/o SB"),
        ("Entropy", "Ours"),
        ("Entropy", "Ours (Q = 10)"),
    ]


def test_batches_under_a_rule_stand_beside_the_top_slices_under_it(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run, strategies=["random", "entropy", "entropy-sb"])
    for inner, plus in (("top-k", 0), ("stochastic-batches", 2)):
        capped = {"per_volume": 1, "selection": {"name": inner, "parameters": {}}}
        for seed in range(SEEDS):
            write_run(
                f"capped-{inner}/seed-{seed}",
                [0.5, 0.01 * (60 + seed + plus), 0.01 * (70 + seed + plus)],
                uncertainty="entropy",
                selection={"name": "volume-cap", "parameters": capped},
                seed=seed,
            )
    cells = _cells(_tables(tmp_path)["table-1"])
    assert list(cells) == [
        ("RS", ""),
        ("Entropy", "w/o SB"),
        ("Entropy", "Ours"),
        ("Entropy, 1 per volume", "w/o SB"),
        ("Entropy, 1 per volume", "Ours"),
    ]
    assert cells["Entropy, 1 per volume", "Ours"]["Anterior: 3D DSC"].endswith("*†")


def test_a_budget_has_a_table_1_of_its_own(write_run: WriteRun, tmp_path: Path) -> None:
    for budget in (5, 10):
        changes = {"budget": budget}
        _study(write_run, 2, changes=changes, prefix=f"{budget}-", plus=budget)
    tables = _tables(tmp_path)
    assert {"table-1-budget-5", "table-1-budget-10"} < set(tables)
    assert tables["table-1-budget-5"].title == "Table 1, budget 5"
    low, high = (
        float(tables[f"table-1-budget-{budget}"].rows[0][2].text) for budget in (5, 10)
    )
    assert high - low == pytest.approx(5)


def test_a_query_that_waited_moves_the_mean_of_table_2_and_not_the_median(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run, 2, strategies=["random"])
    write_run("waited", [0.5, 0.6, 0.7], seed=9, score_seconds=30)
    cells = _cells(_tables(tmp_path)["table-2"])
    assert cells["Time (s), median",] == {"RS": "0.50"}
    assert cells["Time (s), mean",] == {"RS": "10.50"}


def test_other_strategies_do_not_compete_in_tables_of_one_uncertainty_a_column(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for size in (5, 10):
        for name, dice in (("strided", 0.6), ("stratified", 0.7)):
            changes = {"initial": size}
            write_run(f"{name}{size}", [0.5, dice], selection=name, changes=changes)
    table = _tables(tmp_path)["table-3-other-strategies"]
    assert not any(cell.bold for row in table.rows for cell in row)


def test_table_3_has_a_row_for_each_size_of_the_initial_set(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for size in (5, 10, 25):
        _study(write_run, changes={"initial": size}, prefix=f"{size}-", plus=size)
    table = _tables(tmp_path)["table-3"]
    cells = _cells(table)
    assert list(cells) == [("5 slices",), ("10 slices",), ("25 slices",)]
    random = [float(row["RS"]) for row in cells.values()]
    assert np.diff(random) == pytest.approx([5, 15])
    assert all(row["Entropy: Ours"].startswith("bold ") for row in cells.values())
    assert all(row["Entropy: Ours"].endswith("*†") for row in cells.values())
    assert all(row["Dropout: w/o SB"].startswith("bold ") for row in cells.values())
    assert "for each size" in table.footnotes[0]


def test_table_4_takes_training_settings_together_and_pairs_within_each(
    write_run: WriteRun, tmp_path: Path
) -> None:
    """The means of the sets lie far apart: a pair that crossed them would hide every gain."""
    for rate in (1, 2):
        training = {"training": {"steps": 1500, "learning_rate": rate / 1000}}
        _study(write_run, 4, changes=training, prefix=f"{rate}-", plus=20 * rate)
    table = _tables(tmp_path)["table-4"]
    assert [row[0].text for row in table.rows] == [
        "3D DSC (↑ best)",
        "2D DSC (↑ best)",
        "3D HD95 (↓ best, mm)",
    ]
    cells = _cells(table)["3D DSC (↑ best)",]
    assert cells["Entropy: Ours"].endswith("*†")  # 8 pairs; one set alone has 4
    assert cells["RS"] == f"{np.mean([65 + 30 + seed for seed in range(4)]):.2f}"
    assert "2 sets of training settings" in table.caption


def test_strategies_that_lack_a_training_setting_are_named(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for rate, strategies in ((1, ["random", "entropy"]), (2, ["random"])):
        training = {"training": {"learning_rate": rate}}
        _study(write_run, 2, strategies=strategies, changes=training, prefix=f"{rate}-")
    notes = _tables(tmp_path)["table-4"].footnotes
    assert notes[-1] == "Not run with all sets: Entropy, w/o SB: 1."


def test_there_is_no_table_3_or_4_where_nothing_was_varied(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run, 2, strategies=["random", "entropy"])
    assert set(_tables(tmp_path)) == {"table-1", "table-2"}


def test_without_a_query_there_is_no_table(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5], planned=2)
    assert paper_tables(read_runs(tmp_path)) == []


def test_fewer_runs_of_a_strategy_are_told(write_run: WriteRun, tmp_path: Path) -> None:
    _study(write_run, 3, strategies=["random", "core-set"])
    _study(write_run, 2, strategies=["entropy"])
    note = _tables(tmp_path)["table-1"].footnotes[0]
    assert note == "Means go over 3 runs (2 of entropy) and 2 cycles."


def test_the_files_for_programs_have_one_row_per_strategy_and_all_digits(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _study(write_run)
    rows = list(csv.DictReader(io.StringIO(to_csv(_tables(tmp_path)["table-1"]))))
    assert [(row["Strategy"], row["part"]) for row in rows][2:4] == [
        ("Entropy", "w/o SB"),
        ("Entropy", "Ours"),
    ]
    assert float(rows[2]["Anterior: 3D DSC"]) == pytest.approx(69.5 - 4 / 3, abs=1e-4)
    assert rows[3]["Anterior: 3D DSC marks"] == "*†"
