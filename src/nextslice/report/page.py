"""All of a report on one HTML page that stands by itself: nothing is fetched, nothing runs."""

from __future__ import annotations

import base64
import errno
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os.path import realpath
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from nextslice.errors import ProjectError
from nextslice.files import cause_of, write_atomically
from nextslice.plain_files import read_text
from nextslice.progress import OnProgress, Progress, ignore_progress
from nextslice.report.comparison import (
    NOTE,
    class_table,
    comparison_csv,
    comparison_markdown,
    comparison_table,
)
from nextslice.report.drawing import Drawing, save
from nextslice.report.experiments import by_experiment
from nextslice.report.facts import (
    all_settings,
    data_name,
    machine_of,
    settings_of,
    software_of,
)
from nextslice.report.figures import draw_all
from nextslice.report.folder import writing_report
from nextslice.report.outcomes import Ended, read_outcomes
from nextslice.report.outlines import (
    OUTLINES,
    Outlines,
    measured,
    outlines_to_csv,
    read_outlines,
)
from nextslice.report.paper import paper_tables
from nextslice.report.reading import reading
from nextslice.report.rendering import write_tables
from nextslice.report.runs import Run, read_runs
from nextslice.report.scans import Scans
from nextslice.report.section import about, class_count, lead, notes, run_row, strategy_rows
from nextslice.report.significance import statistics_tables
from nextslice.report.summaries import summarise
from nextslice.report.tables import Table, duration, plain_text
from nextslice.wording import counted
from nextslice.yaml_text import parse_yaml

__all__ = ["write_report"]

_RECIPE = "recipe.yaml"
_MANY_RUNS = 12  # more than these are shown by strategy


