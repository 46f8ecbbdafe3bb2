"""All of a report on one HTML page that stands by itself: nothing is fetched, nothing runs."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nextslice.errors import ProjectError
from nextslice.files import write_atomically
from nextslice.report.apart import unnamed_differences
from nextslice.report.comparison import (
    NOTE,
    class_table,
    comparison_csv,
    comparison_markdown,
    comparison_table,
)
from nextslice.report.drawing import save
from nextslice.report.experiments import by_experiment
from nextslice.report.facts import data_name, machine_of, settings_of, software_of
from nextslice.report.figures import draw_all
from nextslice.report.paper import paper_tables
from nextslice.report.reading import reading
from nextslice.report.rendering import write_tables
from nextslice.report.runs import Run, read_runs
from nextslice.report.significance import statistics_tables
from nextslice.report.summaries import groups, summarise
from nextslice.report.tables import duration, plain_text
from nextslice.wording import counted

__all__ = ["write_report"]

_MANY = 6  # differences that a note lists


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Compare all runs in or below a folder, in tables, figures and on one page.

    Runs on other data, or on data prepared, labelled or split otherwise, are an experiment of
    their own, with tables, figures and a section of the page to themselves.

    Args:
        folder: A run's folder, or one that holds runs at any depth.
        out: Folder for ``report.html``, ``comparison.md``, ``comparison.csv``, ``tables/`` as
            Markdown, CSV and LaTeX, and the figures as PNG and SVG; ``FOLDER/report`` by
            default. With more than one experiment the figures' names end in its number and
            its data.

    Returns:
        The path of ``report.html``.

    Raises:
        ProjectError: There is no run, a run's files cannot be read, or the report cannot be
            written.
    """
    runs = read_runs(folder)
    out = folder / "report" if out is None else out
    try:
        return _write(runs, folder, out)
    except OSError as error:
        raise ProjectError(
            f"Expected to write the report into {out}, got: {error}.",
            cause=_why_not(error),
            remedy="Name a folder that may be written, with --out or as `out`.",
        ) from error


def _why_not(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a file stands where a folder is needed."
    if isinstance(error, IsADirectoryError):
        return "a folder stands where a file of the report is needed."
    if isinstance(error, PermissionError):
        return "the folder belongs to somebody else or may only be read."
    return "the disk is full, or the folder is gone."


def _write(runs: Sequence[Run], folder: Path, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    summaries = summarise(runs)
    write_atomically(out / "comparison.md", comparison_markdown(summaries))
    write_atomically(out / "comparison.csv", comparison_csv(summaries))
    tables = [*paper_tables(runs), *statistics_tables(runs)]
    write_tables(tables, out / "tables")
    experiments = by_experiment(runs)
    several = len(experiments) > 1
    sections = [
        _section(members, folder, out, f"-{place}-{_file_name(members[0])}" if several else "")
        for place, members in enumerate(experiments.values(), 1)
    ]
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
        lead=_lead_of_all(sections, runs) if several else sections[0]["lead"],
        sections=sections,
        tables=tables,
        note=NOTE,
    )
    path = out / "report.html"
    write_atomically(path, page)
    return path


def _section(runs: Sequence[Run], folder: Path, out: Path, suffix: str) -> dict[str, Any]:
    """What the page says about one experiment; its figures are written on the way."""
    summaries = summarise(runs)
    figures = []
    for drawing in draw_all(runs):
        _, svg = save(replace(drawing, name=drawing.name + suffix), out)
        figures.append(
            {
                "title": drawing.title,
                "caption": drawing.caption,
                "alt": drawing.alt,
                "source": _inlined(svg),
            }
        )
    return {
        "title": plain_text(runs[0].experiment),
        "lead": _lead(runs),
        "sentences": reading(runs),
        "notes": _notes(runs),
        "comparison": comparison_table(summaries),
        "by_class": class_table(summaries) if _class_count(runs) > 1 else None,
        "figures": figures,
        "runs": [_run_row(run, folder) for run in runs],
        "settings": settings_of(runs),
        "machine": machine_of(runs),
        "software": software_of(runs),
    }


def _file_name(run: Run) -> str:
    """The experiment's data, in letters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", data_name(run)).strip("-")[:40] or "data"


def _lead_of_all(sections: Sequence[Mapping[str, Any]], runs: Sequence[Run]) -> str:
    total = math.fsum(run.working_seconds() for run in runs)
    return (
        f"{counted(len(runs), 'run')} of {counted(len(sections), 'experiment')}, which differ "
        "in data, in how it was prepared or in how it was split: each is compared by itself. "
        f"{duration(total)} of training, scoring, selecting and evaluating."
    )


def _lead(runs: Sequence[Run]) -> str:
    strategies = len({run.strategy for run in runs})
    seeds = len({run.pair for run in runs})
    total = math.fsum(run.working_seconds() for run in runs)
    return (
        f"{counted(len(runs), 'run')}: {counted(strategies, 'strategy', 'strategies')}, "
        f"{counted(seeds, 'seed')}; {duration(total)} of training, scoring, selecting and "
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
    if _same_name_other_data(runs):
        notes.append(
            "The runs read data of one name and other content: scans or labels were changed "
            "in between, or two folders share a name. Their results do not compare."
        )
    unnamed = unnamed_differences([run.config for run in runs])
    if unnamed:
        more = f"; and {len(unnamed) - _MANY} more" if len(unnamed) > _MANY else ""
        notes.append(
            "Some runs differ in more than their names say: "
            f"{plain_text('; '.join(unnamed[:_MANY]))}{more}."
        )
    lengths = {group.queried_cycles for group in groups(runs)}
    if len(lengths) > 1:
        notes.append(
            "The strategies were not run for the same cycles: means over cycles in the tables "
            "do not compare; the differences in the reading are over shared cycles only."
        )
    return notes


def _same_name_other_data(runs: Sequence[Run]) -> bool:
    """Whether fingerprints differ between runs with the same split, which is part of them."""
    by_split: dict[int, set[str]] = {}
    for run in runs:
        fingerprint = run.environment.get("data")
        if isinstance(fingerprint, str):
            by_split.setdefault(run.split_seed, set()).add(fingerprint)
    return any(len(found) > 1 for found in by_split.values())


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


def _canonical(value: object) -> str:
    return repr(sorted(value.items())) if isinstance(value, Mapping) else repr(value)


def _class_count(runs: Sequence[Run]) -> int:
    return len({name for run in runs for name in run.classes})


def _inlined(svg: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.read_bytes()).decode()
