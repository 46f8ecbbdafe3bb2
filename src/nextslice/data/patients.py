"""Whose scan a case is, where its id says so.

An id says so in three ways. It begins with the patient (`sub-03_run-1`, `patient001_frame01`,
`subject 7.b`). A number is followed by a word for one of several times (`17_visit2`,
`A12_ses-1`, `case04_baseline`, and at the end `17_post`). Or it is of a collection that is
known to number a patient's scans (`BraTS-GLI-00001-001`, `OAS2_0001_MR2`). Any other id is a
patient of its own: `Case04`, `hippocampus_001`.

`17_v2` and `P01_scan2` may say so as well, or count the cases of a site or a data set. That is
a guess: such cases are kept together where it costs nothing, none is refused for it, and it
is told.

Capitals, ways to write a letter with its accent, and what stands between the parts of an id
(`_`, `-`, `.`, a space) make no other patient.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from nextslice.data.places import shown
from nextslice.errors import SettingsError
from nextslice.wording import a_few, counted

__all__ = ["patients_of", "split_by_patient"]

_STREAM: Final = 0x73706C6974  # "split": its draws are no other stage's of the same seed
_MOST_SCANS: Final = 9  # by which a patient is told from a site, or from a whole data set

_MARKS: Final = r"\s_.\-\u2010-\u2015\u2212"
_BETWEEN: Final = rf"[{_MARKS}]"
_LETTER: Final = r"[^\W\d_]"
_END: Final = rf"(?={_BETWEEN}|$)"

_NAMED: Final = (
    rf"(sub)-([^\W_]+){_END}",
    rf"(subject|subj|patient){_BETWEEN}?({_LETTER}*\d[^\W_]*){_END}",
    # These two begin other words, too: subset1, subcortical_1, patch_1, pathology_1.
    rf"(sub|pat)((?:{_BETWEEN}{_LETTER}{{0,3}})?\d[^\W_]*){_END}",
    rf"(brats){_BETWEEN}({_LETTER}+{_BETWEEN}\d+){_BETWEEN}\d+$",
    rf"(oas\d){_BETWEEN}(\d+){_BETWEEN}mr\d",
)
# Up to a part with a number in it; written so that no id, however long, takes long.
_NUMBERED: Final = rf"((?:[^{_MARKS}]*{_BETWEEN})*?[^\d{_MARKS}]*\d[^{_MARKS}]*){_BETWEEN}+"
_SPAN: Final = r"(?:day|week|month|year)s?"
_AT_A_TIME: Final = (
    rf"{_NUMBERED}(?:frame|ses|session|visit|time|timepoint|tp|baseline|follow{_BETWEEN}?up|fu)"
    rf"{_BETWEEN}?\d*{_END}",
    rf"{_NUMBERED}(?:{_SPAN}{_BETWEEN}?\d+|\d+{_BETWEEN}?{_SPAN}){_END}",
    # At the end alone: where more follows, as in `Lung1_pre_001`, it tells of the data set.
    rf"{_NUMBERED}(?:pre|post)(?:{_BETWEEN}?op)?\d?$",
)
_SURE: Final = (*_NAMED, *_AT_A_TIME)
_PERHAPS: Final = (rf"{_NUMBERED}(?:scan{_BETWEEN}?\d{{0,2}}|v\d{{1,2}})$",)

_log = logging.getLogger(__name__)


def patients_of(cases: Sequence[str], *, guess: bool = True) -> list[str]:
    """Whose scan each case of a data set is: the same text for those of one patient.

    Args:
        cases: Ids, of all of the data set.
        guess: Whether ids that end in `_v1` or `_scan12` are of one patient where they begin
            alike. Where more than nine do, the beginning is not taken for a patient's, but
            for that of a site or of the data set: `Task04_scan_12`.

    Returns:
        One text per id, spelt in one way whatever the id's: lower case, parts between `-`.
    """
    ids = [unicodedata.normalize("NFKC", case).casefold() for case in cases]
    sure = [_patient(each, _SURE) for each in ids]
    if not guess:
        return sure
    found = [_patient(each, (*_SURE, *_PERHAPS)) for each in ids]
    scans = Counter(found)
    return [
        perhaps if scans[perhaps] <= _MOST_SCANS else known
        for perhaps, known in zip(found, sure, strict=True)
    ]


def _patient(case: str, ways: Sequence[str]) -> str:
    for way in ways:
        if match := re.match(way, case):
            case = "-".join(match.groups())
            break
    return re.sub(rf"{_BETWEEN}+", "-", case)


def split_by_patient(
    cases: Sequence[str], counts: Sequence[int], seed: int
) -> tuple[list[int], ...]:
    """Draw parts of a data set so that no patient is in two of them.

    Where every case is a patient of its own, each part has exactly as many cases as asked
    for; where it is not, a part may have more, so that its last patient is whole. Cases that
    are of one patient by a guess are kept together as well, unless nothing would remain by
    it; either is told as a warning.

    Args:
        cases: Ids.
        counts: How many cases each part should have.
        seed: The same seed gives the same parts of the same cases.

    Returns:
        The positions of each part's cases, and of all that remain.

    Raises:
        SettingsError: Nothing would remain.
    """
    order = np.random.default_rng((_STREAM, seed)).permutation(len(cases)).tolist()
    sure, perhaps = patients_of(cases, guess=False), patients_of(cases)
    together = _parts(order, perhaps, counts)
    left = bool(together[-1])
    parts = together if left else _parts(order, sure, counts)
    if not parts[-1]:
        raise SettingsError(
            f"No patient is left to train on once {sum(counts)} cases and those of the same "
            "patients are set aside.",
            cause=f"by their ids, {counted(len(cases), 'case')} are of "
            f"{counted(len(set(sure)), 'patient')} only.",
            remedy="Set fewer cases aside, or rename the scans where that is not so.",
        )
    _tell_of_guess(cases, sure, perhaps, together=left)
    return parts


def _parts(
    order: Sequence[int], whose: Sequence[str], counts: Sequence[int]
) -> tuple[list[int], ...]:
    """The positions of each part's cases, and of all that remain."""
    together: dict[str, list[int]] = {}
    for position in order:
        together.setdefault(whose[position], []).append(position)
    patients = deque(together.values())
    parts: list[list[int]] = []
    for count in counts:
        part: list[int] = []
        while len(part) < count and patients:
            part += patients.popleft()
        parts.append(part)
    return (*parts, [position for patient in patients for position in patient])


def _tell_of_guess(
    cases: Sequence[str], sure: Sequence[str], perhaps: Sequence[str], *, together: bool
) -> None:
    if len(set(perhaps)) == len(set(sure)):
        return
    scans = Counter(perhaps)
    guessed = {
        case: patient
        for case, known, patient in zip(cases, sure, perhaps, strict=True)
        if known != patient and scans[patient] > 1
    }
    _log.warning(
        "%s may be of %s only, by a guess from their ids: %s. %s",
        counted(len(guessed), "case"),
        counted(len(set(guessed.values())), "patient"),
        a_few([shown(case) for case in guessed]),
        "Those of one are kept on the same side of the split. Where that is wrong, rename the "
        "scans so that they do not end in scan1 or v1."
        if together
        else "Since nothing would be left to train on, they are split as if each were a "
        "patient's only one. Where that is wrong, name the patient first: patient01_scan1.",
    )
