"""Preparing a device that recognises faces: the part of the contract for providers that can charge a face.

The device's own kit gives an opaque text; the platform makes of it what the kit needs to look at somebody. What comes
out of the device then is a charge like any other, of the credential FACE. Refuses to see, keep or send a picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable


class FaceState(StrEnum):
    READY = "ready"  # `token` is set
    REFUSED = "refused"  # not for this account or device; `error` says why
    UNKNOWN = "unknown"  # no answer: ask again, nothing is lost


@dataclass(frozen=True, slots=True)
class FaceDevice:
    """A device as the platform asks for it. `raw_data` is what its kit gave."""

    device_id: str
    raw_data: str = field(repr=False)
    store_id: str
    store_name: str


@dataclass(frozen=True, slots=True)
class FaceReady:
    """`token` goes to the device's kit, unread; it serves until `expires_at`."""

    state: FaceState
    token: str = field(default="", repr=False)
    expires_at: datetime | None = None
    error: str = ""


@runtime_checkable
class TakesFaces(Protocol):
    """What a provider that can charge faces also does. Whether its account may is said by `takes_faces`."""

    takes_faces: bool

    async def prepare_face(self, device: FaceDevice) -> FaceReady:
        """A token for `device`: the one of before while it lasts, a new one early enough that a machine that loses its
        line is not left without."""
        ...
