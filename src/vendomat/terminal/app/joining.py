"""From an enrolment link to a settings file: whom to trust is fetched from the cloud and held against the link.

The cloud's own authority is not known yet, so the first question is asked without checking who answers. Nothing of the
answer is believed unless it is the very file whose fingerprint stands in the link; the token is not sent here.
"""

from __future__ import annotations

import ssl
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import AUTHORITY_PATH, EnrolmentLink, read_enrolment_link
from vendomat.terminal.app.settings import ENROLMENT_NAME, FILE_NAME, SimulatedProfile, TerminalSettings, read_settings
from vendomat.terminal.link import write_private

TIMEOUT_S = 10.0
AUTHORITY_BYTES_MAX = 65_536
CA_FILE = "ca.pem"
_CABINET = SimulatedProfile(slots={f"{row}{column}": 10 for row in "ABC" for column in range(1, 5)})
"""What stands here until boards are driven: twelve slots with ten pieces each."""


def join(folder: Path, text: str) -> TerminalSettings:
    """Make `folder` the folder of a terminal that enrols by this link when it starts; what it had set stays.

    Raises `VendomatError` (invalid_value, conflict, unavailable, enrolment_refused); then nothing was written.
    """
    link = read_enrolment_link(text)
    if (folder / ENROLMENT_NAME).exists():
        raise VendomatError(ErrorCode.CONFLICT, f"{folder} is an enrolled machine's already; take another folder")
    authority = _fetch(link)
    if not link.vouches_for(authority):
        raise VendomatError(
            ErrorCode.ENROLMENT_REFUSED,
            f"whoever answers at {link.cloud_url} is not the cloud of this link; nothing was sent or kept",
        )
    settings = _settings(folder, link)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(folder / CA_FILE, authority)
    write_private(folder / FILE_NAME, msgspec.json.format(msgspec.json.encode(settings)) + b"\n")
    return settings


def _settings(folder: Path, link: EnrolmentLink) -> TerminalSettings:
    if not (folder / FILE_NAME).exists():
        return TerminalSettings(
            cloud_https_url=link.cloud_url, ca_file=CA_FILE, enrolment_token=link.token, simulated=_CABINET
        )
    return msgspec.structs.replace(
        read_settings(folder), cloud_https_url=link.cloud_url, ca_file=CA_FILE, enrolment_token=link.token
    )


def _fetch(link: EnrolmentLink) -> bytes:
    parts = urlsplit(link.cloud_url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the fingerprint says who it is
    try:
        connection = HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=TIMEOUT_S, context=context)
        try:
            connection.request("GET", AUTHORITY_PATH)
            response = connection.getresponse()
            status, authority = response.status, response.read(AUTHORITY_BYTES_MAX)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise VendomatError(ErrorCode.UNAVAILABLE, f"no cloud answers at {link.cloud_url}: {error}") from error
    if status != 200:
        raise VendomatError(ErrorCode.UNAVAILABLE, f"{link.cloud_url} answered {status}; is this a Vendomat cloud?")
    return authority
