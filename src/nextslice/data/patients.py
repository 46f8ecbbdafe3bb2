"""Whose scan a case is, where its id says so.

An id says so in three ways. It begins with the patient (`sub-03_run-1`, `patient001_frame01`,
`subject 7.b`). A number is followed by a word for one of several times (`17_visit2`,
`A12_ses-1`, `case04_baseline`, and at the end `17_post`, `17_v2`, `P01_scan2`). Or it is of a
collection that is known to number a patient's scans (`BraTS-GLI-00001-001`,
`OAS2_0001_MR2`). Any other id is a patient of its own: `Case04`, `hippocampus_001`.

Capitals, ways to write a letter with its accent, and what stands between the parts of an id
(`_`, `-`, `.`, a space) make no other patient.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from nextslice.errors import SettingsError
from nextslice.wording import counted

__all__ = ["patients_of", "split_by_patient"]

_STREAM: Final = 0x73706C6974  # "split": its draws are no other stage's of the same seed
_MOST_SCANS: Final = 9  # by which a beginning that all ids share is told from a patient's

_MARKS: Final = r"\s_.\-\u2010-\u2015\u2212"
_BETWEEN: Final = rf"[{_MARKS}]"
_LETTER: Final = r"[^\W\d_]"
_END: Final = rf"(?={_BETWEEN}|$)"

_NAMED: Final = (
    rf"(sub)-([^\W_]+){_END}",
    rf"(subject|subj|patient){_BETWEEN}?({_LETTER}*\d+[^\W_]*){_END}",
    # These two begin other words, too: subset1, subcortical_1, patch_1, pathology_1.
    rf"(sub|pat)((?:{_BETWEEN}{_LETTER}{{0,3}})?\d+[^\W_]*){_END}",
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
)
_PERHAPS: Final = (
    rf"{_NUMBERED}(?:scan{_BETWEEN}?\d{{0,2}}|v\d{{1,2}}|(?:pre|post)(?:{_BETWEEN}?op)?\d?)$",
)
"""At the end alone: where more follows, as in `Task04_v2_001`, they tell of the data set."""


def patients_of(cases: Sequence[str]) -> list[str]:
    """Whose scan each case of a data set is: the same text for those of one patient.

    Where all of more than nine ids begin alike and end in `_v1`, `_scan12` or `_pre`, the
    beginning is taken for the data set's name: `Task04_scan_12`.

    Args:
        cases: Ids, of all of the data set.

    Returns:
        One text per id, spelt in one way whatever the id's: lower case, parts between `-`.
    """
    ids = [unicodedata.normalize("NFKC", case).casefold() for case in cases]
    sure = (*_NAMED, *_AT_A_TIME)
    found = [_patient(each, (*sure, *_PERHAPS)) for each in ids]
    if len(found) > _MOST_SCANS and len(set(found)) == 1:
        return [_patient(each, sure) for each in ids]
    return found


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
    for; where it is not, a part may have more, so that its last patient is whole.

    Args:
        cases: Ids.
        counts: How many cases each part should have.
        seed: The same seed gives the same parts of the same cases.

    Returns:
        The positions of each part's cases, and of all that remain.

    Raises:
        SettingsError: Nothing would remain.
    """
    order = np.random.default_rng((_STREAM, seed)).permutation(len(cases))
    whose, together = patients_of(cases), dict[str, list[int]]()
    for position in order.tolist():
        together.setdefault(whose[position], []).append(position)
    patients = deque(together.values())
    parts: list[list[int]] = []
    for count in counts:
        part: list[int] = []
        while len(part) < count and patients:
            part += patients.popleft()
        parts.append(part)
    if not patients:
        raise SettingsError(
            f"No patient is left to train on once {sum(counts)} cases and those of the same "
            "patients are set aside.",
            cause=f"by their ids, {counted(len(cases), 'case')} are of "
            f"{counted(len(together), 'patient')} only.",
            remedy="Set fewer cases aside, or rename the scans where that is not so.",
        )
    return (*parts, [position for patient in patients for position in patient])
