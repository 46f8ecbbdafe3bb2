"""What the list of cases itself shows to be wrong, before any scan is opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nextslice.data.cases import CaseFiles, Refusal
from nextslice.data.patients import patient_of
from nextslice.data.places import shown

__all__ = ["sound_list"]

_FEW = 5


def sound_list(cases: Iterable[CaseFiles], test: Iterable[str] = ()) -> tuple[CaseFiles, ...]:
    """Sort cases by id, and give each the problems that the list shows.

    An id that stands more than once becomes one refused case. Ids are shown in messages, in
    tables and in a browser, so one that could not be read there is refused under a name that
    can. So is a case whose patient the data set holds back for a test.

    Args:
        cases: As they were found.
        test: Ids of the scans that the data set sets aside.
    """
    set_aside = {patient_of(case) for case in test}
    listed: dict[str, list[CaseFiles]] = {}
    for files in cases:
        named = _named(files)
        listed.setdefault(named.case, []).append(named)
    return tuple(_apart(_single(entries), set_aside) for _, entries in sorted(listed.items()))


def _named(files: CaseFiles) -> CaseFiles:
    case = shown(files.case)
    if case != files.case or shown(files.image.name) != files.image.name:
        what = "holds characters that cannot be shown"
    elif case.strip() != case or not case:
        what = "is empty, or begins or ends with a space"
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


def _apart(files: CaseFiles, set_aside: set[str]) -> CaseFiles:
    patient = patient_of(files.case)
    if patient not in set_aside:
        return files
    both = Refusal(
        f"its patient {patient} is in the data set's own test set as well",
        'Take the patient out of one of them (the list "test" in dataset.json, the folder '
        "imagesTs), or rename the scan if it is another patient's.",
    )
    return replace(files, problems=(*files.problems, both))
