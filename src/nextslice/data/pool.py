"""All slices of a data set, ready to be scored, queried and trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from nextslice.data.arrays import from_arrays
from nextslice.data.gate.checks import Verdict
from nextslice.data.geometry import Geometry
from nextslice.data.labels import LabelMap, Labels
from nextslice.data.opening import open_folder
from nextslice.data.patients import split_by_patient
from nextslice.data.preparation import Preparation
from nextslice.data.prepared import CaseRecord, Prepared
from nextslice.data.slices import LazySlices, SliceId
from nextslice.errors import DataError, SettingsError
from nextslice.progress import OnProgress, ignore_progress
from nextslice.types import Rows, SliceMasks, VolumeMask
from nextslice.wording import a_few, counted

__all__ = ["SliceId", "SlicePool"]


@final
class SlicePool:
    """Slices of one size, their masks and the way back to their volumes.

    Made by :meth:`from_folder` or :meth:`from_arrays`. Splits and subsets are views: they
    share the arrays, which stay on disk until they are asked for. A case's slices stand
    together and in order; rows count from 0 in each pool.

    Attributes:
        cases: Ids of the cases, in order.
        case_of: Per row, the position of its case in `cases`.
        index_of: Per row, the slice's place in its volume.
        images: Lazy float32 slices (slices, height, width) in [0, 1].
    """

    def __init__(self, source: Prepared, records: Sequence[CaseRecord] | None = None) -> None:
        self._source = source
        self._records = tuple(source.cases if records is None else records)
        self._by_case = {record.case: k for k, record in enumerate(self._records)}
        counts = np.array([record.slices for record in self._records], np.intp)
        self._starts = np.concatenate(([0], np.cumsum(counts)))
        self.cases: tuple[str, ...] = tuple(self._by_case)
        self.case_of: Rows = np.repeat(np.arange(len(counts)), counts)
        self.index_of: Rows = np.arange(self._starts[-1]) - self._starts[:-1][self.case_of]
        begins = np.array([record.start for record in self._records], np.intp)
        self._source_rows = begins[self.case_of] + self.index_of
        self.images = LazySlices(source.images, self._source_rows)

    @classmethod
    def from_folder(
        cls,
        path: str | Path,
        *,
        size: tuple[int, int] | None = None,
        spacing: float | None = None,
        axis: int | None = None,
        fit: Literal["crop", "resize"] = "crop",
        labels: Labels | None = None,
        require_labels: bool = False,
        skip_refused: bool = False,
        accept_sheared: bool = False,
        cache: str | Path | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> SlicePool:
        """Recognise, check and prepare a folder of scans; or open what was prepared before.

        Args:
            path: A folder in one of the layouts of :mod:`nextslice.data.layouts`.
            size: (height, width) of a slice; None is the smallest that holds every case.
            spacing: In-plane resampling in millimetres; None keeps the resolution.
            axis: The file's axis to slice along; None is the short axis of all cases.
            fit: "crop" keeps the resolution, "resize" stretches to the size.
            labels: Classes to merge values into, as "gland=1,2" or {"gland": [1, 2]}; None
                keeps every value.
            require_labels: Refuse cases without a label, as a simulation must; without it
                they are in the pool, to be annotated.
            skip_refused: Go on without the cases that the checks refuse.
            accept_sheared: Let scans in whose axes are not at right angles, as of a tilted
                gantry. Slices are as good as others; distances in millimetres between slices
                are those along the axes.
            cache: Where prepared slices are kept; None is the user's cache folder.
            on_progress: Hears of the stages "check" and "prepare".

        Raises:
            RefusedCasesError: Cases are refused, and `skip_refused` is not set.
            DataError: The folder cannot be used at all, or its cases have different short
                axes and `axis` is None.
            SettingsError: A setting is out of range, or `labels` names an unknown value.
        """
        preparation = Preparation(axis=axis, spacing=spacing, size=size, fit=fit)
        source, records = open_folder(
            path,
            preparation,
            labels,
            require_labels=require_labels,
            skip_refused=skip_refused,
            accept_sheared=accept_sheared,
            cache=cache,
            on_progress=on_progress,
        )
        return cls(source, records)

    @classmethod
    def from_arrays(
        cls,
        images: np.ndarray[Any, np.dtype[Any]],
        masks: np.ndarray[Any, np.dtype[Any]] | None,
        case_of: Sequence[str | int] | np.ndarray[Any, np.dtype[Any]],
        *,
        classes: Sequence[str] | None = None,
        spacing: float | tuple[float, float, float] = 1.0,
    ) -> SlicePool:
        """Slices that are in memory already.

        Args:
            images: Numbers of shape (slices, height, width), finite, best in [0, 1].
            masks: Class numbers of the same shape, 0 for background; None without labels.
            case_of: Per slice, its case's id; a case's slices stand together, in order.
            classes: Foreground names in order of their numbers; None names them by number.
            spacing: Millimetres between pixels and slices: one number, or (x, y, z) with x
                across, y down and z from slice to slice.

        Raises:
            SettingsError: Shapes that do not fit each other, values that are not finite,
                masks with numbers that no class has, or a case in two places.
        """
        return cls(from_arrays(images, masks, case_of, classes, spacing))

    def __len__(self) -> int:
        return len(self._source_rows)

    def __repr__(self) -> str:
        height, width = self.size
        slices, cases = counted(len(self), "slice"), counted(len(self.cases), "case")
        names = ", ".join(self.classes)
        return f"<SlicePool: {slices} of {height} x {width} in {cases}, foreground {names}>"

    @property
    def masks(self) -> LazySlices:
        """Lazy uint8 class numbers (slices, height, width).

        Raises:
            DataError: Some cases have no label; ``pool.subset(pool.labelled_cases)`` has.
        """
        if not self.has_labels:
            missing = [r.case for r in self._records if r.label_start is None]
            raise DataError(
                f"No label for {len(missing)} of {counted(len(self.cases), 'case')}: "
                f"{a_few(missing)}.",
                remedy="Use only those that have: pool.subset(pool.labelled_cases).",
            )
        return LazySlices(self._source.masks, self._source_rows)

    @property
    def has_labels(self) -> bool:
        """Whether every case has a label, as a simulation needs."""
        return all(record.label_start is not None for record in self._records)

    @property
    def labelled_cases(self) -> tuple[str, ...]:
        """The cases that have a label."""
        return tuple(r.case for r in self._records if r.label_start is not None)

    @property
    def classes(self) -> tuple[str, ...]:
        """Foreground names; the k-th, counted from 1, has the number k in the masks."""
        return self.label_map.names

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every slice."""
        return self.images.shape[1:]

    @property
    def layout(self) -> str:
        """How the folder was laid out; "arrays" for slices from memory."""
        return self._source.layout

    @property
    def preparation(self) -> Preparation:
        """The settings the slices were made with, size and axis included."""
        return self._source.preparation

    @property
    def label_map(self) -> LabelMap:
        """Which label values became which class."""
        return self._source.labels

    @property
    def refused(self) -> tuple[Verdict, ...]:
        """The cases of the folder that were left out, and why."""
        return self._source.refused

    @property
    def cropped(self) -> dict[str, int]:
        """Native foreground voxels that the fit cut away, for the cases that lost any."""
        return {r.case: r.cropped for r in self._records if r.cropped}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what the pool holds: voxels, labels, geometry, settings and cases.

        It does not change when files are copied or touched.
        """
        if len(self._records) == len(self._source.cases):
            return self._source.fingerprint
        text = "\n".join((self._source.fingerprint, *self.cases))
        return hashlib.sha256(text.encode()).hexdigest()

    def slice_id(self, row: int) -> SliceId:
        """The lasting name of a row's slice."""
        if not 0 <= row < len(self):
            raise SettingsError(f"Rows of this pool go from 0 to {len(self) - 1}, not {row}.")
        return SliceId(self.cases[self.case_of[row]], int(self.index_of[row]))

    def row_of(self, name: SliceId) -> int:
        """The row of a slice, whose case must be in this pool."""
        rows = self.rows_of(name.case)
        if not 0 <= name.index < rows.stop - rows.start:
            raise SettingsError(
                f"Slices of {name.case} go from 0 to {rows.stop - rows.start - 1}, not "
                f"{name.index}."
            )
        return int(rows.start) + name.index

    def rows_of(self, case: str) -> slice:
        """The rows of a case's slices."""
        position = self._position(case)
        return slice(int(self._starts[position]), int(self._starts[position + 1]))

    def geometry(self, case: str) -> Geometry:
        """A case's native grid."""
        return self._records[self._position(case)].geometry

    def native_label(self, case: str) -> VolumeMask:
        """A case's label on its native grid: class numbers of shape (x, y, z).

        Raises:
            DataError: The case has no label.
        """
        return self._source.native_label(self._records[self._position(case)])

    def restore(self, case: str, masks: SliceMasks) -> VolumeMask:
        """Put a case's slices, all of them in order, back on its native grid."""
        return self.preparation.restore(masks, self.geometry(case))

    def subset(self, cases: Iterable[str]) -> SlicePool:
        """A view of some cases, in this pool's order.

        Raises:
            SettingsError: An unknown case, or none at all.
        """
        wanted = {self._position(case) for case in cases}
        if not wanted:
            raise SettingsError("A pool should have at least one case, but none was named.")
        return self._view(wanted)

    def split_cases(
        self, *, test: int, val: int, seed: int
    ) -> tuple[SlicePool, SlicePool, SlicePool]:
        """Split by case, uniformly at random: (train, val, test).

        All cases of one patient go to the same side, where their ids say whose they are
        (:mod:`nextslice.data.patients`); the test or the validation then has a few cases
        more than asked for, never fewer.

        Args:
            test: Cases for the test; with 0 the test pool is empty.
            val: Cases for the validation; with 0 the validation pool is empty.
            seed: The same seed gives the same split of the same cases.

        Raises:
            SettingsError: A negative number, or no case would remain to train on.
        """
        if min(test, val, seed) < 0:
            raise SettingsError(
                f"test, val and seed should not be negative, but are {test}, {val}, {seed}."
            )
        if test + val >= len(self.cases):
            raise SettingsError(
                f"{test} test and {val} validation cases leave none of "
                f"{counted(len(self.cases), 'case')} to train on.",
                remedy=f"Let test and val be at most {len(self.cases) - 1} together.",
            )
        parts = split_by_patient(self.cases, (test, val), seed)
        testing, validation, train = (self._view(part) for part in parts)
        return train, validation, testing

    def _view(self, positions: Iterable[int]) -> SlicePool:
        return SlicePool(self._source, [self._records[k] for k in sorted(positions)])

    def _position(self, case: str) -> int:
        try:
            return self._by_case[case]
        except KeyError:
            raise SettingsError(
                f"There is no case {case!r} in this pool of "
                f"{counted(len(self.cases), 'case')} ({a_few(list(self.cases))})."
            ) from None
