"""Sharing the money of a payment with others: the small contract for platforms that do it.

A payment that was offered as shared is frozen at the platform: nobody has its money until it was shared out, or the
rest set free. An order that is FINISHED only ran: whether a receiver has got anything is said of each share alone. As
everywhere numbers are fixed before the first call, and UNKNOWN is resolved by looking up the same number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from vendomat.kernel import Money


class ReceiverKind(StrEnum):
    MERCHANT = "merchant"  # by their account at the platform
    PERSON = "person"  # by the platform's id of them towards this account


class SharingState(StrEnum):
    PROCESSING = "processing"
    FINISHED = "finished"  # it ran; the shares say what came of it
    NOT_FOUND = "not_found"  # the platform has no such order: repeat the same number
    REFUSED = "refused"  # definitely not taken; `error` says why
    UNKNOWN = "unknown"


class ShareState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"  # the receiver gets nothing; the money is the merchant's again


class TakeBackState(StrEnum):
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # nothing came back; a new try needs a new number
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who may be given a share. `name` is a merchant's full name, sealed for the platform."""

    kind: ReceiverKind
    account: str
    name: str = field(default="", repr=False)
    relation: str = "PARTNER"


@dataclass(frozen=True, slots=True)
class Share:
    kind: ReceiverKind
    account: str
    amount: Money
    description: str


@dataclass(frozen=True, slots=True)
class SharingRequest:
    """One sharing of one payment. `frees_rest`: what is left is the merchant's, and nothing more can be shared."""

    number: str
    transaction_id: str
    shares: tuple[Share, ...]
    frees_rest: bool = False


@dataclass(frozen=True, slots=True)
class ShareResult:
    kind: ReceiverKind
    account: str
    amount: Money
    state: ShareState
    error: str = ""
    detail_number: str = ""  # the platform's own number of it: its account's bill lists it under this


@dataclass(frozen=True, slots=True)
class Sharing:
    state: SharingState
    number: str
    platform_number: str = ""
    shares: tuple[ShareResult, ...] = ()
    error: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TakeBackRequest:
    """Part of what `account`, a merchant, was given by the sharing `sharing_number`, to come back."""

    number: str
    sharing_number: str
    account: str
    amount: Money
    description: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    state: TakeBackState
    number: str
    amount: Money | None = None
    error: str = ""
    detail_number: str = ""  # as of a share


class ProfitSharing(Protocol):
    """One account's sharing."""

    async def add_receiver(self, receiver: Receiver) -> str:
        """An empty text when the platform knows the receiver now; else why not, or that it did not say."""
        ...

    async def share(self, request: SharingRequest) -> Sharing: ...

    async def look_up(self, number: str, transaction_id: str) -> Sharing: ...

    async def set_free(self, number: str, transaction_id: str, reason: str) -> Sharing:
        """The rest is the merchant's. Takes a number of its own, that no sharing has had."""
        ...

    async def left(self, transaction_id: str) -> Money | None:
        """What can still be shared of a payment; None when the platform does not say."""
        ...

    async def take_back(self, request: TakeBackRequest) -> TakenBack: ...

    async def look_up_take_back(self, request: TakeBackRequest) -> TakenBack: ...


@runtime_checkable
class SharesProfit(Protocol):
    """What a provider of such a platform also has; None for an account that may not."""

    profit_sharing: ProfitSharing | None
