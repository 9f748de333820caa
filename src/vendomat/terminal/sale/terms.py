"""The words of a purchase at the screen: screens, moves, values, events and effects. Decides nothing.

Every event carries `at_s`, the moment on the machine's elapsed clock; nothing here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vendomat.kernel import Moves
from vendomat.protocol import CouponReply, OrderLine, OrderStatus


class Screen(StrEnum):
    BROWSE = "browse"
    PREPARING = "preparing"
    PAYING = "paying"
    DELIVERING = "delivering"
    RESULT = "result"
    OUT_OF_ORDER = "out_of_order"


class SaleMove(StrEnum):
    CHOOSE = "choose"
    OFFER = "offer"  # a payable QR is there and the machine is ready
    GIVE_UP = "give_up"  # no order, or no order any more
    DELIVER = "deliver"
    FINISH = "finish"
    CLOSE = "close"
    BREAK = "break"
    MEND = "mend"


_B, _P, _Q = Screen.BROWSE, Screen.PREPARING, Screen.PAYING
_D, _R, _O = Screen.DELIVERING, Screen.RESULT, Screen.OUT_OF_ORDER

MOVES = Moves(
    "sale",
    Screen,
    {
        (_B, SaleMove.CHOOSE): _P,
        (_B, SaleMove.OFFER): _Q,  # an order found again after a restart
        (_B, SaleMove.DELIVER): _D,
        (_B, SaleMove.FINISH): _R,
        (_B, SaleMove.BREAK): _O,
        (_P, SaleMove.OFFER): _Q,
        (_P, SaleMove.GIVE_UP): _B,
        (_P, SaleMove.DELIVER): _D,
        (_P, SaleMove.FINISH): _R,
        (_Q, SaleMove.CHOOSE): _P,  # a new code after the old one expired
        (_Q, SaleMove.GIVE_UP): _B,
        (_Q, SaleMove.DELIVER): _D,
        (_Q, SaleMove.FINISH): _R,
        (_D, SaleMove.FINISH): _R,
        (_R, SaleMove.CHOOSE): _P,
        (_R, SaleMove.DELIVER): _D,
        (_R, SaleMove.CLOSE): _B,
        (_O, SaleMove.DELIVER): _D,
        (_O, SaleMove.FINISH): _R,
        (_O, SaleMove.MEND): _B,
    },
    start=Screen.BROWSE,
)


class UnitOutcome(StrEnum):
    PENDING = "pending"
    STARTED = "started"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    UNKNOWN = "unknown"


FINAL_OUTCOMES = frozenset({UnitOutcome.DELIVERED, UnitOutcome.NOT_DELIVERED, UnitOutcome.UNKNOWN})
NOTICE_S = 10.0
AWAITING, CANCELLED, EXPIRED, SETTLED = "awaiting_payment", "cancelled", "expired", "settled"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the buyer asked for and the cloud has not answered yet. `code` is set for a pickup code."""

    request_id: str
    lines: tuple[OrderLine, ...] = ()
    channel: str = ""
    code: str = ""
    tries: int = 0
    shown_minor: int | None = None  # what the screen said all of it comes to
    coupon_id: str = ""


@dataclass(frozen=True, slots=True)
class LocalUnit:
    """What this machine saw of a unit itself."""

    order_id: str
    unit: int
    slot: str
    product_id: str
    outcome: UnitOutcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    code: str
    detail: str
    until_s: float


@dataclass(frozen=True, slots=True)
class CodeEntry:
    state: str = "idle"  # idle | checking | refused | locked; a coupon's: accepted, too
    reason: str = ""
    locked_until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CouponEntry:
    """A coupon for the cart: what became of the code (not the code), and what the cloud said it lets count.

    `about` names the question while its answer is awaited.
    """

    entry: CodeEntry = CodeEntry()
    about: str = ""
    known: CouponReply | None = None

    @property
    def coupon_id(self) -> str:
        return "" if self.known is None else self.known.coupon_id


@dataclass(frozen=True, slots=True)
class Shown:
    """A payment code that was read and handed to the cloud, which has not said a word of it yet. Not the code."""

    scan_id: str


@dataclass(frozen=True, slots=True)
class Sale:
    """What the screen shows, and why. `faults` are the reasons for which nothing at all is sold; `closed_id` is the
    order whose result was closed last."""

    screen: Screen = Screen.BROWSE
    is_online: bool = False
    faults: tuple[str, ...] = ()
    attempt: Attempt | None = None
    order: OrderStatus | None = None
    closed_id: str = ""
    channel: str = ""
    local: tuple[LocalUnit, ...] = ()
    notice: Notice | None = None
    code_entry: CodeEntry = CodeEntry()
    coupon: CouponEntry = CouponEntry()
    shown: Shown | None = None
    is_cancelling: bool = False
    expires_at_s: float = 0.0
    expires_total_s: float = 0.0
    ask_at_s: float | None = None
    close_at_s: float | None = None
    stalls_at_s: float | None = None


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered(Event):
    request_id: str
    lines: tuple[OrderLine, ...]
    channel: str
    shown_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Event):
    """Answer to `CheckReady`: no reason means ready now."""

    request_id: str
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusArrived(Event):
    """`about` is the request or order id that was asked with; empty for a pushed status."""

    status: OrderStatus
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Event):
    about: str
    code: str
    detail: str = ""
    locked_for_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered(Event):
    """No answer in time: whether the cloud acted is not known."""

    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChosen(Event):
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEntered(Event):
    request_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponEntered(Event):
    """`about` is a new name for the question."""

    about: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTakenOut(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponKnown(Event):
    about: str
    known: CouponReply


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeShown(Event):
    """The scanner read a payment code."""

    scan_id: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPressed(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DonePressed(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreTimePressed(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChanged(Event):
    is_online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged(Event):
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSeen(Event):
    """The machine started a unit, or knows its outcome."""

    unit: LocalUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """The program came up again and remembers an order that was on the screen."""

    status: OrderStatus
    channel: str


# --- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CheckReady:
    """Look at slot, sensor, door, journal and link now; answer with `Checked`."""

    request_id: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class AskOrder:
    request_id: str
    lines: tuple[OrderLine, ...]
    channel: str
    shown_minor: int | None = None
    coupon_id: str = ""


@dataclass(frozen=True, slots=True)
class AskCoupon:
    """Ask what a coupon lets count, once; answer with `CouponKnown`."""

    about: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskRedeem:
    request_id: str
    code: str


@dataclass(frozen=True, slots=True)
class AskChannel:
    order_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class AskScan:
    """Hand a payment code to the cloud, once: it is not kept for a second time."""

    order_id: str
    scan_id: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskStatus:
    order_id: str


@dataclass(frozen=True, slots=True)
class AskCancel:
    order_id: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the open order over a restart; None forgets it."""

    status: OrderStatus | None
    channel: str = ""


SaleEffect = CheckReady | AskOrder | AskCoupon | AskRedeem | AskChannel | AskScan | AskStatus | AskCancel | Remember
