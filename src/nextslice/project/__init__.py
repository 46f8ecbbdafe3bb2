"""Everything of a run that must survive a crash.

Nothing else writes into a run's folder but ``models/checkpoints.py``, at the learner's word.

- ``project.py``: :class:`Project`, the folder as a whole and its current cycle
- ``schema.py``: the tables of ``project.db``
- ``query.py``: what was asked of the annotator
- ``masks.py``: annotated masks, named for their content
- ``tables.py``: the CSV files that other programs read, derived from the database
- ``changes.py``: what is not as it was when the run began
- ``events.py``: curves for TensorBoard
- ``lock.py``: one process at a time
"""

from nextslice.project.masks import MaskStore
from nextslice.project.project import Project, SliceState
from nextslice.project.query import QueriedSlice, Query

__all__ = ["MaskStore", "Project", "QueriedSlice", "Query", "SliceState"]
