"""Ray, connected while it is needed: told to be quiet, and kept from other machines.

Only this file knows how Ray is started, and what it is told by environment variables.
"""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from nextslice.errors import MissingExtraError, NextsliceError
from nextslice.wording import clause

__all__ = ["connected"]

_STORE_BYTES: Final = 100 * 2**20  # runs hand each other files, not objects
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves the machine
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # runs without a GPU leave GPUs alone
}
_ON_THIS_MACHINE: Final = {
    # In spite of its name: Ray then listens on 127.0.0.1 alone, on every system.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Without one Ray would leave one in the home folder. Ray looks for it once in a process.
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to the cluster while the block runs.

    A connection that this process has already is used, and left as it is.

    Args:
        address: See :class:`nextslice.benchmark.cluster.RayCluster`.

    Yields:
        The module ``ray``.

    Raises:
        MissingExtraError: Ray is not installed.
        NextsliceError: There is no cluster at the address.
    """
    with _environment(_QUIET | (_ON_THIS_MACHINE if address is None else {})):
        try:
            ray: Any = importlib.import_module("ray")
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "Runs on a Ray cluster need the package ray, which is not installed.",
                remedy="pip install 'nextslice[ray]', or leave --ray out to run on this "
                "machine's own processes.",
            ) from error
        if ray.is_initialized():
            yield ray
            return
        common = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            if address is None:
                ray.init(
                    address="local",
                    num_cpus=os.cpu_count(),
                    object_store_memory=_STORE_BYTES,
                    include_dashboard=False,
                    **common,
                )
            else:
                _check_somebody_answers(address)
                ray.init(address=address, **common)
        except (OSError, RuntimeError, ValueError) as error:
            where = "on this machine" if address is None else f"at {address}"
            raise NextsliceError(
                f"Expected a Ray cluster {where}, got: {clause(str(error))}.",
                cause="" if address is None else "there is none, or it is out of reach.",
                remedy="" if address is None else "Try: ray status --address HOST:PORT",
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _check_somebody_answers(address: str) -> None:
    """Raise OSError at once where nobody does; Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:  # "auto" names no port
        if not port.isdigit():
            raise ValueError(f"the port {port!r} is no number")
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Ray is told some things by environment variables alone; what is set already counts.

    What Ray itself sets on the way goes with the rest.
    """
    before = set(os.environ)
    os.environ.update({name: value for name, value in wanted.items() if name not in before})
    try:
        yield
    finally:
        for name in {name for name in os.environ if name.startswith("RAY_")} - before:
            del os.environ[name]
