"""What ran and on what: settings, machine and versions as labelled facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nextslice.report.names import by_path
from nextslice.report.runs import Run
from nextslice.report.tables import plain_text

__all__ = ["all_settings", "data_name", "machine_of", "settings_of", "software_of"]

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


def settings_of(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """What the runs were asked to do: label and every value that occurs."""
    return _facts([run.config for run in runs], _SETTINGS)


def all_settings(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Every setting by its dotted path, with every value that occurs."""
    flat = [by_path(run.config) for run in runs]
    paths = dict.fromkeys(path for one in flat for path in one)
    # Nothing in one run, and several fields in another, which are told one by one.
    above = {path[:place] for path in paths for place, sign in enumerate(path) if sign == "."}
    paths = dict.fromkeys(path for path in paths if path not in above)
    return _facts([run.config for run in runs], [(plain_text(p), p) for p in paths])


def machine_of(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """What they ran on: label and every value that occurs."""
    return _facts([run.environment for run in runs], _MACHINE)


def software_of(runs: Sequence[Run]) -> str:
    """Packages with every version that occurs, in one line."""
    return _software([run.environment for run in runs])


def data_name(run: Run) -> str:
    """The last part of its data's folder; the path before it is nobody's business."""
    return _text("data.folder", _at(run.config, "data.folder") or "data")


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
    if path == "data.folder":
        value = str(value).replace("\\", "/").rstrip("/").rpartition("/")[2]
    if isinstance(value, list):
        joint = " x " if path == "data.size" else ", "
        return plain_text(joint.join(map(str, value)))
    if path == "data":
        return plain_text(str(value)[:12])
    return plain_text(str(value))
