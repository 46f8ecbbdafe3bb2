"""A server on this machine, and the link that opens it."""

from __future__ import annotations

import shutil
import ssl
import stat
import subprocess
import sys
import threading
import webbrowser
from pathlib import Path

import pytest
from httpx import Client

from nextslice.annotators import Desk
from nextslice.errors import SettingsError
from nextslice.web.routes import Title
from nextslice.web.security import CSRF_HEADER
from nextslice.web.serving import PageServer, Place


def test_a_port_that_is_taken_is_named_with_what_to_do(
    lasting_server: tuple[Desk, PageServer],
) -> None:
    desk, server = lasting_server
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(SettingsError, match=f"127.0.0.1:{port}") as refused:
        PageServer(desk, Place(port=port), Title("K", "k"))
    assert "--port" in refused.value.remedy


def test_the_browser_gets_the_link_by_a_file_that_others_cannot_read(
    lasting_server: tuple[Desk, PageServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the arguments of a process everybody on the machine could read the token."""
    opened: list[str] = []

    def open_address(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_address)
    server = PageServer(lasting_server[0], Place(port=0), Title("K", "k"))
    assert server.open_browser()
    [address] = opened
    token = server.link.partition("#token=")[2]
    assert token not in address
    page = Path(address.removeprefix("file://"))
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert server.link in page.read_text()
    server.stop()
    server.serve()
    assert not page.exists()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not on this machine")
def test_with_a_certificate_the_page_speaks_tls(
    lasting_server: tuple[Desk, PageServer], tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
         certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    place = Place(host="localhost", port=0, certfile=certificate, keyfile=key)
    server = PageServer(lasting_server[0], place, Title("K", "k"))
    assert server.link.startswith("https://localhost:")
    thread = threading.Thread(target=server.serve)
    thread.start()
    trusted = ssl.create_default_context(cafile=certificate)
    with Client(base_url=server.address, verify=trusted, trust_env=False) as client:
        headers = {"Origin": server.address}
        body = {"token": server.link.partition("#token=")[2]}
        answer = client.post("/api/session", json=body, headers=headers)
        assert "Secure" in answer.headers["set-cookie"]
        known = {CSRF_HEADER: answer.json()["csrf"]}
        assert client.get("/api/overview", headers=known).status_code == 200
    server.stop()
    thread.join()


def test_files_that_are_no_certificate_are_named(
    lasting_server: tuple[Desk, PageServer], tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_text("none")
    certificate.write_text("none either")
    place = Place(host="localhost", port=0, certfile=certificate, keyfile=key)
    with pytest.raises(SettingsError, match=r"key\.pem its key") as refused:
        PageServer(lasting_server[0], place, Title("K", "k"))
    assert str(certificate) in refused.value.problem
    assert "BEGIN CERTIFICATE" in refused.value.remedy


def test_a_folder_without_a_project_is_explained() -> None:
    command = [sys.executable, "-m", "nextslice", "serve", "--no-browser", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nextslice init" in done.stderr
    assert "Traceback" not in done.stderr
