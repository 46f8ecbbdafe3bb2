"""The page stands by itself, fetches nothing, and shows names as names."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from nextslice.cli.report import comparison_table, comparison_tables, report
from nextslice.errors import ProjectError
from nextslice.report import read_runs, write_report

WriteRun = Callable[..., Path]

ENVIRONMENT = {
    "software": {"python": "3.11.7", "torch": "2.13.0"},
    "hardware": {"device": "cpu", "processor": "A processor", "cores": 2},
    "threads": 2,
    "precision": {"name": "float32", "reason": "because"},
    "data": "0123456789abcdef",
    "seed": 0,
}
FIGURES = ("dice", "ranking", "queries", "times")
_VOID = {"meta", "img"}


class _Page(HTMLParser):
    """Collects tags and text, and fails where tags do not nest."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(path.read_text())
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _write_three(write_run: WriteRun) -> None:
    for seed in (0, 1):
        write_run(f"random-{seed}", [0.5, 0.6], seed=seed, environment=ENVIRONMENT)
        for selection in ("top-k", "stochastic-batches"):
            write_run(
                f"{selection}-{seed}",
                [0.5, 0.65],
                seed=seed,
                uncertainty="entropy",
                selection=selection,
                strength=1.2,
                environment=ENVIRONMENT,
            )


def test_the_report_holds_a_page_tables_and_figures(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write_three(write_run)
    path = write_report(tmp_path)
    assert path == tmp_path / "report" / "report.html"
    assert {file.name for file in path.parent.iterdir()} == {
        "report.html",
        "comparison.md",
        "comparison.csv",
        "tables",
        "SHA256SUMS",
        *(f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg", "pdf")),
    }
    keys = ("table-1", "table-2", "against-random-sampling", "summary", "penalties")
    both = ("with-against-without-stochastic-batches", "against-random-by-metric")
    assert {file.name for file in (path.parent / "tables").iterdir()} == {
        f"{key}.{ending}" for key in (*keys, *both) for ending in ("md", "csv", "tex")
    }
    page = _Page(path)
    for told in ("Table 1", "w/o SB", "Against random sampling"):
        assert told in page.words
    for told in ("Task04", "quick", "A processor", "torch 2.13.0", "0123456789ab", "float32"):
        assert told in page.words
    assert "2 min 27 s of training" in page.words  # 6 runs of 24.5 seconds
    assert "/home/somebody" not in path.read_text()


def test_nothing_is_fetched_and_nothing_runs(write_run: WriteRun, tmp_path: Path) -> None:
    _write_three(write_run)
    path = write_report(tmp_path)
    page = _Page(path)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", path.read_text())
    assert not page.all("script")
    assert not page.all("link")
    (policy,) = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    images = page.all("img")
    assert len(images) == len(FIGURES)
    for image in images:
        assert image["alt"]
        kind, _, content = (image["src"] or "").partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert b"<svg" in base64.b64decode(content)


def test_hostile_names_are_shown_and_do_nothing(write_run: WriteRun, tmp_path: Path) -> None:
    hostile = '<img src=x onerror="alert(1)"><script>alert(1)</script>'
    write_run(
        "a",
        [0.5, 0.6],
        uncertainty=hostile,
        selection="top-k",
        classes=[hostile, "</table>"],
        changes={"data": {"folder": f"/x/{hostile.replace('/', '')}"}},
        environment={"hardware": {"device": hostile}, "software": {hostile: hostile}},
        case="<script>alert(2)</script>",
    )
    path = write_report(tmp_path)
    page = _Page(path)
    assert not page.all("script")
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert html.escape("<script>alert(1)</script>") in path.read_text()
    assert hostile in page.words


def test_a_hostile_folder_name_is_shown_and_does_nothing(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("<b onclick=x>&amp;", [0.5, 0.6])
    page = _Page(write_report(tmp_path))
    assert not page.all("b")
    assert "<b onclick=x>&amp;" in page.words


def test_unfinished_runs_are_named(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6, 0.7])
    write_run("b", [0.5, 0.6], seed=7, planned=2)
    page = _Page(write_report(tmp_path))
    assert "Not finished: random, seed 7 (2 of 3 cycles)" in page.words
    assert "not finished" in page.words
    assert "1 (+1 unfinished)" in page.words


@pytest.mark.parametrize("dice", [[], [0.5], [0.5, 0.6]])
def test_one_run_with_one_seed_is_enough_at_any_stage(
    write_run: WriteRun, dice: list[float]
) -> None:
    folder = write_run("a", dice, planned=1)
    page = _Page(write_report(folder))
    assert ("Not finished" in page.words) == (len(dice) < 2)


def test_times_of_different_machines_come_with_a_warning(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], environment=ENVIRONMENT)
    write_run(
        "b", [0.5, 0.6], seed=1, environment=ENVIRONMENT | {"hardware": {"device": "cuda"}}
    )
    assert "different machines" in _Page(write_report(tmp_path)).words


def test_the_report_may_lie_elsewhere_and_is_written_anew(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6])
    out = tmp_path / "some" / "where"
    assert write_report(tmp_path / "runs", out) == out / "report.html"
    first = (out / "comparison.csv").read_text()
    write_run("b", [0.5, 0.9], seed=1)
    write_report(tmp_path / "runs", out)
    assert (out / "comparison.csv").read_text() != first
    assert not (tmp_path / "runs" / "report").exists()


