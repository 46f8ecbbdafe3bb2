"""The page stands by itself, fetches nothing, and shows names as names."""

from __future__ import annotations

import base64
import html
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from nextslice.cli.report import comparison_table, report
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
        *(f"{name}.{kind}" for name in ("dice", "queries", "times") for kind in ("png", "svg")),
    }
    page = _Page(path)
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
    assert len(images) == 3
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
    for title in ("Strategy", "Seeds", "(mm)", "per query", "(s)"):
        assert title in text


def test_a_report_needs_no_torch() -> None:
    code = (
        "import sys, nextslice.report, nextslice.cli.report; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
