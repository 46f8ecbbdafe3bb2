"""A folder of scans -> its prepared slices, or an error that names the cases in the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nextslice.data.cache import cache_root, prepared
from nextslice.data.gate.checks import refused_error, without_label
from nextslice.data.labels import IGNORE, Labels, parse_labels
from nextslice.data.layouts import recognise
from nextslice.data.preparation import Preparation
from nextslice.data.prepared import CaseRecord, Prepared
from nextslice.progress import OnProgress

__all__ = ["open_folder"]


def open_folder(
    path: str | Path,
    preparation: Preparation,
    labels: Labels | None,
    *,
    require_labels: bool,
    skip_refused: bool,
    accept_sheared: bool,
    cache: str | Path | None,
    on_progress: OnProgress,
) -> tuple[Prepared, list[CaseRecord]]:
    """See :meth:`nextslice.data.pool.SlicePool.from_folder`.

    Cases without a label are prepared in any case, so that one cache serves both values of
    `require_labels`.

    Returns:
        What is prepared, and which of its cases may be used.
    """
    data_set = replace(recognise(Path(path)), accept_sheared=accept_sheared)
    if labels is not None:
        labels = parse_labels(labels, data_set.declared)
        if labels.exhaustive:
            ignored = {v: n for v, n in (data_set.declared or {}).items() if n == IGNORE}
            data_set = replace(data_set, declared=ignored | labels.declared)
    root = cache_root() if cache is None else Path(cache).expanduser()
    source = prepared(data_set, preparation, labels, root, on_progress)
    bare = {r.case for r in source.cases if require_labels and r.label_start is None}
    missing = (without_label(f, data_set.layout) for f in data_set.cases if f.case in bare)
    refused = tuple(sorted((*source.refused, *missing), key=lambda verdict: verdict.case))
    records = [record for record in source.cases if record.case not in bare]
    if refused and not (skip_refused and records):
        raise refused_error(str(data_set.folder), refused, len(data_set.cases))
    return replace(source, refused=refused), records
