"""From an enrolment link to a machine's folder, against a server whose certificate nobody knows beforehand."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.kernel import ErrorCode, SystemClock, VendomatError
from vendomat.protocol import AUTHORITY_PATH, EnrolmentLink, fingerprint_of, read_enrolment_link
from vendomat.terminal.app import join, read_settings

TOKEN = "t" * 43


class Gate:
    """Serves an authority; `said` may be spoiled."""

    def __init__(self, folder: Path) -> None:
        identity = CloudIdentity(folder, SystemClock())
        self.authority = identity.authority.certificate_pem.encode()
        self.said = self.authority
        gate = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == AUTHORITY_PATH else 404)
                self.end_headers()
                self.wfile.write(gate.said)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Answer)
        certificate = identity.server_certificate("https")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        self.link = EnrolmentLink(self.url, TOKEN, fingerprint_of(self.authority))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    opened = Gate(tmp_path / "identity")
    thread = threading.Thread(target=opened.server.serve_forever, args=(0.01,))
    thread.start()
    yield opened
    opened.server.shutdown()
    thread.join()
    opened.server.server_close()


def refused(folder: Path, link: object, code: ErrorCode) -> None:
    with pytest.raises(VendomatError) as caught:
        join(folder, str(link))
    assert caught.value.code is code
    assert not (folder / "terminal.json").exists()


def test_a_link_makes_a_folder_that_trusts_its_cloud(gate: Gate, tmp_path: Path) -> None:
    folder = tmp_path / "machine"
    join(folder, f" {gate.link}\n")
    settings = read_settings(folder)
    assert (settings.cloud_https_url, settings.enrolment_token) == (gate.url, TOKEN)
    assert (folder / settings.ca_file).read_bytes() == gate.authority
    assert (folder / "terminal.json").stat().st_mode & 0o77 == 0


def test_what_was_set_stays(gate: Gate, tmp_path: Path) -> None:
    folder = tmp_path / "machine"
    join(folder, str(gate.link))
    path = folder / "terminal.json"
    path.write_text(path.read_text().replace('"kiosk_port": 0', '"kiosk_port": 8123'))
    join(folder, str(EnrolmentLink(gate.url, "u" * 43, gate.link.fingerprint)))
    settings = read_settings(folder)
    assert (settings.kiosk_port, settings.enrolment_token) == (8123, "u" * 43)


def test_another_cloud_at_the_address_is_not_believed(gate: Gate, tmp_path: Path) -> None:
    gate.said = gate.authority + b"\n"
    refused(tmp_path / "machine", gate.link, ErrorCode.ENROLMENT_REFUSED)


def test_an_enrolled_machines_folder_is_left_alone(gate: Gate, tmp_path: Path) -> None:
    folder = tmp_path / "machine"
    folder.mkdir()
    (folder / "enrolment.json").write_text("{}")
    refused(folder, gate.link, ErrorCode.CONFLICT)


def test_nobody_there(tmp_path: Path) -> None:
    refused(tmp_path / "machine", EnrolmentLink("https://127.0.0.1:1", TOKEN, "0" * 64), ErrorCode.UNAVAILABLE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://h/enrol",
        f"http://h/enrol#{TOKEN}.{'0' * 64}",
        f"https://h/enrol#{TOKEN}.{'0' * 63}",
        f"https://h/enrol#{'t' * 15}.{'0' * 64}",
        f"https://h/else#{TOKEN}.{'0' * 64}",
        f"https://u@h/enrol#{TOKEN}.{'0' * 64}",
    ],
)
def test_half_a_link_is_none(text: str) -> None:
    with pytest.raises(VendomatError):
        read_enrolment_link(text)


def test_a_link_reads_back() -> None:
    link = EnrolmentLink("https://cloud.example:8443", TOKEN, "a" * 64)
    assert read_enrolment_link(str(link)) == link
    assert TOKEN not in repr(link)
