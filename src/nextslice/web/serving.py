"""A server on this machine, and the link that opens its page."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from nextslice.annotators.desk import Desk
from nextslice.errors import SettingsError
from nextslice.web.patience import PatientProtocol
from nextslice.web.routes import Title
from nextslice.web.security import Door
from nextslice.web.server import create_app
from nextslice.web.sessions import Sessions, new_token

__all__ = ["PageServer", "Place", "listening"]

_WAITING = 128  # connections that the system holds for us
_AT_ONCE = 256  # connections with requests; more are told to come again


@dataclass(frozen=True)
class Place:
    """Where to listen.

    Attributes:
        host: This machine alone by default; else one of its names or addresses.
        port: 0 takes any that is free.
        certfile: The certificate, for TLS.
        keyfile: Its key.
        insecure: Whether other machines may connect without TLS.

    Raises:
        SettingsError: Other machines could connect without TLS, and nobody said they may.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    certfile: Path | None = None
    keyfile: Path | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"port should be from 0 to 65535, but is {self.port}.")
        if (self.certfile is None) != (self.keyfile is None):
            raise SettingsError(
                "A certificate and its key belong together; only one of them was given.",
                remedy="Give both --certfile and --keyfile.",
            )
        for path in (self.certfile, self.keyfile):
            if path is not None and not path.is_file():
                raise SettingsError(f"{path} was expected to be a file.")
        if self.everywhere:
            raise SettingsError(
                f"One address of this machine was expected; {self.host!r} stands for all.",
                remedy="Give the one that the others will type, as --host 192.168.1.20.",
            )
        if not (self.loopback or self.certfile or self.insecure):
            raise SettingsError(
                f"At {self.host} other machines can connect, and without TLS the network could "
                "read scans and masks along the way.",
                remedy="Give --certfile and --keyfile; or --insecure where all are trusted.",
            )

    @property
    def everywhere(self) -> bool:
        """Whether it means every address of this machine: then no Host can be checked."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return self.host in {"", "*"}

    @property
    def loopback(self) -> bool:
        """Whether no other machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def listening(place: Place) -> socket.socket:
    """A socket that listens there.

    Raises:
        SettingsError: Something else listens there, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # The protocol is named, because asyncio sends small answers at once only where it is.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((place.host, place.port))
        sock.listen(_WAITING)
    except OSError as error:
        sock.close()
        raise SettingsError(
            f"The page cannot be served at {place.host}:{place.port}: {error.strerror}.",
            cause="something else listens there, perhaps this very page in another terminal.",
            remedy="Stop that, or give another --port. Drafts in a browser belong to the port "
            "under which they were drawn.",
        ) from error
    return sock


class PageServer:
    """The page of one project, served until it is stopped.

    Args:
        desk: The live project.
        place: Where to listen.
        title: Which project it is.

    Raises:
        SettingsError: Nothing can listen there, or certificate and key are none.
    """

    def __init__(self, desk: Desk, place: Place, title: Title) -> None:
        self._way_in: Path | None = None
        self._socket = listening(place)
        port = self._socket.getsockname()[1]
        names = {place.host, "127.0.0.1", "localhost"} if place.loopback else {place.host}
        token = new_token()
        door = Door(
            hosts=frozenset(f"{_bracketed(name)}:{port}" for name in names),
            cookie=f"nextslice-{port}",
            sessions=Sessions(token),
            secure=place.certfile is not None,
        )
        self.address = f"{door.scheme}://{_bracketed(place.host)}:{port}"
        """Where the page is, without the token."""
        self.link = f"{self.address}/#token={token}"
        """What opens the page."""
        config = uvicorn.Config(
            create_app(desk, door, title),
            access_log=False,
            log_level="error",  # its warnings are of what strangers send, a line each
            log_config=None,  # as all other warnings are shown
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            http=PatientProtocol,
            limit_concurrency=_AT_ONCE,
            timeout_graceful_shutdown=5,
            ssl_certfile=place.certfile,
            ssl_keyfile=place.keyfile,
        )
        try:
            config.load()
        except ssl.SSLError as error:
            self._socket.close()
            raise SettingsError(
                f"{place.certfile} should be a certificate and {place.keyfile} its key, "
                f"both in PEM; together they are none.",
                cause="another file, another format, or the key of another certificate.",
                remedy="Such files begin with -----BEGIN CERTIFICATE----- and -----BEGIN "
                "PRIVATE KEY-----; openssl makes them of other formats.",
            ) from error
        self._server = uvicorn.Server(config)

    def serve(self) -> None:
        """Serve until :meth:`stop`, or until Ctrl-C."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            if self._way_in is not None:
                self._way_in.unlink(missing_ok=True)

    def stop(self) -> None:
        """End :meth:`serve`; from any thread."""
        self._server.should_exit = True

    def open_browser(self) -> bool:
        """Open the page in the person's browser; whether there is one.

        By way of a file that only its owner reads: an address among a browser's arguments
        could be read by everybody who is logged in to this machine.
        """
        with tempfile.NamedTemporaryFile(
            "w", prefix="nextslice-", suffix=".html", delete=False, encoding="utf-8"
        ) as page:
            page.write(
                '<!doctype html><meta charset="utf-8"><title>nextslice</title>'
                f'<meta http-equiv="refresh" content="0; url={self.link}">'
            )
        self._way_in = Path(page.name)
        return webbrowser.open(self._way_in.as_uri())


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
