"""TLS to the cloud on a machine whose clock may be wrong: the authority, the name and the key are always checked.

With a clock that is right, dates are checked as everywhere. While the machine's time is only a lower bound (it came up
in 1970 and the cloud has not said the time), the system's date check would refuse every certificate, and for ever: the
time comes over the very connection. Then a certificate is refused only if it had ended by the last time known.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from vendomat.kernel import Clock, LiftedClock

_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME."""


def client_context(ca_file: Path, clock: Clock) -> ssl.SSLContext:
    """For one connection now. Raises `OSError`."""
    context = ssl.create_default_context(cafile=str(ca_file))
    if isinstance(clock, LiftedClock) and clock.is_lifted:
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
        context.sslsocket_class = _socket_class(clock)
        context.sslobject_class = _object_class(clock)
    return context


def _socket_class(clock: Clock) -> type[ssl.SSLSocket]:
    class Dated(ssl.SSLSocket):
        """Looks at the end of the peer's certificate by our clock."""

        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            _refuse_ended(self.getpeercert(), clock)

    return Dated


def _object_class(clock: Clock) -> type[ssl.SSLObject]:
    class Dated(ssl.SSLObject):
        """As above, for asyncio."""

        def do_handshake(self) -> None:
            super().do_handshake()
            _refuse_ended(self.getpeercert(), clock)

    return Dated


def _refuse_ended(certificate: Any, clock: Clock) -> None:
    if not certificate or ssl.cert_time_to_seconds(certificate["notAfter"]) < clock.now().timestamp():
        raise ssl.SSLCertVerificationError("the certificate had ended by the last time this machine knew")
