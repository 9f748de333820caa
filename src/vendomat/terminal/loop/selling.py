"""Performs the effects of the sale machine: asks the cloud, checks readiness, remembers the open order.

All decisions are in the sale's model; this turns answers, refusals and silence into its events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from vendomat.kernel import ErrorCode, IllegalMoveError, VendomatError
from vendomat.protocol import (
    UNITS_MAX,
    ChannelRequest,
    CouponReply,
    CouponRequest,
    OrderLine,
    OrderRef,
    OrderRequest,
    OrderStatus,
    RedeemRequest,
    ScanRequest,
)
from vendomat.terminal.drivers import coupon_of, payment_code_of
from vendomat.terminal.link import NotAnsweredError
from vendomat.terminal.loop.machine import Machine
from vendomat.terminal.loop.prices import Prices
from vendomat.terminal.loop.tasks import Tasks
from vendomat.terminal.sale import (
    AskCancel,
    AskChannel,
    AskCoupon,
    AskOrder,
    AskRedeem,
    AskScan,
    AskStatus,
    Checked,
    CheckReady,
    CodeShown,
    CouponEntered,
    CouponKnown,
    Event,
    HealthChanged,
    LinkChanged,
    LocalUnit,
    Refused,
    Remember,
    Resumed,
    Sale,
    SaleEffect,
    Screen,
    StatusArrived,
    Ticked,
    Unanswered,
    UnitSeen,
    step_sale,
)

ASK_TIMEOUT_S = 4.0
PAUSE_AFTER_SILENCE_S = 1.0
SEEN_AGAIN_S = 3.0
TICK_S = 0.25
_OPEN_ORDER_KEY = "open_order"


class _Remembered(msgspec.Struct, frozen=True):
    status: OrderStatus
    channel: str


class Selling:
    """Owns the one `Sale` of this machine. `shown` is called after each change of it."""

    def __init__(self, machine: Machine, shown: Callable[[], None]) -> None:
        self.sale = Sale()
        self._machine = machine
        self._shown = shown
        self._tasks = Tasks(machine.ports.log)
        self._asking: set[tuple[str, str]] = set()
        self.prices = Prices(machine)
        self._salt = machine.ports.new_nonce().encode()
        self._last_seen = b""
        self._coupon_seen = (b"", 0.0)

    def now_s(self) -> float:
        return self._machine.ports.clock.elapsed()

    def take(self, event: Event) -> None:
        """One event into the sale, its effects into the world. Raises `IllegalMoveError` for a senseless button."""
        before = self.sale
        self.sale, effects = step_sale(self.sale, event)
        if self.sale.screen is not before.screen:
            self._machine.ports.log.info("screen", now=self.sale.screen.value, was=before.screen.value)
        self.prices.hear_coupon(self.sale.coupon.known)
        for effect in effects:
            self._perform(effect)
        if self.sale != before:
            self._shown()

    # --- what others tell --------------------------------------------------------------------------------------------

    def see_unit(self, unit: LocalUnit) -> None:
        """A screen that cannot follow must never hold up a vend."""
        try:
            self.take(UnitSeen(at_s=self.now_s(), unit=unit))
        except IllegalMoveError:
            self._machine.ports.log.exception("screen_cannot_follow")

    def hear_status(self, status: OrderStatus, about: str = "") -> None:
        self.take(StatusArrived(at_s=self.now_s(), status=status, about=about))

    def see_line(self, line: str) -> None:
        """What the scanner read. Held there for a second it reads the same code many times: it counts once."""
        if coupon := coupon_of(line):
            self._see_coupon(coupon)
            return
        code = payment_code_of(line)
        mark = hashlib.sha256(self._salt + code.encode()).digest()
        if not code or mark == self._last_seen:
            return
        before = self.sale
        scan_id = self._machine.ports.ids.new("scn")
        self.take(CodeShown(at_s=self.now_s(), scan_id=scan_id, code=code))
        if self.sale is not before:
            self._last_seen = mark

    def enter_coupon(self, code: str) -> None:
        """Typed on the screen. Raises `IllegalMoveError` when none can be entered now."""
        self.take(CouponEntered(at_s=self.now_s(), about=self._machine.ports.ids.new("req"), code=code))

    def _see_coupon(self, code: str) -> None:
        """Each try may count: one held before the scanner is one try, and one shown at a wrong moment none."""
        mark, at_s = hashlib.sha256(self._salt + code.encode()).digest(), self.now_s()
        was_seen = self._coupon_seen[0] == mark and at_s - self._coupon_seen[1] < SEEN_AGAIN_S
        self._coupon_seen = (mark, at_s)
        if not was_seen and self.sale.screen is Screen.BROWSE and self.sale.coupon.entry.state != "checking":
            self.enter_coupon(code)

    def look_around(self) -> None:
        """Pass on what the machine knows of its link and its health."""
        machine = self._machine
        if machine.is_online != self.sale.is_online:
            self.take(LinkChanged(at_s=self.now_s(), is_online=machine.is_online))
        if machine.faults() != self.sale.faults:
            self.take(HealthChanged(at_s=self.now_s(), faults=machine.faults()))

    async def run(self) -> None:
        """Let time pass, until cancelled."""
        while True:
            self.look_around()
            self.take(Ticked(at_s=self.now_s()))
            if self.prices.is_due():
                self._shown()
            await self._machine.ports.clock.sleep(TICK_S)

    async def resume(self) -> None:
        """Take up the order that was on the screen when the program ended. Raises `JournalError`."""
        kept = await self._machine.ports.journal.run(lambda j: j.get(_OPEN_ORDER_KEY))
        if kept is not None:
            remembered = msgspec.json.decode(kept, type=_Remembered)
            self.take(Resumed(at_s=self.now_s(), status=remembered.status, channel=remembered.channel))

    async def stop(self) -> None:
        await self._tasks.cancel()

    # --- effects -----------------------------------------------------------------------------------------------------

    def _perform(self, effect: SaleEffect) -> None:
        match effect:
            case CheckReady(request_id, lines):
                self._tasks.spawn(self._check(request_id, lines))
            case AskOrder(request_id):
                self._ask("order", self._order_of(effect), request_id)
            case AskCoupon(about, code):
                self._tasks.spawn(self._asked_coupon(about, code))
            case AskRedeem(request_id, code):
                redeem = RedeemRequest(
                    request_id=request_id,
                    code=code,
                    nonce=self._machine.new_nonce(),
                    closed_slots=self._machine.slots.closed(),
                )
                self._ask("redeem", redeem, request_id)
            case AskChannel(order_id, channel):
                self._ask("channel", ChannelRequest(order_id=order_id, channel=channel), order_id)
            case AskScan(order_id, scan_id, code):
                self._ask("scan", ScanRequest(order_id=order_id, scan_id=scan_id, code=code), scan_id)
            case AskStatus(order_id):
                self._ask("order_status", OrderRef(order_id=order_id), order_id)
            case AskCancel(order_id):
                self._ask("cancel", OrderRef(order_id=order_id), order_id)
            case Remember(status, channel):
                kept = None if status is None else msgspec.json.encode(_Remembered(status, channel))
                self._tasks.spawn(self._machine.keep(_OPEN_ORDER_KEY, kept))

    def _order_of(self, ask: AskOrder) -> OrderRequest:
        return OrderRequest(
            request_id=ask.request_id,
            lines=list(ask.lines),
            channel=ask.channel,
            nonce=self._machine.new_nonce(),
            shown_minor=ask.shown_minor,
            coupon_id=ask.coupon_id,
        )

    async def _asked_coupon(self, about: str, code: str) -> None:
        event: Event
        try:
            wire, body = self._machine.ports.wire, CouponRequest(code=code)
            known = await wire.request("coupon", body, CouponReply, timeout_s=ASK_TIMEOUT_S)
            event = CouponKnown(at_s=self.now_s(), about=about, known=known)
        except NotAnsweredError:
            event = Unanswered(at_s=self.now_s(), about=about)
        except VendomatError as error:
            event = _refused(error, about, self.now_s())
        self.take(event)

    def _ask(self, kind: str, body: object, about: str) -> None:
        """One question of a kind about one thing at a time: the steps ask again by themselves."""
        if (kind, about) not in self._asking:
            self._asking.add((kind, about))
            self._tasks.spawn(self._asked(kind, body, about))

    async def _asked(self, kind: str, body: object, about: str) -> None:
        event: Event
        try:
            status = await self._machine.ports.wire.request(kind, body, OrderStatus, timeout_s=ASK_TIMEOUT_S)
            event = StatusArrived(at_s=self.now_s(), status=status, about=about)
        except NotAnsweredError:
            await self._machine.ports.clock.sleep(PAUSE_AFTER_SILENCE_S)
            event = Unanswered(at_s=self.now_s(), about=about)
        except VendomatError as error:
            event = _refused(error, about, self.now_s())
        finally:
            self._asking.discard((kind, about))
        self.take(event)

    async def _check(self, request_id: str, lines: tuple[OrderLine, ...]) -> None:
        machine = self._machine
        await machine.read_hardware()
        await machine.keep_again()  # the disk is asked before the buyer is: a full one says so now
        faults = machine.faults() if machine.is_online else ("offline", *machine.faults())
        code, detail = (ErrorCode.MACHINE_NOT_READY.value, ", ".join(faults)) if faults else ("", "")
        if not code and sum(line.quantity for line in lines) > UNITS_MAX:
            code, detail = ErrorCode.CART_TOO_LARGE.value, f"at most {UNITS_MAX} items"
        for line in lines:
            code, detail = (code, detail) if code else await self._check_line(line)
        self.take(Checked(at_s=self.now_s(), request_id=request_id, code=code, detail=detail))

    async def _check_line(self, line: OrderLine) -> tuple[str, str]:
        machine = self._machine
        planned = machine.planned(line.slot)
        if planned is None or line.slot not in machine.ports.dispenser.capabilities.slots:
            return ErrorCode.UNKNOWN_SLOT.value, line.slot
        if not machine.slots.is_open(line.slot) or await machine.ports.dispenser.check(line.slot) is not True:
            return ErrorCode.SLOT_CLOSED.value, line.slot
        if machine.available(line.slot) < line.quantity:
            return ErrorCode.SOLD_OUT.value, line.slot
        if planned.price_minor != line.price_minor:
            return ErrorCode.PRICE_CHANGED.value, line.slot
        return "", ""


def _refused(error: VendomatError, about: str, at_s: float) -> Refused:
    locked = error.detail.get("locked_for_s", 0)
    locked_for_s = float(locked) if isinstance(locked, int | float) else 0.0
    return Refused(at_s=at_s, about=about, code=error.code.value, detail=error.message, locked_for_s=locked_for_s)
