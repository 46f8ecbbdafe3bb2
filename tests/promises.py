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

from nextslice.wording import counted

__all__ = ["VARIABLE", "Promises", "written_into"]

VARIABLE = "NEXTSLICE_RELIABILITY"
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"

_PROMISE = "promise"  # the name under which a report carries its rows

Row = tuple[str, str]


class Promises:
    """Counts how the cases of each row ended.

    A worker of many hands its reports to the process that began it, so the rows travel with
    them, and only that process writes the table.
    """

    def __init__(self) -> None:
        self._ended: dict[Row, Counter[str]] = {}
        self._measured: dict[Row, list[str]] = {}
        self._shown_by: dict[Row, str] = {}
        self._workers: set[str] = set()
        self._since = time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        rows = [(mark.args[0], mark.kwargs["fault"]) for mark in item.iter_markers("promise")]
        report.user_properties.extend((_PROMISE, row) for row in rows)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        self._workers.add(getattr(report, "worker_id", "this one"))
        measured = [str(value) for name, value in report.user_properties if name == "measured"]
        for name, value in report.user_properties:
            if name == _PROMISE and isinstance(value, list | tuple):  # a list, if it travelled
                row = (str(value[0]), str(value[1]))
                self._ended.setdefault(row, Counter())[report.outcome] += 1
                self._measured.setdefault(row, []).extend(measured)
                self._shown_by[row] = min(report.nodeid, self._shown_by.get(row, report.nodeid))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        page = os.environ.get(VARIABLE)
        if page and self._ended and not hasattr(session.config, "workerinput"):
            path = Path(page)
            text = written_into(path.read_text(encoding="utf-8"), self.table())
            path.write_text(text, encoding="utf-8")

    def table(self) -> str:
        """The rows in the order of the tests that show them, and what they ran on."""
        lines = ["| promise | fault injected | cases | result |", "|---|---|---:|---|"]
        for row in sorted(self._ended, key=self._shown_by.__getitem__):
            promise, fault = row
            ended = self._ended[row]
            cases = ended.total() - ended["skipped"]
            result = "; ".join([_result(ended), *self._measured[row]])
            lines.append(f"| {promise} | {fault} | {cases} | {result} |")
        minutes = (time.monotonic() - self._since) / 60
        lines += [
            "",
            f"Written by `make test-faults` on {datetime.now(UTC):%Y-%m-%d}: "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
            f"{counted(len(self._workers), 'test')} at a time, "
            f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
            f"{counted(round(minutes), 'minute')}.",
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
