"""The commands put together, and what happens when one fails."""

from __future__ import annotations

from typing import Annotated

import typer

from nextslice.cli.ask import ask
from nextslice.cli.backup import backup
from nextslice.cli.benchmark import benchmark
from nextslice.cli.check import check
from nextslice.cli.demo import demo
from nextslice.cli.display import print_line, say_error
from nextslice.cli.export import export
from nextslice.cli.fetch import fetch
from nextslice.cli.init import init
from nextslice.cli.paths import with_paths
from nextslice.cli.phantom import phantom
from nextslice.cli.predict import predict
from nextslice.cli.report import report
from nextslice.cli.restore import restore
from nextslice.cli.serve import serve
from nextslice.cli.simulate import simulate
from nextslice.cli.status import status
from nextslice.cli.tell import tell
from nextslice.cli.train import train
from nextslice.cli.verify import verify
from nextslice.errors import NextsliceError
from nextslice.logs import tame_logs

__all__ = ["app", "run"]

app = typer.Typer(
    name="nextslice",
    help="Which slice should the expert annotate next? Active learning for medical image "
    "segmentation with stochastic batches.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals may hold names of patients
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def _common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        print_line(f"nextslice {version_of('nextslice')}")
        raise typer.Exit


for command in (demo, phantom, fetch, check, simulate, benchmark, report):
    app.command()(with_paths(command))
for step in (init, serve, ask, tell, train, status, predict, export):
    app.command(rich_help_panel="Annotation")(with_paths(step))
for care in (verify, backup, restore):
    app.command(rich_help_panel="Keeping")(with_paths(care))


def run() -> int:
    """Run the command line; returns the exit code.

    0: done. 1: ``check`` or ``predict`` refused cases, ``verify`` found damage, or a run of
    ``benchmark`` or ``demo`` failed.
    2: an error that says what to do. 130: stopped by Ctrl-C.
    """
    tame_logs()
    try:
        app()
    except NextsliceError as error:
        say_error(error)
        return 2
    except OSError as error:
        what = error.filename or "a file"
        problem = NextsliceError(
            f"{what}: {error.strerror or error}.",
            remedy="Look at the path, its permissions and the space on the disk.",
        )
        say_error(problem)
        return 2
    return 0
