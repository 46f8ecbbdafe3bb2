"""Who draws the masks that a query asks for.

- ``oracle.py``: the labels of the data set, for simulations
- ``desk.py``: :class:`Desk`, at which people annotate a live project
- ``views.py``: what the desk hands out
- ``pictures.py``: what people see of a slice, on its native grid
- ``answering.py``: what people answer, checked and brought to the disk
- ``leases.py``: who has which slice open
- ``background.py``: long work in a thread
- ``following.py``: the way from a finished query to the next one
- ``folder.py``: a query as a folder, for annotators with an editor of their own
- ``order.py``: what such a work order says, and remembers of what was handed out
- ``order_texts.py``, ``reasons.py``: the same in words
- ``own_files.py``: nothing in its folder leads elsewhere
- ``mask_files.py``: which masks there are in it, and what is drawn in them
- ``remarks.py``: what is said about slices, beside what is drawn
- ``returned.py``: what comes back of it, as answers
"""

from nextslice.annotators.desk import Desk
from nextslice.annotators.oracle import Oracle

__all__ = ["Desk", "Oracle"]
