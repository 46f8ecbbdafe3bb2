"""Everything of a run that must survive a crash.

Nothing else writes into a run's folder but ``models/checkpoints.py``, at the learner's word,
and ``annotators/folder.py`` into ``work/``, whose masks belong to the annotators.

- ``project.py``: :class:`Project`, the folder as a whole and its current cycle
- ``records.py``: :class:`Records`, the same to look at alone
- ``opening.py``: how a folder begins, and what it is held against when it goes on
- ``columns.py``: what a column may hold, held against every value
- ``schema.py``: the tables of ``project.db``
- ``statements.py``: the same, word for word as they are kept
- ``connections.py``: how it is opened, and what SQLite's complaints mean
- ``journal.py``: which journal keeps it whole
- ``query.py``: what was asked of the annotator, and the state of a slice
- ``answers.py``: what the annotator answered, version by version
- ``arrays.py``: arrays from its files, read strictly
- ``masks.py``: annotated masks, named for their content
- ``proposals.py``: what the model proposes for the slices of a query
- ``scores.py``: the scores that a query was selected by
- ``history.py``: what became of each query, in numbers
- ``metric_rows.py``: metrics as rows of the database
- ``tables.py``: the CSV files that other programs read, derived from the database
- ``changes.py``: what is not as it was when the run began
- ``events.py``: curves for TensorBoard
- ``lock.py``: one process at a time
- ``scratch.py``: a place to work in, gone with whoever made it
- ``folders.py``: the folders in it, none of which may be a link
- ``identity.py``: a random name, by which work orders of projects are told apart
- ``named_masks.py``: the masks that the database names, and whose they are
- ``verifying.py``: is all of it whole? What can be made again (``damage.py``), what nothing can
  (``irreplaceable.py``), and what the database says (``soundness.py``)
- ``backup.py``, ``restoring.py``: a project in one file, and back
"""

from nextslice.project.answers import Answer, AnswerKind, NewAnswer
from nextslice.project.history import CycleView
from nextslice.project.identity import identity_of
from nextslice.project.masks import MaskStore, checked_mask
from nextslice.project.opening import demand_same_pool
from nextslice.project.project import Project
from nextslice.project.proposals import Proposals
from nextslice.project.query import QueriedSlice, Query, SliceState
from nextslice.project.records import Records
from nextslice.project.schema import LONGEST

__all__ = [
    "LONGEST",
    "Answer",
    "AnswerKind",
    "CycleView",
    "MaskStore",
    "NewAnswer",
    "Project",
    "Proposals",
    "QueriedSlice",
    "Query",
    "Records",
    "SliceState",
    "checked_mask",
    "demand_same_pool",
    "identity_of",
]
