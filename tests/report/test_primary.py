"""The primary comparison is one number per initial set and seed, whatever else was run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from nextslice.report import read_runs
from nextslice.report.primary import primary
from nextslice.report.reading import reading
from nextslice.report.significance import statistics_tables
from nextslice.report.summaries import groups

WriteRun = Callable[..., Path]

GAINS = {
    "entropy": [2, 3, 1, 4, 2, 3],
    "dropout": [-1, 2, 0, 3, 1, 1],
    "tta": [1, 2, 1, 0, 2, 2],
}


def _write(
    write_run: WriteRun,
    gains: Mapping[str, list[int]] = GAINS,
    *,
    prefix: str = "",
    pool_size: int | None = None,
    **options: object,
) -> None:
    batches = {"name": "stochastic-batches", "parameters": {"pool_size": pool_size}}
    for name, of_seeds in gains.items():
        for seed, gain in enumerate(of_seeds):
            for selection, plus in (("top-k", 0.0), (batches, gain / 100)):
                if selection == "top-k" and pool_size is not None and prefix:
                    continue  # the top slices know no pool size
                write_run(
                    f"{prefix}{name}{seed}{plus}{selection == 'top-k'}",
                    [0.1, 0.5 + plus + seed / 50],
                    uncertainty=name,
                    selection=selection,
                    seed=seed,
                    **options,
                )


def test_pairs_under_a_rule_are_secondary(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run)
    alone = primary(groups(read_runs(tmp_path)))
    for inner, dice in (("top-k", 0.9), ("stochastic-batches", 0.1)):
        capped = {"per_volume": 1, "selection": {"name": inner, "parameters": {}}}
        write_run(
            inner,
            [0.1, dice],
            uncertainty="entropy",
            selection={"name": "volume-cap", "parameters": capped},
        )
    declared = primary(groups(read_runs(tmp_path)))
    assert alone is not None
    assert declared is not None
    assert declared[0].per_pair == pytest.approx(alone[0].per_pair)
    assert any(
        "entropy + stochastic batches, 1 per volume was" in s
        for s in reading(read_runs(tmp_path))
    )


def test_each_seed_is_the_mean_over_the_uncertainties_that_ran_both_ways(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run)
    write_run("lone", [0.1, 0.9], uncertainty="learning-loss", selection="top-k")
    declared = primary(groups(read_runs(tmp_path)))
    assert declared is not None
    found, names = declared
    assert names == ("entropy", "dropout", "TTA")
    assert 100 * found.per_pair == pytest.approx(np.mean([*GAINS.values()], axis=0))


def test_a_seed_that_some_lack_goes_over_those_that_have_it(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, {"entropy": [2, 3, 1], "dropout": [4, 5]})
    declared = primary(groups(read_runs(tmp_path)))
    assert declared is not None
    assert 100 * declared[0].per_pair == pytest.approx([3, 4, 1])


def test_settings_of_one_seed_are_one_pair(write_run: WriteRun, tmp_path: Path) -> None:
    for budget, gains in ((5, [1, 2, 3]), (10, [3, 2, 5])):
        _write(write_run, {"entropy": gains}, prefix=f"{budget}-", changes={"budget": budget})
    declared = primary(groups(read_runs(tmp_path)))
    assert declared is not None
    assert 100 * declared[0].per_pair == pytest.approx([2, 2, 4])


def test_of_several_pools_of_batches_the_papers_cut_alone_takes_part(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run, {"entropy": [2, 3]})
    _write(write_run, {"entropy": [7, 8]}, prefix="q-", pool_size=10)
    declared = primary(groups(read_runs(tmp_path)))
    assert declared is not None
    assert 100 * declared[0].per_pair == pytest.approx([2, 3])


def test_without_it_nothing_is_declared(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run, {"entropy": [2, 3]}, pool_size=10)
    assert primary(groups(read_runs(tmp_path))) is not None  # one pool is no choice
    _write(write_run, {"entropy": [7, 8]}, prefix="q-", pool_size=100)
    assert primary(groups(read_runs(tmp_path))) is None


def test_six_pairs_that_agree_are_significant_though_no_single_uncertainty_is(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write(write_run)
    sentences = reading(read_runs(tmp_path))
    assert sentences[1].startswith(
        "Primary comparison (mean of entropy (+2.5), dropout (+1.0) and TTA (+1.3), seed by "
        "seed): querying with stochastic batches was 1.6 Dice points above querying without"
    )
    assert sentences[1].endswith("p = 0.031: a significant difference.")
    assert not any("a significant difference" in sentence for sentence in sentences[2:])
    told = " ".join(sentences)
    assert "With 6 pairs and 3 comparisons with and without stochastic batches the" in told
    assert "smallest p that the test by run can give after Holm's correction is 0.09375" in told
    assert "takes 7 pairs at least" in told


def test_it_heads_its_table_and_is_not_corrected(write_run: WriteRun, tmp_path: Path) -> None:
    _write(write_run)
    tables = {table.key: table for table in statistics_tables(read_runs(tmp_path))}
    first, secondary = tables["with-against-without-stochastic-batches"].blocks
    assert first[0][0].text == "with stochastic batches"
    cells = dict(zip(("p", "holm", "needed"), first[0][-3:], strict=True))
    assert cells["p"].value == cells["holm"].value == 0.03125
    assert cells["holm"].bold
    assert {row[0].text for row in secondary} == {
        f"{name} + stochastic batches" for name in ("entropy", "dropout", "TTA")
    }
    assert all((row[-1].value or 7) >= 7 for row in secondary)
