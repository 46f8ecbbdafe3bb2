"""The table of docs/reliability.md, from the tests that show it.

A test marked ``promise("what is promised", fault="what is broken")`` is a case of that row.
What it measured stands there, too: ``record_property("measured", "in words")``. The table is
written at the end of a run whose environment names the page, as `make test-faults` has it.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

__all__ = ["VARIABLE", "Promises", "written_into"]

VARIABLE = "NEXTSLICE_RELIABILITY"
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"

Row = tuple[str, str]


class Promises:
    """Counts how the cases of each row ended."""

    def __init__(self) -> None:
        self._ended: dict[Row, Counter[str]] = {}
        self._measured: dict[Row, list[str]] = {}
        self._since = time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        for mark in item.iter_markers("promise"):
            row = (mark.args[0], mark.kwargs["fault"])
            ended = self._ended.setdefault(row, Counter())
            if report.when == "call" or report.outcome != "passed":
                ended[report.outcome] += 1
                told = [
                    str(value) for name, value in report.user_properties if name == "measured"
                ]
                self._measured.setdefault(row, []).extend(told)
        return report

    def pytest_sessionfinish(self) -> None:
        page = os.environ.get(VARIABLE)
        if page and self._ended:
            path = Path(page)
            text = written_into(path.read_text(encoding="utf-8"), self.table())
            path.write_text(text, encoding="utf-8")

    def table(self) -> str:
        """The rows in the order in which they ran, and what they ran on."""
        lines = ["| promise | fault injected | cases | result |", "|---|---|---:|---|"]
        for (promise, fault), ended in self._ended.items():
            cases = ended.total() - ended["skipped"]
            result = "; ".join([_result(ended), *self._measured.get((promise, fault), [])])
            lines.append(f"| {promise} | {fault} | {cases} | {result} |")
        minutes = (time.monotonic() - self._since) / 60
        lines += [
            "",
            f"Written by `make test-faults` on {datetime.now(UTC):%Y-%m-%d}: "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
            f"{minutes:.0f} minutes.",
        ]
        return "\n".join(lines)


def written_into(page: str, table: str) -> str:
    """A page with the table between its marks."""
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}\n\n{table}\n\n{_END}{after}"


def _result(ended: Counter[str]) -> str:
    if ended["failed"]:
        return f"**{ended['failed']} failed**"
    if not ended["passed"]:
        return "not run on this machine"
    return "all kept" + (f", {ended['skipped']} not run here" if ended["skipped"] else "")
