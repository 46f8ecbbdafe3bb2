"""Contract suites: what a score and a selection promise, as tests that your own can run.

- ``selections.py``: :class:`SelectionContract`, numpy only
- ``uncertainties.py``: :class:`UncertaintyContract`, on a small trained network

Bring one fixture and inherit the suite::

    import pytest
    from nextslice.testing import SelectionContract

    class TestMySelection(SelectionContract):
        @pytest.fixture
        def selection(self):
            return MySelection()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nextslice.testing.selections import SelectionContract

if TYPE_CHECKING:
    from nextslice.testing.uncertainties import UncertaintyContract

__all__ = ["SelectionContract", "UncertaintyContract"]


def __getattr__(name: str) -> Any:
    # Loaded on demand: it needs torch, and a selection's author need not have it.
    if name == "UncertaintyContract":
        from nextslice.testing.uncertainties import UncertaintyContract  # noqa: PLC0415

        return UncertaintyContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
