"""What WeChat Pay's books hold: merchants, orders, refunds, and the moves they may make. Pure values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from vendomat.kernel import Moves
from vendomat.simulator.gateways.funds import fee_of


class OrderState(StrEnum):
    NOTPAY = "NOTPAY"
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"  # paid, and some of it was given back
    CLOSED = "CLOSED"
    USERPAYING = "USERPAYING"  # a charge by payment code that waits for the buyer's password
    PAYERROR = "PAYERROR"
    REVOKED = "REVOKED"  # a charge that was reversed; what had been taken is given back


class OrderEvent(StrEnum):
    PAY = "pay"
    REFUND = "refund"
    CLOSE = "close"
    ASK_BUYER = "ask_buyer"
    FAIL = "fail"
    REVERSE = "reverse"


ORDER_MOVES = Moves(
    "WeChat order",
    OrderState,
    {
        (OrderState.NOTPAY, OrderEvent.PAY): OrderState.SUCCESS,
        (OrderState.NOTPAY, OrderEvent.CLOSE): OrderState.CLOSED,
        (OrderState.SUCCESS, OrderEvent.REFUND): OrderState.REFUND,
        (OrderState.NOTPAY, OrderEvent.ASK_BUYER): OrderState.USERPAYING,
        (OrderState.USERPAYING, OrderEvent.PAY): OrderState.SUCCESS,
        (OrderState.USERPAYING, OrderEvent.FAIL): OrderState.PAYERROR,
        (OrderState.USERPAYING, OrderEvent.REVERSE): OrderState.REVOKED,
        (OrderState.PAYERROR, OrderEvent.REVERSE): OrderState.REVOKED,
        (OrderState.SUCCESS, OrderEvent.REVERSE): OrderState.REVOKED,
    },
    start=OrderState.NOTPAY,
    final=(OrderState.CLOSED, OrderState.REFUND, OrderState.REVOKED),
)


class RefundState(StrEnum):
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    CLOSED = "CLOSED"  # given up by the platform; the money is the merchant's again
    ABNORMAL = "ABNORMAL"  # the buyer's account cannot take it; the money is with neither


class RefundEvent(StrEnum):
    SEND_ON = "send_on"
    SETTLE = "settle"
    GIVE_UP = "give_up"
    STRAND = "strand"


REFUND_MOVES = Moves(
    "WeChat refund",
    RefundState,
    {
        (RefundState.PROCESSING, RefundEvent.SETTLE): RefundState.SUCCESS,
        (RefundState.PROCESSING, RefundEvent.GIVE_UP): RefundState.CLOSED,
        (RefundState.PROCESSING, RefundEvent.STRAND): RefundState.ABNORMAL,
        (RefundState.ABNORMAL, RefundEvent.SEND_ON): RefundState.PROCESSING,
    },
    start=RefundState.PROCESSING,
    final=(RefundState.SUCCESS, RefundState.CLOSED),
)

REFUND_EVENT_OF = {
    RefundState.SUCCESS: RefundEvent.SETTLE,
    RefundState.CLOSED: RefundEvent.GIVE_UP,
    RefundState.ABNORMAL: RefundEvent.STRAND,
}


class KeyMode(StrEnum):
    """With which of its keys the platform signs for a merchant."""

    PUBLIC_KEY = "public_key"
    CERTIFICATE = "certificate"


class TradeType(StrEnum):
    """How an order came about, and so how it is paid and ended."""

    NATIVE = "NATIVE"  # a code on a screen
    JSAPI = "JSAPI"  # a page inside the wallet
    MWEB = "MWEB"  # a page in a phone's browser
    MICROPAY = "MICROPAY"  # a code the buyer showed
    FACEPAY = "FACEPAY"
    AUTH = "AUTH"  # what a service order owed, collected by the platform


CHARGED = frozenset({TradeType.MICROPAY, TradeType.FACEPAY})
"""These are taken at once, never offered, and end by a reverse."""


def key_of(mchid: str, number: str) -> str:
    return f"{mchid}/{number}"


def openid_of(appid: str, payer: str) -> str:
    """A buyer's id towards one application: 28 characters, the same each time."""
    return "o" + hashlib.sha256(f"{appid}/{payer}".encode()).hexdigest()[:27]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant as the platform knows it: never its private key."""

    KIND: ClassVar[str] = "wechat_merchant"

    mchid: str
    appid: str
    name: str
    serial_no: str
    public_key_pem: str
    apiv3_key: str
    mode: KeyMode
    balance_fen: int
    service_id: str = ""  # none: the merchant has no Pay Score
    service_ceiling_fen: int = 0
    apiv2_key: str = ""  # none: the merchant may not charge by payment code
    public_key_percent: int | None = None
    """While the merchant moves to the public key: the share of answers and notices already signed by it."""
    certificate_pem: str = ""
    fee_basis_points: int = 0
    portal_refund_url: str = ""
    """Where refunds that name no address are told, in the form of v2."""

    @property
    def key(self) -> str:
        return self.mchid


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Every parameter of an order call; repeating a number means repeating all of them."""

    mchid: str
    appid: str
    out_trade_no: str
    description: str
    total_fen: int
    notify_url: str
    attach: str = ""
    device_id: str = ""
    time_expire: datetime | None = None
    is_shared: bool = False  # what it brings is frozen until it is shared out
    openid: str = ""  # who alone may pay, where the order says it
    rest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order with its newest code (of a page: its prepay id), or, then without one, a charge."""

    KIND: ClassVar[str] = "wechat_order"

    terms: Terms
    code: str
    code_made_at: datetime
    created_at: datetime
    expires_at: datetime
    state: OrderState = OrderState.NOTPAY
    scanned_by: str = ""
    payer: str = ""
    transaction_id: str = ""
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    trade_type: TradeType = TradeType.NATIVE
    fee_basis_points: int = 0

    @property
    def key(self) -> str:
        return key_of(self.terms.mchid, self.terms.out_trade_no)

    @property
    def fee_fen(self) -> int:
        """What the platform keeps of the payment."""
        return fee_of(self.terms.total_fen, self.fee_basis_points)

    @property
    def net_fen(self) -> int:
        """What the payment brings the merchant."""
        return self.terms.total_fen - self.fee_fen

    @property
    def reversed_at(self) -> datetime | None:
        """When the money of a paid charge was given back by a reverse."""
        return self.closed_at if self.state == OrderState.REVOKED and self.paid_at is not None else None

    @property
    def is_paid(self) -> bool:
        return self.state in (OrderState.SUCCESS, OrderState.REFUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    KIND: ClassVar[str] = "wechat_refund"

    mchid: str
    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    amount_fen: int
    total_fen: int
    reason: str
    notify_url: str
    created_at: datetime
    refund_id: str = ""
    state: RefundState = RefundState.PROCESSING
    settles_at: datetime | None = None
    settles_as: RefundState = RefundState.SUCCESS
    settled_at: datetime | None = None
    fee_fen: int = 0
    """What the platform returned of its fee."""
    waits_for_funds: bool = False
    """Accepted although the balance is too low: its money has not left the merchant, and after a week never will."""
    funded_at: datetime | None = None
    sent_to: str = ""
    """Where an abnormal refund was sent on to."""

    @property
    def key(self) -> str:
        return key_of(self.mchid, self.out_refund_no)

    @property
    def net_fen(self) -> int:
        """What the refund costs the merchant."""
        return self.amount_fen - self.fee_fen

    @property
    def left_at(self) -> datetime | None:
        """When its money left the merchant."""
        return None if self.waits_for_funds else self.funded_at or self.created_at

    @property
    def is_void(self) -> bool:
        """The platform gave it up: the order has that much more to refund."""
        return self.state == RefundState.CLOSED

    @property
    def returns_money_to_merchant(self) -> bool:
        return self.is_void and not self.waits_for_funds
