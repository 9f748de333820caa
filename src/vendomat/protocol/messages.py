"""The messages between terminal and cloud. One struct each; a body never carries its own sender.

Subjects: `vm.<machine>.up.<kind>` (terminal asks, cloud replies after its commit) and `vm.<machine>.down.<kind>` (cloud
asks). A reply has the kind `<kind>.reply`, or `problem`. Amounts are minor units. Limits stand in the types: a message
that breaks one is malformed and changes nothing.

Longer because both sides read it as one list: a message that stood elsewhere would be looked for here.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from vendomat.protocol.label import Label

Id = Annotated[str, Meta(pattern=r"^[a-z]{2,5}_[0-9a-z]{26}\Z")]
Slot = Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,6}\Z")]
Nonce = Annotated[str, Meta(min_length=16, max_length=64)]
Minor = Annotated[int, Meta(ge=0, le=10**12)]
Channel = Annotated[str, Meta(pattern=r"^[a-z_]{1,20}\Z")]
Count = Annotated[int, Meta(ge=1, le=20)]
Text = Annotated[str, Meta(max_length=500)]
Short = Annotated[str, Meta(max_length=80)]
Groups = Annotated[list[Short], Meta(max_length=50)]
Stamp = Annotated[str, Meta(max_length=40)]
KeyIds = Annotated[tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")], ...], Meta(max_length=8)]

COUPON_PATTERN = "[A-Z0-9]{4,16}"
"""A coupon as it is typed: a drawn code or a word."""
LINES_MAX = 10
UNITS_MAX = 10
FACTS_MAX = 50


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request that was refused. Nothing changed."""

    code: Short
    message: Text
    detail: dict[str, object] = {}


# --- up: session -----------------------------------------------------------------------------------------------------


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Times that both sides count with, in seconds."""

    heartbeat_s: float = 5.0
    lease_s: float = 20.0
    ttl_s: float = 30.0
    qr_s: float = 120.0
    deadline_s: float = 90.0  # after the lease's end: what is not known then, is refunded


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """Sent once the subscriptions are confirmed. A new `nonce` starts the lease; `boot_nonce` names this run."""

    program: Short
    boot_nonce: Nonce
    nonce: Nonce
    protocol_versions: Annotated[tuple[int, ...], Meta(max_length=10)] = (1,)
    key_ids: KeyIds = ()  # the cloud's keys that this machine trusts now


class HelloReply(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    now: Stamp
    settings: Settings
    catalogue_version: int
    key_ids: KeyIds = ()  # the keys to trust: a machine that has others asks for them over HTTPS


class SlotState(StrEnum):
    OK = "ok"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"  # quarantined after a failed vend, or out of service


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    nonce: Nonce
    is_ready: bool
    reasons: Annotated[list[Short], Meta(max_length=20)] = []
    closed_slots: Annotated[list[Slot], Meta(max_length=200)] = []
    temperature_c: float | None = None
    facts_waiting: int = 0
    catalogue_version: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0  # what the screen shows; 0: not said


class HeartbeatReply(msgspec.Struct, frozen=True, kw_only=True):
    catalogue_version: int
    key_ids: KeyIds = ()


# --- up: catalogue ---------------------------------------------------------------------------------------------------


class LocalText(msgspec.Struct, frozen=True, kw_only=True):
    zh: Short
    en: Short


class CatalogueSlot(msgspec.Struct, frozen=True, kw_only=True):
    """One slot of the machine's planogram. `available` is what the cloud would sell now."""

    slot: Slot
    product_id: Id
    name: LocalText
    detail: LocalText
    category: Short
    price_minor: Minor
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    image: Short
    capacity: int
    available: int
    state: SlotState
    label: Label = Label()


class PromotionOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion as the cloud would apply it now: its rule as `vendomat.pricing` writes it, and what is left of its
    budget. A machine that cannot read a rule sells at the list price, and the cloud charges less."""

    rule: msgspec.Raw
    money_left_minor: int | None = None
    uses_left: int | None = None


class CatalogueRequest(msgspec.Struct, frozen=True, kw_only=True):
    known_version: int = 0


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    machine_number: Short
    name: LocalText
    service_phone: Short
    payee: Short
    channels: Annotated[list[Channel], Meta(max_length=10)]
    slots: Annotated[list[CatalogueSlot], Meta(max_length=200)]
    time_zone: Short = ""  # by whose clock the promotions' hours go
    groups: Groups = []  # the machine's tags, where promotions ask for them
    promotions: Annotated[list[PromotionOffer], Meta(max_length=100)] = []
    takes_coupons: bool = False  # whether a promotion counts here that wants a coupon


# --- up: order -------------------------------------------------------------------------------------------------------


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer chose, and the price the screen showed: a different price now is an error, never a surprise."""

    slot: Slot
    quantity: Count
    price_minor: Minor


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Idempotent by `request_id`: the same request again gives the same order. `shown_minor` is what the screen said
    all of it comes to on `channel`, promotions included; None: the sum of the lines. Nobody pays more than that."""

    request_id: Id
    lines: Annotated[list[OrderLine], Meta(min_length=1, max_length=LINES_MAX)]
    channel: Channel
    nonce: Nonce
    shown_minor: Minor | None = None
    coupon_id: Annotated[str, Meta(pattern=r"^(cpn_[0-9a-z]{26})?\Z")] = ""


class CouponRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon typed or scanned at this machine. Nothing is taken by it: the order takes what it names. A wrong one
    counts as a wrong code."""

    code: Annotated[str, Meta(pattern=rf"^{COUPON_PATTERN}\Z")]

    def __repr__(self) -> str:
        return "CouponRequest(...)"


class CouponReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the coupon lets count, by whose clock; an order that names `coupon_id` is priced with it."""

    coupon_id: Id
    offer: PromotionOffer
    time_zone: Short
    groups: Groups = []


class ChannelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Another payment for the same open order, on `channel`; the same channel again gives the same payment."""

    order_id: Id
    channel: Channel


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A payment code that the machine's scanner read, for an open order. Charged once by `scan_id`: the same scan again
    is answered with what stands. The code is as good as money for a minute: nobody keeps or shows it."""

    order_id: Id
    scan_id: Id
    code: Annotated[str, Meta(pattern=r"^[0-9]{16,24}\Z")]

    def __repr__(self) -> str:
        return f"ScanRequest(order_id={self.order_id!r}, scan_id={self.scan_id!r}, ...)"


class OrderRef(msgspec.Struct, frozen=True, kw_only=True):
    order_id: Id


class RedeemRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pickup code typed at this machine. Idempotent by `request_id`.

    The cloud chooses the slot: `closed_slots` are those that the machine would refuse to turn now.
    """

    request_id: Id
    code: Annotated[str, Meta(pattern=r"^[0-9]{8}\Z")]
    nonce: Nonce
    closed_slots: Annotated[list[Slot], Meta(max_length=200)] = []


class PaymentOffer(msgspec.Struct, frozen=True, kw_only=True):
    """`code_url` is empty while the platform has not answered: ask again by `channel`, the number stays the same.

    `way` is "qr", or "code_scan" for a code that the buyer showed; that one has no `code_url`, is charging, password
    (the buyer is asked for one), reversing, paid or closed, and says with `reason` why it was refused.
    """

    payment_id: Id
    channel: Channel
    state: Short
    code_url: Text = ""
    way: Short = "qr"
    reason: Short = ""


class WayPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What an open order comes to when it is paid on `channel`: less than otherwise."""

    channel: Channel
    total_minor: Minor


class UnitStatus(msgspec.Struct, frozen=True, kw_only=True):
    unit: int
    slot: Slot
    product_id: Id
    outcome: Short
    reason: Short = ""
    price_minor: Minor | None = None  # what was paid for it, promotions taken off; None: its line's


class RefundStatus(msgspec.Struct, frozen=True, kw_only=True):
    state: Short  # refunding | checking (a person looks first) | refunded
    amount_minor: Minor
    channel: Channel


class HoldStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Money of the buyer that is taken after the goods. `amount_minor`: what is reserved; when taken, what was."""

    state: Short  # held | taken | released
    amount_minor: Minor
    channel: Channel


class OrderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of an order as the buyer may see it: reply to `order`, `channel`, `order_status`, `cancel`, `redeem`;
    also pushed down as `order` after each change. `version` rises with each change. `lines` are at list prices as they
    were asked for, `total_minor` is what is paid, as long as it is open by any way that `prices` do not name."""

    order_id: Id
    reference: Short
    version: int
    state: Short
    origin: Short  # touch | code
    total_minor: Minor
    currency: Short
    lines: list[OrderLine]
    units: list[UnitStatus]
    offers: list[PaymentOffer]
    expires_in_s: float
    refund: RefundStatus | None = None
    hold: HoldStatus | None = None
    link: Text = ""  # where the buyer's own phone finds the order; empty before it is paid
    prices: list[WayPrice] = []  # the ways by which it costs less


# --- up: facts -------------------------------------------------------------------------------------------------------


class FactKind(StrEnum):
    BOOT = "boot"
    INTENT = "intent"  # the command is accepted and the motor may start
    OUTCOME = "outcome"
    REFUSED = "refused"  # never started, never will be
    FENCED = "fenced"  # as refused, because the cloud asked
    STOCK = "stock"  # a count by sensor or hand
    SECURITY = "security"  # the machine refused something that was not the cloud's word
    CASH_SALE = "cash_sale"  # sold for coins and notes, by the machine alone
    CASH_COUNT = "cash_count"  # the cash box was emptied and counted
    RECOUNT = "recount"  # what was taken from a cooler was recognised anew, after its OUTCOME


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A journalled fact under its origin `(epoch, seq)`: accepted at any age, applied once."""

    epoch: Annotated[int, Meta(ge=1, le=2**53)]
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    kind: FactKind
    at: Stamp
    is_time_trusted: bool = True
    body: msgspec.Raw

    def digest(self) -> str:
        """Hex digest over origin, kind and exact body: the same (epoch, seq) with another digest is a fault."""
        text = f"{self.epoch}\n{self.seq}\n{self.kind}\n".encode() + bytes(self.body)
        return hashlib.sha256(text).hexdigest()[:32]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    facts: Annotated[list[Fact], Meta(min_length=1, max_length=FACTS_MAX)]


