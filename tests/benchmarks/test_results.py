from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from benchmarks.document import write_page
from benchmarks.measure import Timings
from benchmarks.rankings import compare_rankings
from benchmarks.results import Count, Measured, Result, Target, compare, not_measured, quantity

Kind = Literal["faster", "time", "at most", "at least"]


@pytest.mark.parametrize(
    ("kind", "below", "above"),
    [
        ("faster", False, True),
        ("at least", False, True),
        ("time", True, False),
        ("at most", True, False),
    ],
)
def test_a_target_knows_its_direction_and_is_met_at_its_bound(
    kind: Kind, below: bool, above: bool
) -> None:
    target = Target(2, kind)
    assert target.met(2)
    assert target.met(1.9) is below
    assert target.met(2.1) is above


def test_a_miss_says_by_how_much_and_on_which_side() -> None:
    assert Target(4, "faster").distance(3) == "25% below the bound of 4"
    assert Target(4, "time").distance(5) == "25% above the bound of 4"


def test_a_faster_line_divides_the_peers_time_by_ours_and_a_time_line_ours_by_the_peers() -> (
    None
):
    timings = Timings({"ours": [1.0, 2.0, 1.0], "peer": [4.0, 4.0, 3.0]})

    def line(kind: Kind) -> Result:
        target = Target(3, kind)
        return compare(1, "work", timings, "peer", peer_name="peer", target=target)

    assert line("faster").ratio == "3 (2–4) × as fast"
    assert line("faster").met is True
    assert line("time").ratio == "0.333 (0.25–0.5) × the time"
    assert line("time").rounds == 3


def test_why_a_target_is_missed_stands_only_where_it_is() -> None:
    def line(value: float) -> Result:
        return quantity(1, "work", value, Target(1, "at most"), ours="–", reason="because")

    assert (line(2).reason, line(2).missed) == ("because", "100% above the bound of 1")
    assert (line(1).reason, line(1).missed) == ("", "")


def test_a_target_without_a_measurement_counts_as_not_met() -> None:
    lines = [
        quantity(1, "met", 1, Target(1, "at most"), ours="–"),
        quantity(1, "missed", 2, Target(1, "at most"), ours="–"),
        quantity(1, "for comparison", 2, ours="–"),
        not_measured(2, "a peer is missing", "why", target=Target(1, "faster")),
        not_measured(3, "a row crashed", "why", targets=5),
    ]
    assert Count.of(lines) == Count(met=1, missed=1, unmeasured=6)
    assert str(Count.of(lines)).startswith("1 of 8 targets are met. 6 could not be measured")


def test_what_a_row_found_out_survives_the_way_between_processes(tmp_path: Path) -> None:
    found = Measured([not_measured(1, "work", "why", targets=2)], crashed=True)
    found.write(tmp_path / "found.json")
    assert Measured.read(tmp_path / "found.json") == found


def test_the_page_shows_that_a_line_was_measured_once() -> None:
    once = compare(1, "once", Timings({"ours": [1.0], "peer": [2.0]}), "peer", peer_name="it")
    page = write_page({1: Measured([once])}, minutes=0, load=0, plot=None)
    assert "| 1 | once | 1 s | 2 s | it | 2 × as fast | 1 | – | – |" in page


def test_rankings_are_judged_by_their_order_and_not_by_the_size_of_the_scores() -> None:
    scores = np.random.default_rng(0).random(50)
    same = compare_rankings(1, "work", scores, 3 * scores, peer_name="it")
    turned = compare_rankings(1, "work", scores, -scores, peer_name="it")
    assert [line.met for line in same] == [True, True]
    assert [line.met for line in turned] == [False, False]
