"""A live project to take things out of; it is only looked at, so others may work on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self, final

from nextslice.config import LiveConfig
from nextslice.data.pool import SlicePool
from nextslice.errors import CheckpointError, DataError, ProjectChangedError, ProjectError
from nextslice.live import live_config
from nextslice.models.checkpoints import load_model, read_manifest
from nextslice.models.inference import SegmentationModel
from nextslice.native_masks import NativeMasks
from nextslice.parts import open_scans, trainer_for
from nextslice.plain_files import read_plain
from nextslice.progress import OnProgress, ignore_progress
from nextslice.project import Records, demand_same_pool

__all__ = ["ProjectSource"]


@final
class ProjectSource:
    """A live project, its scans and its newest model, without the lock.

    Args:
        folder: The project's.
        spare_refused: Go on without scans that were damaged or taken away since the project
            began; where it says nothing of the size of slices, they are needed to know it.
        on_progress: Hears of the preparation, where it was not prepared before.

    Attributes:
        config: The project's settings.
        records: Its records.
        pool: The slices of its scans.
        native_masks: From its answers to masks on native slices.

    Raises:
        ProjectError: There is no live project in the folder.
        ProjectChangedError: Its scans are not those that it began with.
        DataError: The scans cannot be used.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        spare_refused: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> None:
        self.folder = Path(folder)
        self.config: LiveConfig = live_config(folder)
        if not self.scans.is_dir():
            raise DataError(
                f"Expected the scans of {folder} in {self.scans}; there is no such folder.",
                cause="they were moved, or their disk is not there.",
                remedy="Say once where they are now: nextslice ask PROJECT --images FOLDER.",
            )
        self.records = Records.look(folder)
        try:
            data = self.config.data
            if spare_refused:
                data = data.model_copy(update={"skip_refused": True})
            self.pool: SlicePool = open_scans(data, on_progress=on_progress)
            if not (spare_refused and data.size is not None):
                self._demand_unchanged()
        except BaseException:
            self.close()
            raise
        self.native_masks = NativeMasks(self.pool, self.records)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        self.records.close()

    @property
    def classes(self) -> tuple[str, ...]:
        """Foreground names; class k is number k in every mask, 0 is background."""
        return self.pool.classes

    @property
    def scans(self) -> Path:
        """Where the project's scans lie."""
        return Path(self.config.data.folder)

    def newest_model(self) -> tuple[int, SegmentationModel]:
        """The model that was trained last, and its cycle.

        Raises:
            ProjectError: Nothing is trained yet.
            CheckpointError: It is damaged.
        """
        cycle = self.records.newest_trained()
        if cycle is None:
            raise ProjectError(
                f"Expected a trained model in {self.folder}; nothing is trained yet.",
                remedy="Annotate slices and train first: nextslice status PROJECT says how.",
            )
        folder = self.records.model_folder(cycle)
        if read_manifest(folder)["sha256"] != self.records.weights_of(cycle):
            raise CheckpointError(
                f"The model in {folder} is not the one that the project trained.",
                cause="the folder was changed by hand, or restored in part.",
                remedy="Restore the whole project from a backup.",
            )
        try:
            model = load_model(
                folder,
                trainer_for(self.config, self.pool).network,
                device=self.config.device,
                precision=self.config.precision,
            )
        except CheckpointError as error:
            raise CheckpointError(
                error.problem,
                cause=error.cause,
                remedy="Restore the project from a backup; or go on with it, and its next "
                f"training makes a new model: nextslice status {self.folder} says how.",
            ) from error
        return cycle, model

    def _demand_unchanged(self) -> None:
        path = self.folder / "environment.json"
        try:
            began_with = json.loads(read_plain(path))["data"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ProjectError(
                f"Expected {path} to name the data that the project began with.",
                cause="the file is missing or was changed by hand.",
                remedy="Restore it from a backup.",
            ) from error
        if began_with != self.pool.fingerprint:
            if not self.pool.refused:
                demand_same_pool(
                    self.folder, list(map(self.pool.slice_id, range(len(self.pool))))
                )
            refused = "".join(
                f"\n  {verdict.case}: {refusal}"
                for verdict in self.pool.refused
                for refusal in verdict.refusals
            )
            raise ProjectChangedError(
                f"Expected the scans in {self.scans} that the project began with; they are "
                f"not the same.{refused}",
                cause="scans or labels were changed, added or taken away.",
                remedy="Put them back as they were.",
            )
