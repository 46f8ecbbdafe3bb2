"""Who draws the masks that a query asks for.

- ``oracle.py``: the labels of the data set, for simulations
- ``desk.py``: :class:`Desk`, at which people annotate a live project
- ``views.py``: what the desk hands out
- ``pictures.py``: what people see of a slice, on its native grid
- ``answering.py``: what people answer, checked and brought to the disk
- ``leases.py``: who has which slice open
- ``background.py``: long work in a thread
- ``following.py``: the way from a finished query to the next one
"""

from nextslice.annotators.desk import Desk
from nextslice.annotators.oracle import Oracle

__all__ = ["Desk", "Oracle"]
