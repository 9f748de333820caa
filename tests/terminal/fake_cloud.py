"""A small cloud for tests of the terminal: keeps orders and facts, speaks the protocol's messages, can be told to fail.

It knows nothing of the terminal's code. Money is not its subject: `pay` simply says that an order is paid.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from vendomat.kernel import ErrorCode, VendomatError, derive_id, reference_of
from vendomat.protocol import (
    Catalogue,
    CatalogueSlot,
    ChannelRequest,
    CommandReply,
    CouponReply,
    CouponRequest,
    Dispense,
    Fact,
    FactAck,
    FactKind,
    Facts,
    FactsReply,
    FenceRequest,
    Heartbeat,
    HeartbeatReply,
    Hello,
    HelloReply,
    HoldStatus,
    LocalText,
    OrderLine,
    OrderRef,
    OrderRequest,
    OrderStatus,
    PaymentOffer,
    PromotionOffer,
    RedeemRequest,
    RefundStatus,
    ScanRequest,
    Settings,
    SlotState,
    UnitStatus,
    VendFact,
    VendResult,
)

SLOTS = ("A1", "A2", "A3")
PRICE = 350
GOOD_CODE = "12345678"
GOOD_COUPON, COUPON_ID = "SUMMER10", "cpn_" + "1" * 26
Down = Callable[[str, object], Awaitable[CommandReply | None]]


def product_of(slot: str) -> str:
    return derive_id("prd", slot)


def catalogue_of(version: int = 1, available: int = 5) -> Catalogue:
    return Catalogue(
        version=version,
        machine_number="M-001",
        name=LocalText(zh="站", en="Station"),
        service_phone="400-000",
        payee="Payee",
        channels=["wechat", "alipay"],
        slots=[
            CatalogueSlot(
                slot=slot,
                product_id=product_of(slot),
                name=LocalText(zh=slot, en=slot),
                detail=LocalText(zh="", en=""),
                category="drink",
                price_minor=PRICE,
                currency="CNY",
                image="",
                capacity=8,
                available=available,
                state=SlotState.OK,
            )
            for slot in SLOTS
        ],
    )


@dataclass
class FakeOrder:
    order_id: str
    lines: list[OrderLine]
    channel: str
    origin: str = "touch"
    state: str = "awaiting_payment"
    version: int = 1
    outcomes: list[str] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    refund: RefundStatus | None = None
    hold: HoldStatus | None = None
    channels: list[str] = field(default_factory=list)
    shown_minor: int | None = None
    coupon_id: str = ""
    charge: tuple[str, str] = ("", "")  # state and reason of a code that was shown

    def slots(self) -> list[str]:
        return [line.slot for line in self.lines for _ in range(line.quantity)]

    def _charges(self) -> list[PaymentOffer]:
        state, reason = self.charge
        number = derive_id("pay", self.order_id, "charge")
        charge = PaymentOffer(payment_id=number, channel="alipay", state=state, way="code_scan", reason=reason)
        return [charge] if state else []

    def status(self, *, has_url: bool = True, expires_in_s: float = 120.0) -> OrderStatus:
        return OrderStatus(
            order_id=self.order_id,
            reference=reference_of(self.order_id),
            version=self.version,
            state=self.state,
            origin=self.origin,
            total_minor=sum(line.price_minor * line.quantity for line in self.lines),
            currency="CNY",
            lines=self.lines,
            units=[
                UnitStatus(
                    unit=number,
                    slot=slot,
                    product_id=product_of(slot),
                    outcome=self.outcomes[number - 1],
                    reason=self.reasons.get(number, ""),
                )
                for number, slot in enumerate(self.slots(), 1)
            ],
            offers=[
                PaymentOffer(
                    payment_id=derive_id("pay", self.order_id, channel),
                    channel=channel,
                    state="created",
                    code_url=f"weixin://wxpay/bizpayurl?pr={channel}" if has_url else "",
                )
                for channel in self.channels
            ]
            + self._charges(),
            expires_in_s=expires_in_s,
            refund=self.refund,
            hold=self.hold,
        )


class FakeCloud:
    """`handle(kind, body)` gives the reply's body; `mute` kinds get no answer, `refusals` a problem."""

    def __init__(self) -> None:
        self.orders: dict[str, FakeOrder] = {}
        self.by_request: dict[str, str] = {}
        self.facts: dict[tuple[int, int], Fact] = {}
        self.arrivals: list[Fact] = []
        self.conflicts: list[Fact] = []
        self.heard: list[str] = []
        self.mute: set[str] = set()
        self.refusals: dict[str, VendomatError] = {}
        self.nonces: list[str] = []
        self.boot_nonces: list[str] = []
        self.epoch = 0
        self.catalogue = catalogue_of()
        self.closed_slots: list[str] = []  # as the last pickup code told them
        self.settings = Settings(heartbeat_s=0.3, lease_s=20.0)
        self.has_url = True
        self.expires_in_s = 120.0
        self.codes: list[str] = []
        self.coupons: list[str] = []
        self.fact_came = asyncio.Event()
        self.down: Down | None = None
        self.is_auto_dispensing = True
        self._tasks: set[asyncio.Task[None]] = set()

    # --- asked by the machine ----------------------------------------------------------------------------------------

    def handle(self, kind: str, epoch: int, body: bytes) -> object | None:
        """None: no answer. Raises `VendomatError` for a refusal."""
        self.heard.append(kind)
        self.epoch = max(self.epoch, epoch)
        if kind in self.mute:
            return None
        if kind in self.refusals:
            raise self.refusals[kind]
        return getattr(self, f"_on_{kind}")(body)

    def _on_hello(self, body: bytes) -> HelloReply:
        hello = msgspec.json.decode(body, type=Hello)
        self.nonces.append(hello.nonce)
        self.boot_nonces.append(hello.boot_nonce)
        now = datetime.now(UTC).isoformat()
        return HelloReply(version=1, now=now, settings=self.settings, catalogue_version=self.catalogue.version)

    def _on_heartbeat(self, body: bytes) -> HeartbeatReply:
        self.last_beat = msgspec.json.decode(body, type=Heartbeat)
        self.nonces.append(self.last_beat.nonce)
        return HeartbeatReply(catalogue_version=self.catalogue.version)

    def _on_catalogue(self, _: bytes) -> Catalogue:
        return self.catalogue

    def _on_order(self, body: bytes) -> OrderStatus:
        request = msgspec.json.decode(body, type=OrderRequest)
        self.nonces.append(request.nonce)
        order_id = self.by_request.setdefault(request.request_id, derive_id("ord", request.request_id))
        if order_id not in self.orders:
            order = FakeOrder(order_id, request.lines, request.channel, channels=[request.channel])
            order.shown_minor, order.coupon_id = request.shown_minor, request.coupon_id
            order.outcomes = ["pending"] * len(order.slots())
            self.orders[order_id] = order
        return self._status(order_id)

    def _on_coupon(self, body: bytes) -> CouponReply:
        code = msgspec.json.decode(body, type=CouponRequest).code
        self.coupons.append(code)
        if code != GOOD_COUPON:
            raise VendomatError(ErrorCode.COUPON_REFUSED, "no such coupon")
        rule = {"promotion_id": "prm_9", "name": "Friends", "kind": "percent", "basis_points": 1000, "coupon": "prm_9"}
        offer = PromotionOffer(rule=msgspec.Raw(msgspec.json.encode(rule)))
        return CouponReply(coupon_id=COUPON_ID, offer=offer, time_zone="Asia/Shanghai")

    def _on_redeem(self, body: bytes) -> OrderStatus:
        request = msgspec.json.decode(body, type=RedeemRequest)
        self.closed_slots = request.closed_slots
        if request.code != GOOD_CODE:
            raise VendomatError(ErrorCode.CODE_REFUSED, "this code is not known here", tries_left=4)
        order_id = self.by_request.setdefault(request.request_id, derive_id("ord", request.request_id))
        lines = [OrderLine(slot="A1", quantity=1, price_minor=PRICE)]
        order = FakeOrder(order_id, lines, "wechat", origin="code", channels=["wechat"], outcomes=["pending"])
        self.orders.setdefault(order_id, order)
        self.pay(order_id)
        return self._status(order_id)

    def _on_channel(self, body: bytes) -> OrderStatus:
        request = msgspec.json.decode(body, type=ChannelRequest)
        order = self.orders[request.order_id]
        if request.channel not in order.channels:
            order.channels.append(request.channel)
            order.version += 1
        return self._status(order.order_id)

    def _on_scan(self, body: bytes) -> OrderStatus:
        """The charge of a code; `charge` says how it stands."""
        request = msgspec.json.decode(body, type=ScanRequest)
        self.codes.append(request.code)
        order = self.orders[request.order_id]
        order.charge, order.version = ("charging", ""), order.version + 1
        return self._status(order.order_id)

    def _on_order_status(self, body: bytes) -> OrderStatus:
        return self._status(msgspec.json.decode(body, type=OrderRef).order_id)

    def _on_cancel(self, body: bytes) -> OrderStatus:
        order = self.orders[msgspec.json.decode(body, type=OrderRef).order_id]
        if order.state == "awaiting_payment":
            order.state, order.version = "cancelled", order.version + 1
        return self._status(order.order_id)

    def _on_facts(self, body: bytes) -> FactsReply:
        acks = []
        for fact in msgspec.json.decode(body, type=Facts).facts:
            self.arrivals.append(fact)
            known = self.facts.setdefault((fact.epoch, fact.seq), fact)
            if known.digest() != fact.digest():
                self.conflicts.append(fact)
                continue
            if known is fact:
                self._apply(fact)
            acks.append(FactAck(epoch=fact.epoch, seq=fact.seq, digest=fact.digest()))
        self.fact_came.set()
        return FactsReply(acks=acks)

    def _status(self, order_id: str) -> OrderStatus:
        if order_id not in self.orders:
            raise VendomatError(ErrorCode.NOT_FOUND, "no such order")
        return self.orders[order_id].status(has_url=self.has_url, expires_in_s=self.expires_in_s)

    # --- what it does by itself --------------------------------------------------------------------------------------

    def pay(self, order_id: str) -> None:
        order = self.orders[order_id]
        order.state, order.version = "dispensing", order.version + 1
        if self.is_auto_dispensing:
            self._spawn(self.dispense_next(order_id))

    async def dispense_next(self, order_id: str) -> None:
        order = self.orders[order_id]
        if "pending" in order.outcomes:
            await self.dispense(order_id, order.outcomes.index("pending") + 1)

    async def dispense(self, order_id: str, unit: int, **changes: object) -> CommandReply | None:
        assert self.down is not None
        return await self.down("dispense", self.command(order_id, unit, **changes))

    def command(self, order_id: str, unit: int, **changes: object) -> Dispense:
        slot = self.orders[order_id].slots()[unit - 1]
        command = Dispense(
            cmd_id=derive_id("cmd", order_id, unit),
            order_id=order_id,
            unit=unit,
            slot=slot,
            product_id=product_of(slot),
            nonce=self.nonces[-1],
            epoch=self.epoch,
        )
        return msgspec.structs.replace(command, **changes)

    async def fence(self, order_id: str, unit: int) -> CommandReply | None:
        assert self.down is not None
        slot = self.orders[order_id].slots()[unit - 1]
        cmd_id = derive_id("cmd", order_id, unit)
        return await self.down("fence", FenceRequest(cmd_id=cmd_id, order_id=order_id, unit=unit, slot=slot))

    def _apply(self, fact: Fact) -> None:
        if fact.kind in (FactKind.BOOT, FactKind.STOCK):
            return
        body = msgspec.json.decode(fact.body, type=VendFact)
        order = self.orders.get(body.order_id)
        if order is None:
            return
        good = (VendResult.DELIVERED, VendResult.DELIVERED_DOUBLE)
        outcome = "started"
        if fact.kind is FactKind.OUTCOME:
            outcome = "delivered" if body.result in good else "not_delivered"
            if body.result in (VendResult.UNKNOWN, VendResult.TIMEOUT):
                outcome = "unknown"
        elif fact.kind is not FactKind.INTENT:
            outcome = "not_delivered"
        if order.outcomes[body.unit - 1] in ("pending", "started"):
            order.outcomes[body.unit - 1] = outcome
            order.version += 1
        if outcome != "started":
            self._settle_or_go_on(order)

    def _settle_or_go_on(self, order: FakeOrder) -> None:
        if "pending" in order.outcomes and self.is_auto_dispensing:
            self._spawn(self.dispense_next(order.order_id))
        elif not {"pending", "started"} & set(order.outcomes):
            failed = sum(outcome != "delivered" for outcome in order.outcomes)
            if failed:
                order.refund = RefundStatus(state="refunding", amount_minor=failed * PRICE, channel=order.channel)
            order.state = "settled"

    def _spawn(self, work: Awaitable[object]) -> None:
        async def ended() -> None:
            await work

        task = asyncio.ensure_future(ended())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def results(self) -> list[tuple[FactKind, VendResult | None, str]]:
        """Kind, result and reason of each vend fact, by origin."""
        facts = [fact for _, fact in sorted(self.facts.items()) if fact.kind is not FactKind.BOOT]
        bodies = [(fact.kind, msgspec.json.decode(fact.body, type=VendFact)) for fact in facts]
        return [(kind, body.result, body.reason) for kind, body in bodies]


def jwt_of(iat: int, exp: int) -> str:
    """A JWT's shape, for tests that never show it to a server."""
    payload = base64.urlsafe_b64encode(msgspec.json.encode({"iat": iat, "exp": exp})).rstrip(b"=").decode()
    return f"e30.{payload}.x"
