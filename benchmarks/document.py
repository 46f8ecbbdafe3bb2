"""The page: table, plot, machine, and what missed its target and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from benchmarks import inputs
from benchmarks.machine import busy, commit, describe_machine, gpu_line, versions
from benchmarks.results import Count, Measured, Result

__all__ = ["write_page"]

_HEAD = (
    "| # | work | ours | theirs | side by side with | ratio (lowest–highest) | rounds "
    "| target | met |"
)
_RULE = "|---|---|---|---|---|---|---|---|---|"


def write_page(
    measured: Mapping[int, Measured],
    *,
    minutes: float,
    load: float,
    plot: str | None,
    smoke: bool = False,
) -> str:
    """The whole page as Markdown.

    Args:
        measured: What each row found out.
        minutes: How long all of it took.
        load: Load of the machine before it began.
        plot: Path of the plot from the page, if there is one.
        smoke: Whether the sizes were tiny, so that the numbers mean nothing.
    """
    results = [result for row in measured.values() for result in row.results]
    parts = [
        "# Speed and memory",
        "*Written by `make bench`; do not edit.*",
        "> Tiny sizes, only to see that the suite works: these numbers mean nothing."
        if smoke
        else "",
        "What nextslice costs, side by side with what one would use instead, on one machine in "
        "one run. Times differ from machine to machine; the ratios are what to look at. Both "
        "sides took turns, in as many rounds as the line says: the ratio is the median over "
        "them, with the lowest and the highest in brackets. A line of one round is a single "
        "measurement, of which nobody knows the spread; another run may differ by more than "
        "any brackets. One processor thread, unless a line says otherwise.",
        str(Count.of(results)),
        "\n".join([_HEAD, _RULE, *map(_line, results)]),
        f"![Seconds for a selection against the size of the pool]({plot})" if plot else "",
        _section("Notes to the lines", [_note(r) for r in results if r.note]),
        _section(
            "Machine",
            [
                f"{describe_machine()}",
                gpu_line(),
                f"{versions()}; {commit()}.",
                f"Slices and volumes: {inputs.data_name()}.",
                f"{datetime.now(UTC):%Y-%m-%d}; {minutes:.0f} minutes in all. Load of the "
                f"machine before it began: {load:.1f}."
                + (" It had other work to do, so the spreads are wide." if busy(load) else ""),
            ],
        ),
        "## Again\n\n"
        "```bash\n"
        "make bench                        # install the peers, measure, write this page\n"
        "python -m benchmarks --rows 1,5   # some rows, printed\n"
        "python -m benchmarks --smoke      # tiny sizes: does the suite work?\n"
        "```",
        _misses([result for result in results if result.met is False]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(result: Result) -> str:
    met = {True: "yes", False: "**no**", None: "–"}[result.met]
    cells = (
        str(result.row),
        result.work,
        result.ours,
        result.peer,
        result.peer_name,
        result.ratio,
        str(result.rounds) if result.rounds else "–",
        result.target or "–",
        met,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _note(result: Result) -> str:
    peer = "" if result.peer_name == "–" else f", beside {result.peer_name}"
    return f"{result.row}, {result.work}{peer}: {result.note}"


def _section(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines)


def _misses(results: Sequence[Result]) -> str:
    if not results:
        return ""
    parts = ["## Missed targets"]
    for result in results:
        parts.append(f"### {result.row}. {result.work}, beside {result.peer_name}")
        parts.append(
            f"Target {result.target}; measured {result.ratio}: {result.missed}. {result.reason}"
        )
        if result.profile:
            parts.append("```text\n" + result.profile + "\n```")
    return "\n\n".join(parts)
