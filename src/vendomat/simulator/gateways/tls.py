"""The TLS port of the emulated WeChat Pay, which asks its callers for their merchant certificates.

A caller without one gets through and is refused by the calls that need one; a certificate nobody registered ends the
handshake.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: merchants' certificates are dated by the emulator's clock, not the machine's."""


class TlsDoor:
    """The server's side of TLS. `trust` lets a merchant's certificate in, also while the server runs."""

    def __init__(self, certificate_pem: str, key_pem: str) -> None:
        self.certificate_pem = certificate_pem
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.context.verify_flags |= _NO_CHECK_TIME
        descriptor, name = tempfile.mkstemp(prefix="gateway-", suffix=".pem")  # the library reads files only
        try:
            with os.fdopen(descriptor, "w") as pair:
                pair.write(f"{certificate_pem}\n{key_pem}\n")
            self.context.load_cert_chain(name)
        finally:
            Path(name).unlink()

    def trust(self, merchant_certificate_pem: str) -> None:
        self.context.load_verify_locations(cadata=merchant_certificate_pem)