class FactAck(msgspec.Struct, frozen=True, kw_only=True):
    epoch: int
    seq: int
    digest: str


class FactsReply(msgspec.Struct, frozen=True, kw_only=True):
    """Sent after the commit. A fact missing here was not accepted and is sent again."""

    acks: list[FactAck]


class SecurityKind(StrEnum):
    """What a machine refused unread."""

    COMMAND_FORGED = "command_forged"  # not signed by a key of the cloud's
    COMMAND_MISADDRESSED = "command_misaddressed"  # another machine's, or of another kind than its subject
    COMMAND_UNREADABLE = "command_unreadable"
    REPLY_FORGED = "reply_forged"
    REPLY_OF_ANOTHER = "reply_of_another"  # genuine, but the answer to another request
    CHALLENGE_REFUSED = "challenge_refused"  # the wire's server wanted a message signed as if it were a log-in
    RIGHT_REFUSED = "right_refused"  # the wire's server refuses what the machine's right allows
    FLOODED = "flooded"


class SecurityFact(msgspec.Struct, frozen=True, kw_only=True):
    """Body of SECURITY: `count` refusals of one kind since it was told last; at most one fact a minute and kind."""

    what: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}\Z")]  # a `SecurityKind`, perhaps of a newer program
    count: Annotated[int, Meta(ge=1, le=2**31)]


class VendResult(StrEnum):
    """What the machine says of one vend. Only DELIVERED* mean that goods came out; DOOR_* end a door's run."""

    DELIVERED = "delivered"
    DELIVERED_DOUBLE = "delivered_double"
    NOT_DETECTED = "not_detected"
    JAM = "jam"
    NOT_HOME = "not_home"
    OVERCURRENT = "overcurrent"
    NO_MOTOR = "no_motor"
    SENSOR_BLOCKED = "sensor_blocked"
    LIFT_FAULT = "lift_fault"
    DOOR_FAULT = "door_fault"
    HEALTH_LOCK = "health_lock"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"
    DOOR_SHUT = "door_shut"  # it was opened and is shut again
    DOOR_LEFT_OPEN = "door_left_open"  # it was opened, and nobody shut it in time
    DOOR_NOT_OPENED = "door_not_opened"  # definitely: the lock holds


class Refusal(StrEnum):
    """Why a command was never started."""

    EXPIRED = "expired"  # the nonce it quotes is older than the lease, or from an earlier run
    OLD_EPOCH = "old_epoch"
    FENCED = "fenced"
    UNKNOWN_SLOT = "unknown_slot"
    SLOT_CLOSED = "slot_closed"
    SENSOR_BLOCKED = "sensor_blocked"
    DOOR_OPEN = "door_open"
    BUSY = "busy"
    JOURNAL_FAULT = "journal_fault"
    BAD_SIGNATURE = "bad_signature"


class VendFact(msgspec.Struct, frozen=True, kw_only=True):
    """Body of INTENT, OUTCOME, REFUSED and FENCED. `result` is set for OUTCOME, `reason` for REFUSED."""

    cmd_id: Id
    order_id: Id
    unit: int
    slot: Slot
    result: VendResult | None = None
    reason: Short = ""
    motor_ms: int | None = None
    drop_ms: int | None = None
    turns: int | None = None


class CashUnit(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a cash sale and what the board said. The machine pays back what was not delivered."""

    slot: Slot
    price_minor: Minor
    result: VendResult


class CashSale(msgspec.Struct, frozen=True, kw_only=True):
    """Body of CASH_SALE: a sale that is over. What went in and came back as change is not told: the difference is."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    units: Annotated[list[CashUnit], Meta(min_length=1, max_length=UNITS_MAX)]


class CashCount(msgspec.Struct, frozen=True, kw_only=True):
    """Body of CASH_COUNT: what the machine expected in its box, and what whoever emptied it counted."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    expected_minor: Minor
    counted_minor: Minor


# --- down ------------------------------------------------------------------------------------------------------------


class Dispense(msgspec.Struct, frozen=True, kw_only=True):
    """Turn one motor once. Resent with the same `cmd_id` and the machine's newest nonce and epoch."""

    cmd_id: Id
    order_id: Id
    unit: int
    slot: Slot
    product_id: Id
    nonce: Nonce
    epoch: int


class FenceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Promise durably that `cmd_id` never starts, or say what became of it. The answer waits while the motor runs."""

    cmd_id: Id
    order_id: Id
    unit: int
    slot: Slot


class CommandReply(msgspec.Struct, frozen=True, kw_only=True):
    """The journalled facts of the command so far, oldest first (the newest decides)."""

    facts: list[Fact]


class CatalogueHint(msgspec.Struct, frozen=True, kw_only=True):
    version: int
