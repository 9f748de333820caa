"""The one line that lets a new machine in: where the cloud is, the one-time token, and whom to trust there.

`https://HOST:PORT/enrol#TOKEN.FINGERPRINT`. The fingerprint is the SHA-256 of the file with the cloud's authority: a
machine fetches that file from the cloud without knowing it yet, and takes no other. What stands behind `#` is sent to
nobody by a browser that opens the line.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from vendomat.kernel import ErrorCode, VendomatError

AUTHORITY_PATH = "/enrol/authority"
"""Where a machine fetches the authority's certificate (PEM)."""

_LINK = re.compile(r"(https://[A-Za-z0-9.:\[\]-]{1,200})/enrol#([A-Za-z0-9_-]{16,128})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class EnrolmentLink:
    """`repr` hides the token."""

    cloud_url: str
    token: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.cloud_url}/enrol#{self.token}.{self.fingerprint}"

    def __repr__(self) -> str:
        return f"EnrolmentLink({self.cloud_url})"

    def vouches_for(self, authority: bytes) -> bool:
        return fingerprint_of(authority) == self.fingerprint


def fingerprint_of(authority: bytes) -> str:
    return hashlib.sha256(authority).hexdigest()


def read_enrolment_link(text: str) -> EnrolmentLink:
    """Raises `VendomatError(invalid_value)`."""
    found = _LINK.fullmatch(text.strip())
    if found is None:
        raise VendomatError(
            ErrorCode.INVALID_VALUE, "this is not a whole enrolment link; copy it from the console once more"
        )
    return EnrolmentLink(found[1], found[2], found[3])
