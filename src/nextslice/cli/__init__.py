"""The command line: one file per command, each thin.

- ``app.py``: the commands put together
- ``display.py``: progress bars and messages
- ``stopping.py``: Ctrl-C, which waits for the end of an import
- ``options.py``: options by which several commands take the settings of a run or a project
- ``paths.py``: paths as they are typed, the same for each command
- ``grid_display.py``: a benchmark while it runs
- ``open_project.py``: what the commands of a live project have in common
- ``check.py``  ``fetch.py``  ``phantom.py``  ``simulate.py``  ``benchmark.py``  ``report.py``
  ``demo.py``
- ``init.py``  ``serve.py``  ``ask.py``  ``tell.py``  ``train.py``  ``status.py``
  ``predict.py``  ``export.py``
- ``verify.py``  ``backup.py``  ``restore.py``
"""

from __future__ import annotations

import sys

from nextslice.cli.stopping import imports_in_peace

__all__ = ["STOPPED", "main"]

STOPPED = 130
"""The exit code of a command that was stopped by Ctrl-C."""


def main() -> None:
    """Entry point of the command ``nextslice``."""
    try:
        with imports_in_peace():
            from nextslice.cli.app import run

            code: str | int | None = run()
    except ModuleNotFoundError as error:
        sys.exit(
            f"The command line needs the package {error.name}, which is not installed.\n"
            "What to do: pip install 'nextslice[full]'"
        )
    except KeyboardInterrupt:
        code = STOPPED
    except SystemExit as leaving:  # how Typer ends; by Ctrl-C with 130
        code = leaving.code
    if code == STOPPED:
        sys.stderr.write("Stopped. The same command goes on from here.\n")
    sys.exit(code)
