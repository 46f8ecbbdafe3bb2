"""Whose scan a case is, where its id says so.

An id says so in two ways. It begins with the patient (`sub-03_run-1`, `patient001_frame01`,
`subject 7.b`), or a number is followed by a word for one of several times (`17_visit2`,
`A12_ses-1`, `case04_baseline`). Any other id is a patient of its own: `Case04`,
`hippocampus_001`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from nextslice.errors import SettingsError

__all__ = ["patient_of", "split_by_patient"]

_STREAM: Final = 0x73706C6974  # "split": its draws are no other stage's of the same seed

_NAMED: Final = re.compile(
    r"(?:sub-[a-z0-9]+|(?:subj|subject|pat|patient|sub)[-_ ]?[a-z]*\d+[a-z0-9]*)"
    r"(?=[_.\- ]|$)",
    re.IGNORECASE,
)
_AT_A_TIME: Final = re.compile(
    r"(.*\d[^_.\- ]*)[_.\- ]+"
    r"(?:frame|ses|session|visit|time|timepoint|tp|baseline|followup)[_.\- ]?\d*(?=[_.\- ]|$)",
    re.IGNORECASE,
)


def patient_of(case: str) -> str:
    """The patient that a case's id names, or the id itself where it names none."""
    if named := _NAMED.match(case):
        return named[0]
    at_a_time = _AT_A_TIME.match(case)
    return at_a_time[1] if at_a_time else case


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
    together: dict[str, list[int]] = {}
    for position in order.tolist():
        together.setdefault(patient_of(cases[position]), []).append(position)
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
            remedy="Set fewer cases aside.",
        )
    return (*parts, [position for patient in patients for position in patient])
