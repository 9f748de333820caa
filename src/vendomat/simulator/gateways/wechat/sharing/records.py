"""What the books of profit sharing hold: frozen payments, receivers, sharings with their shares, and returns. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from vendomat.simulator.gateways.wechat.records import key_of


class ShareState(StrEnum):
    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What of a shared payment nobody has yet. `shared_fen` counts what was given or is on its way."""

    KIND: ClassVar[str] = "wechat_frozen"

    mchid: str
    transaction_id: str
    out_trade_no: str
    total_fen: int
    left_fen: int
    paid_at: datetime
    shared_fen: int = 0
    sharings: int = 0
    is_free: bool = False

    @property
    def key(self) -> str:
        return key_of(self.mchid, self.transaction_id)

    @property
    def frozen_fen(self) -> int:
        return 0 if self.is_free else self.left_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    KIND: ClassVar[str] = "wechat_receiver"

    mchid: str
    type: str
    account: str

    @property
    def key(self) -> str:
        return f"{self.mchid}/{self.type}/{self.account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLine:
    type: str
    account: str
    amount_fen: int
    description: str
    detail_id: str
    state: ShareState = ShareState.PENDING
    fail_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    KIND: ClassVar[str] = "wechat_sharing"

    mchid: str
    number: str
    transaction_id: str
    order_id: str
    made_at: datetime
    lines: tuple[ShareLine, ...]
    frees_rest: bool
    settles_at: datetime | None
    settled_at: datetime | None = None

    @property
    def key(self) -> str:
        return key_of(self.mchid, self.number)

    @property
    def asked(self) -> tuple[object, ...]:
        """What a repetition must repeat."""
        return self.transaction_id, self.frees_rest, [(one.type, one.account, one.amount_fen) for one in self.lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareReturn:
    KIND: ClassVar[str] = "wechat_share_return"

    mchid: str
    number: str
    sharing_number: str
    return_mchid: str
    amount_fen: int
    description: str
    return_id: str
    made_at: datetime
    settles_at: datetime | None
    result: str = "PROCESSING"
    settled_at: datetime | None = None

    @property
    def key(self) -> str:
        return key_of(self.mchid, self.number)
