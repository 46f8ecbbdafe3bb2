"""All of a report on one HTML page that stands by itself: nothing is fetched, nothing runs."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nextslice.files import write_atomically
from nextslice.report.drawing import save
from nextslice.report.figures import draw_all
from nextslice.report.reading import reading
from nextslice.report.runs import Run, read_runs
from nextslice.report.summaries import groups, summarise
from nextslice.report.tables import (
    NOTE,
    class_cells,
    comparison_cells,
    duration,
    plain_text,
    to_csv,
    to_markdown,
)

__all__ = ["write_report"]

_SETTINGS = (
    ("Data", "data.folder"),
    ("Preset", "preset"),
    ("Slice size", "data.size"),
    ("In-plane spacing (mm)", "data.spacing"),
    ("Labels merged", "data.labels"),
    ("Test cases", "split.test"),
    ("U-Net channels", "network.channels"),
    ("Training steps", "training.steps"),
    ("Batch size", "training.batch_size"),
    ("Initial set", "initial"),
    ("Budget per query", "budget"),
    ("Queries", "cycles"),
)
_MACHINE = (
    ("Device", "hardware.device"),
    ("Processor", "hardware.processor"),
    ("Cores", "hardware.cores"),
    ("Threads", "threads"),
    ("Precision", "precision.name"),
    ("System", "hardware.system"),
    ("Data fingerprint", "data"),
)


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Compare all runs in or below a folder, in tables, figures and on one page.

    Args:
        folder: A run's folder, or one that holds runs at any depth.
        out: Folder for ``report.html``, ``comparison.md``, ``comparison.csv`` and the figures
            as PNG and SVG; ``FOLDER/report`` by default.

    Returns:
        The path of ``report.html``.

    Raises:
        ProjectError: There is no run, or a run's files cannot be read.
    """
    runs = read_runs(folder)
    out = folder / "report" if out is None else out
    out.mkdir(parents=True, exist_ok=True)
    summaries = summarise(runs)
    write_atomically(out / "comparison.md", to_markdown(summaries))
    write_atomically(out / "comparison.csv", to_csv(summaries))
    figures = []
    for drawing in draw_all(runs):
        _, svg = save(drawing, out)
        figures.append(
            {
                "title": drawing.title,
                "caption": drawing.caption,
                "alt": drawing.alt,
                "source": _inlined(svg),
            }
        )
    environment = Environment(
        loader=PackageLoader("nextslice.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        title=plain_text(folder.resolve().name),
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        lead=_lead(runs),
        sentences=reading(runs),
        notes=_notes(runs),
        comparison=comparison_cells(summaries),
        by_class=class_cells(summaries) if _class_count(runs) > 1 else None,
        note=NOTE,
        figures=figures,
        runs=[_run_row(run, folder) for run in runs],
        settings=_facts([run.config for run in runs], _SETTINGS),
        machine=_facts([run.environment for run in runs], _MACHINE),
        software=_software([run.environment for run in runs]),
    )
    path = out / "report.html"
    write_atomically(path, page)
    return path


def _lead(runs: Sequence[Run]) -> str:
    strategies = len({run.strategy for run in runs})
    seeds = len({run.pair for run in runs})
    total = math.fsum(run.working_seconds() for run in runs)
    return (
        f"{_count(len(runs), 'run')}: {_count(strategies, 'strategy', 'strategies')}, "
        f"{_count(seeds, 'seed')}; {duration(total)} of training, scoring, selecting and "
        "evaluating."
    )


def _notes(runs: Sequence[Run]) -> list[str]:
    """What a reader must know before comparing anything."""
    notes = []
    unfinished = [run for run in runs if not run.finished]
    if unfinished:
        told = "; ".join(
            f"{plain_text(run.strategy)}, seed {run.seed} ({_progress(run)})"
            for run in unfinished
        )
        notes.append(
            f"Not finished: {told}. Where a strategy has finished runs, only these are "
            "compared."
        )
    notes += [
        f"{plain_text(group.strategy)} has several runs of one seed; the one that went "
        "farthest counts, the others are left out."
        for group in groups(runs)
        if group.repeated
    ]
    if len({_canonical(run.environment.get("hardware")) for run in runs}) > 1:
        notes.append("The runs are from different machines: their times do not compare.")
    lengths = {group.queried_cycles for group in groups(runs)}
    if len(lengths) > 1:
        notes.append(
            "The strategies were not run for the same cycles: means over cycles in the tables "
            "do not compare; the differences in the reading are over shared cycles only."
        )
    return notes


def _run_row(run: Run, folder: Path) -> dict[str, str]:
    dice = run.metric("dice_3d")
    return {
        "folder": plain_text(run.folder.relative_to(folder).as_posix()),
        "strategy": plain_text(run.strategy),
        "seed": str(run.seed),
        "progress": _progress(run),
        "state": "finished" if run.finished else "not finished",
        "labelled": str(max(run.recorded.values(), default=0)),
        "dice": f"{100 * dice[max(dice)]:.2f}" if dice else "",
        "time": duration(run.working_seconds()),
    }


def _progress(run: Run) -> str:
    planned = "" if run.planned is None else f" of {run.planned}"
    return f"{len(run.recorded)}{planned} cycles"


def _facts(
    sources: Sequence[Mapping[str, Any]], wanted: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Label -> every value that occurs, for the facts that any source has."""
    found = []
    for label, path in wanted:
        values = [_at(source, path) for source in sources]
        told = list(dict.fromkeys(_text(path, value) for value in values if value is not None))
        if told:
            found.append((label, "; ".join(told)))
    return found


def _software(environments: Sequence[Mapping[str, Any]]) -> str:
    versions: dict[str, list[str]] = {}
    for environment in environments:
        software = environment.get("software")
        for name, version in software.items() if isinstance(software, Mapping) else ():
            known = versions.setdefault(plain_text(str(name)), [])
            if str(version) not in known:
                known.append(plain_text(str(version)))
    return ", ".join(f"{name} {' or '.join(told)}" for name, told in versions.items())


def _at(nested: Mapping[str, Any], path: str) -> object:
    value: object = nested
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(path: str, value: object) -> str:
    if path == "data.folder":  # the path before it is nobody's business
        value = str(value).replace("\\", "/").rstrip("/").rpartition("/")[2]
    if isinstance(value, list):
        joint = " x " if path == "data.size" else ", "
        return plain_text(joint.join(map(str, value)))
    if path == "data":
        return plain_text(str(value)[:12])
    return plain_text(str(value))


def _canonical(value: object) -> str:
    return repr(sorted(value.items())) if isinstance(value, Mapping) else repr(value)


def _class_count(runs: Sequence[Run]) -> int:
    return len({name for run in runs for name in run.classes})


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count} {one}" if count == 1 else f"{count} {many or one + 's'}"


def _inlined(svg: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.read_bytes()).decode()
