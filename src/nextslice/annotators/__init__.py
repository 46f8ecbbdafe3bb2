"""Who draws the masks that a query asks for.

- ``oracle.py``: the labels of the data set, for simulations
- ``desk.py``: :class:`Desk`, at which people annotate a live project
- ``views.py``: what the desk hands out
- ``pictures.py``: what people see of a slice, on its native grid
- ``leases.py``: who has which slice open
- ``background.py``: the long work between two queries
"""

from nextslice.annotators.desk import Desk
from nextslice.annotators.oracle import Oracle

__all__ = ["Desk", "Oracle"]
