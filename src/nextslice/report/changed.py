"""Whether the runs come from the same code, and were gone on with as they had begun.

Runs of different code are compared all the same: most changes of code change no result, and
which do is for people to say. They are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nextslice.code_hashes import differing_files
from nextslice.report.runs import Run
from nextslice.report.tables import plain_text
from nextslice.wording import a_few, counted

__all__ = ["on_accepted_changes", "on_other_code"]


def on_other_code(runs: Sequence[Run]) -> str | None:
    """A sentence where runs come from different code; None where they do not, or none is known.

    Code of others is compared where several runs were made by it.
    """
    own = [found for run in runs if (found := _hashes(run, "nextslice"))]
    files = {name for found in own for name in differing_files(own[0], found)}
    others: dict[str, set[str]] = {}
    for run in runs:
        for module, digest in _hashes(run, "others").items():
            others.setdefault(module, set()).add(digest)
    modules = sorted(module for module, digests in others.items() if len(digests) > 1)
    told = [f"{counted(len(files), 'file')} of nextslice ({_some(files)})"] if files else []
    told += [_some(modules)] if modules else []
    if not told:
        return None
    return (
        f"The code was changed between these runs: {' and '.join(told)}. A difference between "
        "them may come from that."
    )


def on_accepted_changes(runs: Sequence[Run]) -> str | None:
    """A sentence on runs that went on though something had changed; None where none did."""
    told = []
    for run in runs:
        what = {_what(line) for line in _noted(run.environment.get("changes"))}
        if what:
            told.append(f"{plain_text(run.strategy)}, seed {run.seed} ({_some(what)})")
    if not told:
        return None
    return (
        f"Gone on with though something had changed (--accept-changes): {a_few(told)}. What it "
        "was is kept in environment.json of each run."
    )


def _what(line: str) -> str:
    """A file or module of code; else the first word, for a line may name cases and folders."""
    name = line.rpartition(": ")[0]
    for prefix in ("code.nextslice.", "code.others."):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return line.partition(":")[0].partition(".")[0].replace("_", " ")


def _hashes(run: Run, whose: str) -> Mapping[str, str]:
    code = run.environment.get("code")
    found = code.get(whose) if isinstance(code, Mapping) else None
    whole = found if isinstance(found, Mapping) else {}
    return {name: digest for name, digest in whole.items() if isinstance(digest, str)}


def _noted(changes: object) -> list[str]:
    """The lines in lists of lines; the file may have been written by anybody."""
    lists = changes if isinstance(changes, list) else []
    noted = [line for lines in lists if isinstance(lines, list) for line in lines]
    return [line for line in noted if isinstance(line, str)]


def _some(names: set[str] | Sequence[str]) -> str:
    return a_few([plain_text(str(name)) for name in sorted(names)])
