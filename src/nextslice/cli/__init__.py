"""The command line: one file per command, each thin.

- ``app.py``: the commands put together
- ``display.py``: progress bars and messages
- ``check.py``  ``fetch.py``  ``phantom.py``  ``simulate.py``  ``report.py``  ``demo.py``
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the command ``nextslice``."""
    try:
        from nextslice.cli.app import run
    except ModuleNotFoundError as error:
        sys.exit(
            f"The command line needs the package {error.name}, which is not installed.\n"
            "What to do: pip install 'nextslice[full]'"
        )
    sys.exit(run())
