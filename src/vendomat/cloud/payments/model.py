"""What a payment and a refund are, and the moves they may make. Pure.

A payment number and a refund number are fixed before the first call and never change. Unknown is a state with a next
look-up, never an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vendomat.kernel import Moves, derive_id

CODE_CHANNEL = "code"
"""The channel of a pickup code: paid when it is redeemed, refunded by making the code good again."""

CASH_CHANNEL = "cash"
"""The channel of coins and notes: a machine took them and gave back what it owed before it told of it."""

WALLET_CHANNEL = "wallet"
"""The channel of a member's wallet: paid and refunded on our own books, in the transaction that decides it."""


class PaymentState(StrEnum):
    CREATED = "created"
    UNKNOWN = "unknown"  # to be closed, and the platform has not said what became of it
    HELD = "held"  # authorised and not taken: it is captured or released once it is known what was delivered
    PAID = "paid"
    CLOSED = "closed"  # nothing was taken; of a hold also: released, or lapsed


class PaymentMove(StrEnum):
    HOLD = "hold"
    PAY = "pay"
    CLOSE = "close"
    LOSE_SIGHT = "lose_sight"


PAYMENT_MOVES: Moves[PaymentState, PaymentMove] = Moves(
    "payment",
    PaymentState,
    {
        (PaymentState.CREATED, PaymentMove.PAY): PaymentState.PAID,
        (PaymentState.CREATED, PaymentMove.CLOSE): PaymentState.CLOSED,
        (PaymentState.CREATED, PaymentMove.LOSE_SIGHT): PaymentState.UNKNOWN,
        (PaymentState.UNKNOWN, PaymentMove.PAY): PaymentState.PAID,
        (PaymentState.UNKNOWN, PaymentMove.CLOSE): PaymentState.CLOSED,
        (PaymentState.UNKNOWN, PaymentMove.LOSE_SIGHT): PaymentState.UNKNOWN,
        # The platform took money for a number it had called closed: the money counts, and it goes back.
        (PaymentState.CLOSED, PaymentMove.PAY): PaymentState.PAID,
        (PaymentState.CREATED, PaymentMove.HOLD): PaymentState.HELD,
        (PaymentState.UNKNOWN, PaymentMove.HOLD): PaymentState.HELD,
        (PaymentState.CLOSED, PaymentMove.HOLD): PaymentState.HELD,  # as money after a close: it is given up
        (PaymentState.HELD, PaymentMove.PAY): PaymentState.PAID,
        (PaymentState.HELD, PaymentMove.CLOSE): PaymentState.CLOSED,
    },
    start=PaymentState.CREATED,
    final=(PaymentState.PAID,),
)


class PaymentWay(StrEnum):
    """How the buyer pays: scans our code, or shows one of theirs, which is charged once and may have to be reversed."""

    QR = "qr"
    CODE_SCAN = "code_scan"


WAITING_FOR_BUYER = "waiting"
"""What a platform said of a charge: the buyer is asked for a password."""

REVERSE_NOT_BEFORE_S = 15.0
"""A charge may be reversed this long after it was sent, no sooner: the platforms' rule."""


class Verdict(StrEnum):
    """What people decided about money that did not fit its order. While it is open, the money stands in suspense."""

    NONE = "none"
    GIVE_ASKED = "give_asked"  # one person wants it given back; a second has to agree
    KEEP_ASKED = "keep_asked"
    GIVEN_BACK = "given_back"
    KEPT = "kept"


class VerdictMove(StrEnum):
    ASK_TO_GIVE = "ask_to_give"
    ASK_TO_KEEP = "ask_to_keep"
    AGREE = "agree"
    DECLINE = "decline"


VERDICT_MOVES: Moves[Verdict, VerdictMove] = Moves(
    "verdict",
    Verdict,
    {
        (Verdict.NONE, VerdictMove.ASK_TO_GIVE): Verdict.GIVE_ASKED,
        (Verdict.NONE, VerdictMove.ASK_TO_KEEP): Verdict.KEEP_ASKED,
        (Verdict.GIVE_ASKED, VerdictMove.AGREE): Verdict.GIVEN_BACK,
        (Verdict.KEEP_ASKED, VerdictMove.AGREE): Verdict.KEPT,
        (Verdict.GIVE_ASKED, VerdictMove.DECLINE): Verdict.NONE,
        (Verdict.KEEP_ASKED, VerdictMove.DECLINE): Verdict.NONE,
    },
    start=Verdict.NONE,
    final=(Verdict.GIVEN_BACK, Verdict.KEPT),
)


class RefundStage(StrEnum):
    REQUESTED = "requested"
    HELD = "held"  # a person has to look, or a second one to agree, before it goes
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the platform gave this number up: a person decides on the next ordinal


class RefundMove(StrEnum):
    ACCEPT = "accept"
    SUCCEED = "succeed"
    LOSE_SIGHT = "lose_sight"
    DENY = "deny"  # not accepted, or refused for now: the same number again
    FAIL = "fail"
    HOLD = "hold"
    RELEASE = "release"
    SEND_ON = "send_on"


_OPEN = (RefundStage.REQUESTED, RefundStage.HELD, RefundStage.PROCESSING, RefundStage.UNKNOWN)