def write_report(
    folder: Path,
    out: Path | None = None,
    *,
    scans: bool = True,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Compare all runs in or below a folder, in tables, figures and on one page.

    Runs on other data, or on data prepared, labelled or split otherwise, are an experiment of
    their own, with tables, figures and a section of the page to themselves.

    Args:
        folder: A run's folder, or one that holds runs at any depth.
        out: Folder for ``report.html``, ``comparison.md``, ``comparison.csv``, ``tables/`` as
            Markdown, CSV and LaTeX, the figures as PNG, SVG and PDF, and ``SHA256SUMS``, which
            names all of them; ``FOLDER/report`` by default. With more than one experiment the
            figures' names end in its number and its data. What an earlier report left there
            goes, other files stay.
        scans: Whether figures may show slices of the scans, where the data set is at hand.
            Without them the page shows no patient.
        on_progress: Told how far the figures are, and the preparation of a data set whose
            cache is gone.

    Returns:
        The path of ``report.html``.

    Raises:
        ProjectError: There is no run, a run's files cannot be read, or the report cannot be
            written.
    """
    runs = read_runs(folder)
    out = folder / "report" if out is None else out
    try:
        known = read_outlines(out / OUTLINES)
        with writing_report(out) as fresh:
            _write(runs, folder, fresh, known, on_progress, scans=scans)
    except OSError as error:
        raise ProjectError(
            f"Expected to write the report into {out}, got: {error.strerror or error}.",
            cause=_why_not(error),
            remedy="Name a folder that may be written, with --out or as `out`.",
        ) from error
    return out / "report.html"


def _why_not(error: OSError) -> str:
    if error.errno == errno.EISDIR:
        return "a folder stands where a file of the report is needed."
    return cause_of(error) or "the folder is gone."


def _write(
    runs: Sequence[Run],
    folder: Path,
    out: Path,
    known: Outlines,
    on_progress: OnProgress,
    *,
    scans: bool,
) -> None:
    summaries = summarise(runs)
    write_atomically(out / "comparison.md", comparison_markdown(summaries), "report")
    write_atomically(out / "comparison.csv", comparison_csv(summaries), "report")
    tables = [*paper_tables(runs), *statistics_tables(runs)]
    write_tables(tables, out / "tables")
    opened = Scans(on_progress)
    outlines = measured(runs, opened, known)
    if outlines:
        write_atomically(out / OUTLINES, outlines_to_csv(outlines), "report")
    experiments = by_experiment(runs)
    several = len(experiments) > 1
    sections = []
    for place, members in enumerate(experiments.values(), 1):
        drawings = draw_all(members, scans=opened if scans else None, outlines=outlines)
        suffix = f"-{place}-{_file_name(members[0])}" if several else ""
        figures = []
        for drawing in drawings:
            figures.append(_figure(replace(drawing, name=drawing.name + suffix), out))
            on_progress(Progress("figures", len(figures), len(drawings)))
        sections.append(_section(members, folder, figures))
    environment = Environment(
        loader=PackageLoader("nextslice.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        title=_recipe_title(folder) or plain_text(folder.resolve().name),
        folder=plain_text(folder.resolve().name),
        about="" if several else about(runs),
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        lead=_lead_of_all(sections, runs) if several else sections[0]["lead"],
        sections=sections,
        tables=tables,
        footnotes=_said_once(tables),
        note=NOTE,
        remarks=opened.remarks,
        shows_scans=any(figure["scans"] for part in sections for figure in part["figures"]),
        **_outcomes(folder, runs),
        recipe=_RECIPE if _has_recipe(folder) else None,
    )
    write_atomically(out / "report.html", page, "report")


def _section(
    runs: Sequence[Run], folder: Path, figures: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the page says about one experiment."""
    summaries = summarise(runs)
    return {
        "title": plain_text(runs[0].experiment),
        "lead": lead(runs),
        "sentences": reading(runs),
        "notes": notes(runs),
        "comparison": comparison_table(summaries),
        "by_class": class_table(summaries) if class_count(runs) > 1 else None,
        "figures": figures,
        "runs": [run_row(run, folder) for run in runs],
        "by_strategy": strategy_rows(runs) if len(runs) > _MANY_RUNS else [],
        "settings": settings_of(runs),
        "all_settings": all_settings(runs),
        "machine": machine_of(runs),
        "software": software_of(runs),
    }


def _figure(drawing: Drawing, out: Path) -> dict[str, Any]:
    """A figure for the page, its files written on the way."""
    png, svg, pdf = save(drawing, out)
    # Slices are pixels: as PNG they are smaller, and as sharp as they can be.
    shown, kind = (png, "png") if drawing.scans else (svg, "svg+xml")
    content = base64.b64encode(shown.read_bytes()).decode()
    return {
        "name": drawing.name,
        "title": drawing.title,
        "caption": drawing.caption,
        "alt": drawing.alt,
        "scans": drawing.scans,
        "files": ", ".join(path.name for path in (png, svg, pdf)),
        "source": f"data:image/{kind};base64,{content}",
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


def _outcomes(folder: Path, runs: Sequence[Run]) -> dict[str, Any]:
    """The runs of a benchmark that failed, and those that have recorded nothing yet."""
    ended = read_outcomes(folder)
    known = {realpath(run.folder) for run in runs}  # which takes names that no folder has
    waiting = [
        one for one in ended if one.state == "unfinished" and realpath(one.folder) not in known
    ]
    return {
        "failed": [_failed(one) for one in ended if one.state == "failed"],
        "waiting": [one.run for one in waiting],
    }


def _failed(ended: Ended) -> dict[str, str]:
    after = "" if ended.seconds is None else duration(ended.seconds)
    return {
        "run": ended.run,
        "cause": ended.cause or "not recorded",
        "after": after,
        "traceback": ended.traceback,
    }


def _has_recipe(folder: Path) -> bool:
    """Whether a benchmark kept its recipe here, or above where the runs lie."""
    return any((place / _RECIPE).is_file() for place in _recipe_places(folder))


def _recipe_places(folder: Path) -> tuple[Path, Path]:
    return folder, folder.resolve().parent


def _recipe_title(folder: Path) -> str:
    """What the benchmark's recipe says it is; empty where there is none to read."""
    for place in _recipe_places(folder):
        try:
            recipe = parse_yaml(read_text(place / _RECIPE))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        if isinstance(recipe, Mapping) and isinstance(recipe.get("title"), str):
            return plain_text(recipe["title"])
    return ""


def _said_once(tables: Sequence[Table]) -> dict[str, list[str]]:
    """The footnotes of each table by its key; those of a table above are not said again."""
    first: dict[str, str] = {}
    told: dict[str, list[str]] = {}
    for table in tables:
        again = dict.fromkeys(first[note] for note in table.footnotes if note in first)
        told[table.key] = [note for note in table.footnotes if note not in first]
        if again:
            told[table.key].append(f"More notes, the same as below: {'; '.join(again)}.")
        for note in table.footnotes:
            first.setdefault(note, table.title)
    return told