def test_without_runs_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_the_table_and_names_the_report(
    write_run: WriteRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_three(write_run)
    report(tmp_path, None)
    printed = capsys.readouterr()
    assert "entropy + stochastic batches" in printed.out
    assert printed.out.endswith(f"report: {tmp_path / 'report' / 'report.html'}\n")


def test_the_table_fits_a_terminal_of_80_columns(write_run: WriteRun, tmp_path: Path) -> None:
    _write_three(write_run)
    write_run("c", [0.5, 0.6], selection="[red]x[/red]", uncertainty="learning-loss")
    console = Console(width=80, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(comparison_table(read_runs(tmp_path)))
    text = captured.get()
    assert max(map(len, text.splitlines())) <= 80
    assert "stochastic" in text
    assert "[red]" in text
    for title in ("Strategy", "Runs", "(mm)", "per query", "(s)"):
        assert title in text


def _write_two_experiments(write_run: WriteRun) -> None:
    _write_three(write_run)
    for seed in (0, 1):
        write_run(
            f"elsewhere-{seed}",
            [0.4, 0.8],
            seed=seed,
            changes={"data": {"folder": "/x/Prostate <b>", "size": [128, 128]}},
        )


def test_each_experiment_has_a_section_with_table_reading_and_figures_of_its_own(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write_two_experiments(write_run)
    path = write_report(tmp_path)
    text, page = path.read_text(), _Page(path)
    assert "8 runs of 2 experiments" in page.words
    assert len(page.all("img")) == 2 * len(FIGURES) - 1  # one strategy is not ranked
    first, second = text.split('<section class="experiment"')[1:]
    assert "Prostate &lt;b&gt;, slices of 128 x 128 pixels" in first
    assert "Task04, slices of 50 x 50 pixels" in second
    assert "entropy" not in first.replace("average entropy", "")
    assert "There is one strategy, random" in first
    assert "3 strategies with 2 seeds each" in second
    assert {file.name for file in path.parent.glob("*.png")} == {
        f"{figure}-{data}.png"
        for figure in FIGURES
        for data in ("1-Prostate-b", "2-Task04")
        if (figure, data) != ("ranking", "1-Prostate-b")
    }


@pytest.mark.parametrize("several", [False, True])
def test_the_contents_lead_to_every_part_of_the_page(
    write_run: WriteRun, tmp_path: Path, several: bool
) -> None:
    (_write_two_experiments if several else _write_three)(write_run)
    page = _Page(write_report(tmp_path))
    links = [(anchor["href"] or "")[1:] for anchor in page.all("a")]
    places = [str(attributes["id"]) for _, attributes in page.tags if "id" in attributes]
    assert len(places) == len(set(places))
    assert sorted(places) == sorted(links)
    assert len([place for place in places if "times" in place]) == 1 + several


def test_every_table_says_what_its_columns_and_rows_are(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write_three(write_run)
    page = _Page(write_report(tmp_path))
    assert {header.get("scope") for header in page.all("th")} <= {"col", "colgroup", "row"}


def test_one_experiment_needs_no_section_and_no_title(
    write_run: WriteRun, tmp_path: Path
) -> None:
    _write_three(write_run)
    path = write_report(tmp_path)
    assert "experiment-1" not in path.read_text()
    assert "slices of 50 x 50" not in path.read_text()
    (table,) = comparison_tables(read_runs(tmp_path))
    assert table.title is None


def test_the_command_prints_a_table_with_a_title_for_each_experiment(
    write_run: WriteRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_two_experiments(write_run)
    report(tmp_path, None)
    printed = capsys.readouterr().out
    assert printed.index("Prostate <b>, slices") < printed.index("Task04, slices")
    assert printed.count("Strategy ") == 2


def test_figures_of_an_experiment_that_is_gone_do_not_stay_behind(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6])
    out = write_report(tmp_path).parent
    (out / "notes.txt").write_text("mine")
    write_run("elsewhere", [0.4, 0.8], changes={"data": {"folder": "/x/Prostate"}})
    write_report(tmp_path)
    assert not (out / "dice.png").exists()
    assert (out / "dice-1-Prostate.png").is_file()
    shutil.rmtree(tmp_path / "runs" / "elsewhere")
    write_report(tmp_path)
    assert (out / "dice.png").is_file()
    assert not list(out.glob("*Prostate*"))
    assert (out / "notes.txt").read_text() == "mine"


def test_runs_that_failed_are_told_with_their_cause(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6])
    ended = [
        {"run": "runs/a", "state": "unfinished", "cause": None, "seconds": None},
        {"run": "runs/tta/seed-0", "state": "failed", "cause": "<b>no memory", "seconds": 120},
        {"run": "runs/tta/seed-1", "state": "unfinished", "cause": None, "seconds": None},
    ]
    (tmp_path / "outcomes.json").write_text(json.dumps(ended))
    for folder in (tmp_path, tmp_path / "runs"):
        page = _Page(write_report(folder))
        assert "1 run failed" in page.words
        assert "runs/tta/seed-0<b>no memory2 min 00 s" in page.words
        assert "1 run has recorded nothing yet" in page.words
        assert "Runs without a result\nruns/tta/seed-1" in page.words


def test_the_page_is_named_for_the_recipe_and_begins_with_data_and_preset(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6])
    (tmp_path / "recipe.yaml").write_text("title: My <idea> beside others\n")
    for folder in (tmp_path, tmp_path / "runs"):
        head = _Page(write_report(folder)).words.partition("Contents")[0]
        assert "My <idea> beside others" in head
        assert "Data: Task04 · Preset: quick · Initial set: 2 · Budget per query: 2" in head
    for broken in ("title: [", "- 1", "title: 3"):
        (tmp_path / "recipe.yaml").write_text(broken)
        assert f"{tmp_path.name} – nextslice report" in _Page(write_report(tmp_path)).words


def test_many_runs_are_shown_by_strategy_and_each_of_them_on_request(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for seed in (0, 1, 2, 5, 6, 9, 10):
        write_run(f"a-{seed}", [0.5, 0.6 + seed / 100], seed=seed)
        planned = 1 if seed else 2
        write_run(f"b-{seed}", [0.5, 0.7], seed=seed, selection="core-set", planned=planned)
    page = _Page(write_report(tmp_path))
    assert "random0 to 2, 5, 6, 9, 107 of 7464.71" in page.words.replace("\n", "")
    assert "6 of 7" in page.words
    assert "All 14 runs, each with its folder" in page.words
    assert "runs/b-10" in page.words


def test_a_footnote_stands_once_on_the_page(write_run: WriteRun, tmp_path: Path) -> None:
    for budget in (5, 10):
        for seed in (0, 1):
            for selection in ("top-k", "stochastic-batches"):
                write_run(
                    f"{selection}-{budget}-{seed}",
                    [0.5, 0.6],
                    seed=seed,
                    uncertainty="entropy",
                    selection=selection,
                    changes={"budget": budget},
                )
    words = _Page(write_report(tmp_path)).words
    assert "Table 1, budget 10" in words
    assert words.count("of a two-sided paired permutation test of with against without") == 1
    assert "the same as below: Table 1, budget 5." in words


@pytest.mark.parametrize("text", ["", "{}", "[1, null]", '[{"seconds": "x"}]', "\x00"])
def test_a_note_of_outcomes_that_cannot_be_read_stops_no_report(
    write_run: WriteRun, tmp_path: Path, text: str
) -> None:
    write_run("a", [0.5, 0.6])
    (tmp_path / "outcomes.json").write_text(text)
    assert "failed" not in _Page(write_report(tmp_path)).words


def test_the_page_says_how_to_repeat_it(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("a", [0.5, 0.6])
    assert "nextslice benchmark" not in _Page(write_report(tmp_path)).words
    (tmp_path / "recipe.yaml").write_text("title: t\n")
    words = _Page(write_report(tmp_path)).words
    assert "nextslice benchmark recipe.yaml --out" in words
    assert "nextslice report" in words


def test_all_settings_are_on_the_page_without_the_path_of_the_data(
    write_run: WriteRun, tmp_path: Path
) -> None:
    for seed in (3, 4):
        write_run(f"{seed}", [0.5, 0.6], seed=seed)
    scored = {"name": "dropout", "parameters": {"samples": 8}}
    write_run("scored", [0.5, 0.6], seed=3, uncertainty=scored, selection="top-k")
    page = _Page(write_report(tmp_path))
    assert "training.batch_size4" in page.words.replace("\n", "")
    assert "seed3; 4" in page.words.replace("\n", "")
    assert "uncertainty.parameters.samples8" in page.words.replace("\n", "")
    assert "{" not in page.words.partition("All settings")[2]  # nothing as programs write it
    assert "/home/somebody" not in page.words


def test_what_names_leave_out_and_data_that_changed_are_told(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("a", [0.5, 0.6], environment=ENVIRONMENT)
    write_run(
        "b",
        [0.5, 0.6],
        environment=ENVIRONMENT | {"data": "fedcba"},
        changes={"budget": 5, "training": {"steps": 3, "batch_size": 4}},
    )
    words = _Page(write_report(tmp_path)).words
    assert "differ in more than their names say: steps (1500, 3)." in words
    assert "data of one name and other content" in words


@pytest.mark.parametrize("kind", ["a file", "below a file", "a folder named like the page"])
def test_a_report_that_cannot_be_written_says_why_and_what_to_do(
    write_run: WriteRun, tmp_path: Path, kind: str
) -> None:
    write_run("a", [0.5, 0.6])
    out = tmp_path / "out"
    if kind.endswith("page"):
        (out / "report.html").mkdir(parents=True)
    else:
        out.write_text("mine")
        out = out if kind == "a file" else out / "deeper"
    for attempt in (write_report, report):
        with pytest.raises(ProjectError, match="Expected to write the report") as raised:
            attempt(tmp_path / "runs", out)
        assert str(out) in str(raised.value)
        assert "What to do: Name a folder" in str(raised.value)
    assert kind.endswith("page") or (tmp_path / "out").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_folders_that_may_not_be_written_or_read_are_named(
    write_run: WriteRun, tmp_path: Path
) -> None:
    runs = write_run("a", [0.5, 0.6]).parent
    runs.chmod(0o500)
    try:
        with pytest.raises(ProjectError, match="may only be read"):
            write_report(runs)
    finally:
        runs.chmod(0o700)
    (runs / "a").chmod(0)
    try:
        with pytest.raises(ProjectError, match="Expected to read the folder"):
            write_report(runs)
    finally:
        (runs / "a").chmod(0o700)


def test_a_report_needs_no_torch() -> None:
    code = (
        "import sys, nextslice.report, nextslice.cli.report; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