REFUND_MOVES: Moves[RefundStage, RefundMove] = Moves(
    "refund",
    RefundStage,
    {
        **{(stage, RefundMove.ACCEPT): RefundStage.PROCESSING for stage in _OPEN},
        **{(stage, RefundMove.SUCCEED): RefundStage.SUCCEEDED for stage in _OPEN},
        **{(stage, RefundMove.FAIL): RefundStage.FAILED for stage in _OPEN},
        (RefundStage.REQUESTED, RefundMove.LOSE_SIGHT): RefundStage.UNKNOWN,
        (RefundStage.PROCESSING, RefundMove.LOSE_SIGHT): RefundStage.PROCESSING,
        (RefundStage.UNKNOWN, RefundMove.LOSE_SIGHT): RefundStage.UNKNOWN,
        (RefundStage.REQUESTED, RefundMove.DENY): RefundStage.REQUESTED,
        (RefundStage.UNKNOWN, RefundMove.DENY): RefundStage.REQUESTED,
        (RefundStage.REQUESTED, RefundMove.HOLD): RefundStage.HELD,
        (RefundStage.HELD, RefundMove.RELEASE): RefundStage.REQUESTED,
        # The platform paid a number that it had given up: the money went, and it counts.
        (RefundStage.FAILED, RefundMove.SUCCEED): RefundStage.SUCCEEDED,
        # The buyer's account could not take it, and a person has it sent to another one: what came of it is looked up.
        (RefundStage.FAILED, RefundMove.SEND_ON): RefundStage.UNKNOWN,
    },
    start=RefundStage.REQUESTED,
    final=(RefundStage.SUCCEEDED,),
)


@dataclass(frozen=True, slots=True)
class Payment:
    """One channel's attempt to take `amount_minor` for an order. `account` is ours at the platform.

    Of money that did not fit the order (`is_frozen`), `account` and `currency` are those it came in, and `verdict` what
    people decided about it; `verdict_by` asked for it. `currency` is empty where it is not known to differ. `payer` is
    a mark of who paid, not their name at the platform. Of a top-up, `paid_out_minor` went back because its member left.
    `tier` is of the member whose code pays, where a price asks for one.

    Of a charge (`way` code_scan): `began_at` is when it was numbered, `said` the platform's last word for the buyer,
    and `close_wanted` means that it is being reversed. The buyer's code is nowhere in it.

    Of a hold (`is_hold`, fixed when it is numbered): `capture_minor` is what is to be taken of it, `close_wanted` that
    it is to be released. One of them is written before the platform is asked, once, and never changes to the other.
    """

    payment_id: str
    channel: str
    account: str
    amount_minor: int
    state: PaymentState
    is_winning: bool = False
    is_frozen: bool = False
    close_wanted: bool = False
    code_url: str = ""
    transaction_id: str = ""
    captured_minor: int = 0
    paid_at: datetime | None = None
    way: PaymentWay = PaymentWay.QR
    said: str = ""
    began_at: datetime | None = None
    currency: str = ""
    verdict: Verdict = Verdict.NONE
    verdict_by: str = ""
    payer: str = ""
    is_hold: bool = False
    capture_minor: int = 0
    paid_out_minor: int = 0
    tier: str = ""

    @property
    def may_buy(self) -> bool:
        """Whether a payment heard of now may vend: not of a charge that was refused, or that is or was reversed, nor of
        a hold that is to be released."""
        is_revocable = self.is_hold or self.way is PaymentWay.CODE_SCAN
        return not is_revocable or (self.is_open and not self.close_wanted)

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet what became of it. A hold that waits for its goods is open."""
        return self.state in (PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.HELD)


STRANDED = "abnormal"
"""How the error of a refund begins that the buyer's account could not take: the platforms' word for it."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Row (payment, ordinal). Ordinal 1 carries all undelivered units, or all of a late or second payment.

    `approved_by` is the operator who let it go: one that was held, or one after a number that the platform gave up.
    `asked_by` is the operator who gave it beyond what was owed: such a refund is goodwill, and nobody's debt.
    `hand_way` is set of one that `recorded_by` pays outside the platform, which is never asked for it; `hand_reference`
    says where it can be found.
    `send_to` is where `send_asked_by` wants one sent on that the buyer's account could not take, while a second person
    has not agreed; `came_back` says that the platform paid it to the merchant, who still owes it to the buyer.
    """

    payment_id: str
    ordinal: int
    refund_id: str
    amount_minor: int
    reason: str
    stage: RefundStage
    error: str = ""
    approved_by: str = ""
    asked_by: str = ""
    hand_way: str = ""
    hand_reference: str = ""
    recorded_by: str = ""
    send_to: str = ""
    send_asked_by: str = ""
    came_back: str = ""

    @property
    def is_stranded(self) -> bool:
        """Whether it left the merchant and reached nobody, so that it can be sent on."""
        is_lost = self.stage is RefundStage.FAILED and self.came_back == ""
        return is_lost and self.error.startswith(STRANDED)

    @property
    def is_by_hand(self) -> bool:
        return self.hand_way != ""

    @property
    def is_open(self) -> bool:
        return self.stage not in (RefundStage.SUCCEEDED, RefundStage.FAILED)

    @property
    def is_goodwill(self) -> bool:
        return self.asked_by != ""

    def is_replaced_in(self, refunds: Sequence[Refund]) -> bool:
        """Whether it was given up and nothing waits for it: another one of the same payment carries its money, or it
        was goodwill, of which a person may give more."""
        if self.stage is not RefundStage.FAILED or self.is_goodwill:
            return self.stage is RefundStage.FAILED
        return any(
            other.payment_id == self.payment_id
            and not other.is_goodwill
            and (other.ordinal > self.ordinal or other.stage is not RefundStage.FAILED)
            for other in refunds
        )


def refund_number(payment_id: str, ordinal: int) -> str:
    """The refund's number: it follows from the row, so no retry can ever use another."""
    return derive_id("rfd", payment_id, ordinal)
