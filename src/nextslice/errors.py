"""Every error that nextslice raises on purpose.

::

    NextsliceError
    ├── SettingsError          a setting has a wrong name, type or range
    ├── MissingExtraError      a part was asked for whose packages are not installed
    ├── DataError              a scan, a label or a folder cannot be used
    │   └── RefusedCasesError  a data set holds cases that the checks refused
    ├── SelectionError         scores or a budget that no selection can work with
    ├── ScoreError             an uncertainty gave scores that are not finite numbers
    ├── TrainingError          training cannot start, or its loss is not finite
    ├── CheckpointError        a saved model is missing, damaged or does not fit
    ├── AnnotationError        an annotation does not fit the query or the pool
    │   └── ConflictError        somebody else answered in the meantime; both are kept
    ├── StorageError           the disk does not take a file
    └── ProjectError           a project's folder cannot be used
        ├── ProjectLockedError   another process works on it
        └── ProjectChangedError  its settings or data are not those it began with

Each says what was expected and what came, and where they are known the likely cause and
what to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

__all__ = [
    "AnnotationError",
    "CheckpointError",
    "ConflictError",
    "DataError",
    "MissingExtraError",
    "NextsliceError",
    "ProjectChangedError",
    "ProjectError",
    "ProjectLockedError",
    "RefusedCasesError",
    "ScoreError",
    "SelectionError",
    "SettingsError",
    "StorageError",
    "TrainingError",
]


class NextsliceError(Exception):
    """Base of all errors raised on purpose.

    Args:
        problem: What was expected and what came, in one or two sentences.
        cause: The likely cause, if there is one worth naming.
        remedy: What to do about it.
    """

    def __init__(self, problem: str, *, cause: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.cause = cause
        self.remedy = remedy
        super().__init__(problem, cause, remedy)

    def __str__(self) -> str:
        lines = [self.problem]
        if self.cause:
            lines.append(f"Likely cause: {self.cause}")
        if self.remedy:
            lines.append(f"What to do: {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders; keyword arguments would be lost on the way.
        return _rebuild, (type(self), self.problem, self.cause, self.remedy)


def _rebuild(
    kind: Callable[..., NextsliceError],
    problem: str,
    cause: str,
    remedy: str,
    facts: Mapping[str, object] | None = None,
) -> NextsliceError:
    return kind(problem, cause=cause, remedy=remedy, **(facts or {}))


class SettingsError(NextsliceError, ValueError):
    """A setting has an unknown name, a wrong type or a value out of range."""


class MissingExtraError(NextsliceError, ImportError):
    """A part of nextslice was asked for whose packages are not installed."""


class DataError(NextsliceError):
    """A scan, a label or a folder cannot be used."""


class RefusedCasesError(DataError):
    """A data set holds cases that the checks refused, and nobody said to go on without them."""


class SelectionError(NextsliceError, ValueError):
    """Scores, features or a budget that no selection can work with."""


class ScoreError(NextsliceError, ValueError):
    """An uncertainty gave scores that are not one finite number per slice."""


class TrainingError(NextsliceError):
    """Training cannot start, or its loss stopped being a finite number."""


class CheckpointError(NextsliceError):
    """A saved model is missing, damaged or does not fit the network."""


class AnnotationError(NextsliceError, ValueError):
    """An annotation does not fit the query or the pool."""


class ConflictError(AnnotationError):
    """An answer was given on an old version of its slice; it is kept, but does not count.

    Args:
        problem: What was expected and what came.
        cause: The likely cause.
        remedy: What to do about it.
        annotator: Who gave the version that counts.
        version: Its number; 0 where the slice has no answer.
    """

    def __init__(
        self,
        problem: str,
        *,
        cause: str = "",
        remedy: str = "",
        annotator: str = "",
        version: int = 0,
    ) -> None:
        super().__init__(problem, cause=cause, remedy=remedy)
        self.annotator = annotator
        self.version = version

    def __reduce__(self) -> tuple[object, ...]:
        facts = {"annotator": self.annotator, "version": self.version}
        return _rebuild, (type(self), self.problem, self.cause, self.remedy, facts)


class StorageError(NextsliceError, OSError):
    """The disk does not take a file: it is full, it fails, or it may not be written to.

    Args:
        problem: What was expected and what came.
        cause: The likely cause.
        remedy: What to do about it.
        errno: The system's number for it.
    """

    def __init__(
        self, problem: str, *, cause: str = "", remedy: str = "", errno: int | None = None
    ) -> None:
        super().__init__(problem, cause=cause, remedy=remedy)
        # OSError reads its arguments as a number, its meaning and a file.
        self.errno = errno
        self.strerror = None if errno is None else os.strerror(errno)
        self.filename = None

    def __reduce__(self) -> tuple[object, ...]:
        facts = {"errno": self.errno}
        return _rebuild, (type(self), self.problem, self.cause, self.remedy, facts)


class ProjectError(NextsliceError):
    """A project's folder cannot be used."""


class ProjectLockedError(ProjectError):
    """Another process works on the project."""


class ProjectChangedError(ProjectError):
    """The project began with other settings or other data than those given now."""
