"""Who draws the masks that a query asks for.

- ``oracle.py``: the labels of the data set, for simulations
"""

from nextslice.annotators.oracle import Oracle

__all__ = ["Oracle"]
