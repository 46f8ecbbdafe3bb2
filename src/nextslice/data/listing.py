"""What the list of cases itself shows to be wrong, before any scan is opened."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from nextslice.data.cases import CaseFiles, Refusal
from nextslice.data.patients import patients_of
from nextslice.data.places import shown
from nextslice.path_names import LONGEST_NAME
from nextslice.wording import a_few, counted

__all__ = ["sound_list"]

_FEW = 5

_log = logging.getLogger(__name__)


def sound_list(cases: Iterable[CaseFiles], test: Iterable[str] = ()) -> tuple[CaseFiles, ...]:
    """Sort cases by id, and give each the problems that the list shows.

    An id that stands more than once becomes one refused case, and cases that name one file as
    their label are all refused. Ids are shown in messages, in
    tables and in a browser, so one that could not be read there is refused under a name that
    can. So is one whose files no disk could hold, and a case whose patient the data set holds
    back for a test, where ids say so; where they only may, it is told as a warning.

    Args:
        cases: As they were found.
        test: Ids of the scans that the data set sets aside.
    """
    listed: dict[str, list[CaseFiles]] = {}
    for files in cases:
        named = _named(files)
        listed.setdefault(named.case, []).append(named)
    single = [_single(entries) for _, entries in sorted(listed.items())]
    return tuple(_apart(_unshared(single), list(test)))


def _named(files: CaseFiles) -> CaseFiles:
    case = shown(files.case)
    if case != files.case or shown(files.image.name) != files.image.name:
        what = "holds characters that cannot be shown"
    elif case.strip() != case or not case:
        what = "is empty, or begins or ends with a space"
    elif len(case.encode()) > LONGEST_NAME:
        what = f"is longer than {LONGEST_NAME} bytes"
    else:
        return files
    odd = Refusal(f"the name of {shown(str(files.image))} {what}", "Rename the file.")
    return replace(files, case=case, problems=(*files.problems, odd))


def _single(entries: list[CaseFiles]) -> CaseFiles:
    first = entries[0]
    if len(entries) == 1:
        return first
    names = ", ".join(shown(str(e.image)) for e in entries[:_FEW])
    twice = Refusal(
        f"the case is listed {len(entries)} times: {names}",
        "Keep one of them, or give the others ids of their own.",
    )
    found = dict.fromkeys(p for e in entries for p in e.problems)
    return replace(first, problems=(twice, *found))


def _unshared(cases: list[CaseFiles]) -> list[CaseFiles]:
    drawn_for: dict[Path, list[str]] = {}
    for files in cases:
        if files.label is not None:
            drawn_for.setdefault(files.label, []).append(files.case)
    return [
        replace(files, problems=(*files.problems, _shared(files.label, drawn_for[files.label])))
        if files.label is not None and len(drawn_for[files.label]) > 1
        else files
        for files in cases
    ]


def _shared(label: Path, cases: list[str]) -> Refusal:
    return Refusal(
        f"the label {shown(label.name)} is listed for {len(cases)} cases: {a_few(cases, _FEW)}",
        "Name each case's own label, or none where there is none.",
    )


def _apart(cases: list[CaseFiles], test: list[str]) -> Iterator[CaseFiles]:
    ids = [files.case for files in cases] + test
    known, guessed = patients_of(ids, guess=False), patients_of(ids)
    set_aside = dict(zip(known[len(cases) :], test, strict=True))
    perhaps = dict(zip(guessed[len(cases) :], test, strict=True))
    doubtful = []
    for files, patient, guess in zip(cases, known, guessed, strict=False):
        if patient not in set_aside:
            if guess in perhaps:
                doubtful.append(f"{files.case} (as {shown(perhaps[guess])})")
            yield files
            continue
        both = Refusal(
            f"its patient {patient} is in the data set's own test set as well, as "
            f"{shown(set_aside[patient])}",
            'Take the patient out of one of them (the list "test" in dataset.json, the folder '
            "imagesTs), or rename the scan if it is another patient's.",
        )
        yield replace(files, problems=(*files.problems, both))
    if doubtful:
        _log.warning(
            "The data set's own test set may hold other scans of the same patients, by a guess "
            "from the ids of %s: %s. No case is refused for it; where it is so, take them out "
            "of one of the two.",
            counted(len(doubtful), "case"),
            a_few(doubtful, _FEW),
        )
