"""The shapes in which the console gets machines and orders. Amounts are minor units, times UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, JsonValue
from typing_extensions import TypedDict

from vendomat.cloud.machines import MachineState
from vendomat.cloud.orders import Closing, Finding, OrderState, UnitOutcome
from vendomat.cloud.payments import PaymentState, RefundStage, Verdict
from vendomat.cloud.reports.machine_views import ConditionView, WantedTemperatureView
from vendomat.protocol import SlotState


class SlotCounts(BaseModel):
    ok: int
    sold_out: int
    closed: int


class SalesToday(BaseModel):
    """Units delivered since midnight of the machine's time zone."""

    count: int
    amount_minor: int
    currency: str


ConnectionState = Literal["new", "offline", "attention", "online"]


class ModelNameView(BaseModel):
    id: str
    maker: str
    name: str


class MachineView(BaseModel):
    """`state` is `new`, `offline`, `attention` or `online`; `lifecycle` is the machine's own state. `off_band_since`:
    since when its temperature is not the wanted one."""

    id: str
    number: str
    name_zh: str
    name_en: str
    site: str
    time_zone: str
    lifecycle: MachineState
    state: ConnectionState
    seen_at: datetime | None
    is_ready: bool
    reasons: list[str]
    temperature_c: float | None
    facts_waiting: int
    open_alarms: int
    off_band_since: datetime | None
    tags: list[str]
    model: ModelNameView | None
    slots: SlotCounts
    sales_today: SalesToday


class SlotView(BaseModel):
    slot: str
    product_id: str
    name_zh: str
    name_en: str
    image: str
    price_minor: int
    currency: str
    capacity: int
    on_hand: int
    reserved: int
    available: int
    state: SlotState
    closed_reason: str


class MachineDetailView(MachineView):
    """`catalogue_version` is what its screen shall show, `condition.catalogue_version` what it did."""

    catalogue_version: int
    epoch: int
    planogram: list[SlotView]
    band: WantedTemperatureView | None
    condition: ConditionView | None


class OrderView(BaseModel):
    """One line of the order list. `channel` is how the winning payment came, empty while there is none."""

    id: str
    reference: str
    machine_id: str
    machine_number: str
    state: OrderState
    closing: Closing
    origin: str
    channel: str
    total_minor: int
    refunded_minor: int
    refunding_minor: int
    currency: str
    units: int
    units_delivered: int
    units_unknown: int
    created_at: datetime
    ended_at: datetime | None


class UnitView(BaseModel):
    unit: int
    slot: str
    product_id: str
    name_zh: str
    name_en: str
    price_minor: int
    outcome: UnitOutcome
    is_final: bool
    result: str
    reason: str
    finding: Finding


class PaymentView(BaseModel):
    """Of money that did not fit its order (`is_frozen`), `account` and `currency` are where and in what it came.

    Of money that is taken after the goods (`is_hold`), `capture_minor` is what was decided to be taken.
    """

    id: str
    channel: str
    account: str
    state: PaymentState
    is_winning: bool
    is_frozen: bool
    amount_minor: int
    captured_minor: int
    currency: str
    transaction_id: str
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    verdict: Verdict
    verdict_by: str
    is_hold: bool
    capture_minor: int


class RefundView(BaseModel):
    """`hand_way` is set of one that a person paid outside the platform, `send_asked_by` while a second person has to
    agree that it is sent on, `came_back` of one that the platform paid to the merchant."""

    id: str
    payment_id: str
    ordinal: int
    amount_minor: int
    reason: str
    state: RefundStage
    error: str
    approved_by: str
    asked_by: str
    hand_way: Literal["", "cash", "bank_transfer", "wallet_transfer", "other"]
    hand_reference: str
    recorded_by: str
    send_to: str
    send_asked_by: str
    came_back: Literal["", "bank", "balance"]
    tries: int
    requested_at: datetime
    ended_at: datetime | None


class LedgerLineView(BaseModel):
    """Debit positive, credit negative."""

    transaction: str
    kind: str
    line: int
    account: str
    amount_minor: int
    currency: str
    posted_at: datetime


class TimelineEntryView(BaseModel):
    at: datetime
    source: Literal["terminal", "cloud", "platform", "operator"]
    kind: str
    data: dict[str, JsonValue]


class OrderDetailView(OrderView):
    version: int
    expires_at: datetime
    code_id: str
    unit_list: list[UnitView]
    payments: list[PaymentView]
    refunds: list[RefundView]
    ledger: list[LedgerLineView]
    timeline: list[TimelineEntryView]


class LiveEventView(BaseModel):
    """One event of the live stream, and the body of a webhook. `subject` is the id it is about."""

    type: str
    timestamp: datetime
    subject: str
    data: dict[str, JsonValue]


class AmbiguityView(BaseModel):
    """A unit that was declared ambiguous. `finding` is `none` until somebody has looked, or the machine has spoken."""

    order_id: str
    reference: str
    unit: int
    machine_id: str
    machine_number: str
    slot: str
    product_id: str
    name_zh: str
    name_en: str
    price_minor: int
    currency: str
    declared_at: datetime
    result: str
    reason: str
    refund_state: RefundStage | Literal[""]
    finding: Finding
    found_at: datetime | None
    found_by: str
    found_reason: str


class AmbiguityRateView(BaseModel):
    """`ambiguous` of `started` units; a unit counts as started unless it is proven that its motor never ran."""

    started: int
    ambiguous: int
    ambiguous_minor: int


class MachineAmbiguityView(AmbiguityRateView):
    """A machine's last 30 days."""

    machine_id: str
    machine_number: str
    locked_slots: int
    unresolved: int


class OpenUnknownView(BaseModel):
    """A unit nobody can say anything about yet; at `deadline` it is declared ambiguous and refunded."""

    order_id: str
    reference: str
    unit: int
    machine_id: str
    machine_number: str
    slot: str
    price_minor: int
    currency: str
    deadline: datetime


AmbiguityRates = TypedDict(
    "AmbiguityRates", {"24h": AmbiguityRateView, "7d": AmbiguityRateView, "30d": AmbiguityRateView}
)


class AmbiguityReportView(BaseModel):
    """`rates` by window (`24h`, `7d`, `30d`); `open_minor` stands on the account of ambiguities now."""

    currency: str
    rates: AmbiguityRates
    unresolved: int
    open_minor: int
    machines: list[MachineAmbiguityView]
    unknown: list[OpenUnknownView]


class SettlementShareView(BaseModel):
    """Paid orders by how they met the objective; all of them count, so the share is `in_time` of the sum."""

    in_time: int
    late: int
    missed: int


SettlementWindows = TypedDict(
    "SettlementWindows", {"today": SettlementShareView, "7d": SettlementShareView, "30d": SettlementShareView}
)


class SettlementSlotView(SettlementShareView):
    slot_at: datetime


class SettlementReportView(BaseModel):
    """`windows` are `today`, `7d` and `30d`; `worst` the five minutes with most orders late or missed."""

    objective_s: int
    slot_s: int
    windows: SettlementWindows
    worst: list[SettlementSlotView]


class MissView(BaseModel):
    """An order that did not meet the objective. `settled_at` is null while it is open."""

    order_id: str
    reference: str
    machine_id: str
    machine_number: str
    total_minor: int
    currency: str
    state: OrderState
    paid_at: datetime
    outcome_at: datetime | None
    settled_at: datetime | None
    is_unreachable: bool
    verdict: Literal["late", "missed"]
    slot_at: datetime
