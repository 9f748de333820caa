"""What Alipay's books hold: applications, trades, refunds, and the moves they may make. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from vendomat.kernel import Moves
from vendomat.simulator.gateways.funds import fee_of


class TradeState(StrEnum):
    """`UNSCANNED` is ours: a code exists, a trade does not yet, and every query says so."""

    UNSCANNED = "UNSCANNED"
    WAIT_BUYER_PAY = "WAIT_BUYER_PAY"
    TRADE_SUCCESS = "TRADE_SUCCESS"
    TRADE_CLOSED = "TRADE_CLOSED"


class TradeEvent(StrEnum):
    SCAN = "scan"
    PAY = "pay"
    CLOSE = "close"
    REFUND_ALL = "refund_all"


TRADE_MOVES = Moves(
    "Alipay trade",
    TradeState,
    {
        (TradeState.UNSCANNED, TradeEvent.SCAN): TradeState.WAIT_BUYER_PAY,
        (TradeState.UNSCANNED, TradeEvent.CLOSE): TradeState.TRADE_CLOSED,
        (TradeState.WAIT_BUYER_PAY, TradeEvent.PAY): TradeState.TRADE_SUCCESS,
        (TradeState.WAIT_BUYER_PAY, TradeEvent.CLOSE): TradeState.TRADE_CLOSED,
        (TradeState.TRADE_SUCCESS, TradeEvent.REFUND_ALL): TradeState.TRADE_CLOSED,
    },
    start=TradeState.UNSCANNED,
    final=(TradeState.TRADE_CLOSED,),
)


class RefundState(StrEnum):
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"  # the money is the merchant's again; a query shows nothing


class RefundEvent(StrEnum):
    SETTLE = "settle"
    FAIL = "fail"


REFUND_MOVES = Moves(
    "Alipay refund",
    RefundState,
    {
        (RefundState.PROCESSING, RefundEvent.SETTLE): RefundState.SUCCESS,
        (RefundState.PROCESSING, RefundEvent.FAIL): RefundState.FAILED,
    },
    start=RefundState.PROCESSING,
    final=(RefundState.SUCCESS, RefundState.FAILED),
)


def key_of(app_id: str, number: str) -> str:
    return f"{app_id}/{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A merchant's application as the platform knows it: never its private key."""

    KIND: ClassVar[str] = "alipay_application"

    app_id: str
    seller_id: str
    name: str
    public_key_pem: str
    balance_fen: int
    fee_basis_points: int = 0
    certificate_pem: str = ""  # none: public-key mode

    @property
    def key(self) -> str:
        return self.app_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Every parameter of a precreate or pay call but the buyer's code."""

    app_id: str
    out_trade_no: str
    subject: str
    total_fen: int
    notify_url: str = ""
    terminal_id: str = ""
    body: str = ""
    timeout_express: str = ""
    qr_code_timeout_express: str = ""
    time_expire: str = ""
    rest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A code, and from its first scan on a trade. One charged by the buyer's code has none.

    `ends_at` is the last moment of payment known so far.
    """

    KIND: ClassVar[str] = "alipay_trade"

    terms: Terms
    code: str
    code_ends_at: datetime
    ends_at: datetime
    created_at: datetime
    state: TradeState = TradeState.UNSCANNED
    trade_no: str = ""
    scanned_by: str = ""
    scanned_at: datetime | None = None
    payer: str = ""
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    fee_basis_points: int = 0

    @property
    def key(self) -> str:
        return key_of(self.terms.app_id, self.terms.out_trade_no)

    @property
    def is_paid(self) -> bool:
        """Whether money was taken, whatever went back since."""
        return self.paid_at is not None

    @property
    def fee_fen(self) -> int:
        """What the platform keeps of the payment."""
        return fee_of(self.terms.total_fen, self.fee_basis_points)


@dataclass(frozen=True, slots=True)
class RefundAsked:
    out_request_no: str
    amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    KIND: ClassVar[str] = "alipay_refund"

    app_id: str
    out_trade_no: str
    out_request_no: str
    amount_fen: int
    reason: str
    created_at: datetime
    settles_at: datetime
    settles_as: RefundState = RefundState.SUCCESS
    state: RefundState = RefundState.PROCESSING
    settled_at: datetime | None = None
    fee_fen: int = 0
    """What the platform returned of its fee."""
    failed: tuple[tuple[datetime, datetime, int], ...] = ()
    """Former tries of this number: begun, failed, and the net amount that went and came back."""

    @property
    def key(self) -> str:
        return f"{self.app_id}/{self.out_trade_no}/{self.out_request_no}"

    @property
    def net_fen(self) -> int:
        """What the refund costs the merchant."""
        return self.amount_fen - self.fee_fen
