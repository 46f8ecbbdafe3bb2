"""What a folder holds: its cases, and what is known to be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nextslice.wording import clause

__all__ = ["CaseFiles", "DataSet", "Refusal"]


@dataclass(frozen=True)
class Refusal:
    """Why a case is not let in, and what to do about it.

    Attributes:
        reason: What is wrong, without a full stop at its end.
        remedy: What to do, in whole sentences.
        cause: The likely cause, if there is one worth naming.
        again: Whether another try may end otherwise with the same files: a limit or the
            machine was in the way.
    """

    reason: str
    remedy: str = ""
    cause: str = ""
    again: bool = False

    def __str__(self) -> str:
        """All of it, in whole sentences."""
        cause = f" Likely cause: {clause(self.cause)}." if self.cause else ""
        remedy = f" {clause(self.remedy)}." if self.remedy else ""
        return f"{clause(self.reason)}.{cause}{remedy}"


@dataclass(frozen=True)
class CaseFiles:
    """One case's files.

    Attributes:
        case: The id, unique in its data set.
        image: The scan.
        label: Its segmentation, or None if there is none (yet).
        problems: What the list itself shows to be wrong; the files are then not opened.
        label_belongs: For a case without a label, where the layout expects it.
    """

    case: str
    image: Path
    label: Path | None = None
    problems: tuple[Refusal, ...] = ()
    label_belongs: Path | None = None


@dataclass(frozen=True)
class DataSet:
    """What a folder holds.

    Attributes:
        folder: The folder, as an absolute path.
        layout: "MSD", "nnU-Net v2", "PROMISE12", "paired folders" or "plain folder".
        cases: All cases, sorted by id; those with problems too.
        declared: Label value -> its name, background included, or None if the layout does
            not say which values there are.
        accept_sheared: Whether axes need not be at right angles.
    """

    folder: Path
    layout: str
    cases: tuple[CaseFiles, ...]
    declared: dict[int, str] | None = None
    accept_sheared: bool = False

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the list itself, a line each."""
        return tuple(f"{c.case}: {p.reason}" for c in self.cases for p in c.problems)
