"""What the API says of statements. Amounts are minor units of the currency beside them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from vendomat.cloud.statements.model import Group, Standing


class PeriodsView(BaseModel):
    """What may be asked for. `first_day` is null before anything was booked; `today` is not over yet."""

    time_zone: str
    currency: str
    today: date
    first_day: date | None


class AccountLineView(BaseModel):
    """One account: closing = opening + payments + refunds + fees + payouts + other; debit is positive."""

    account: str
    group: Group
    currency: str
    opening_minor: int
    payments_minor: int
    refunds_minor: int
    fees_minor: int
    payouts_minor: int
    other_minor: int
    closing_minor: int
    lines: int


class FiguresView(BaseModel):
    """Of one currency. `result` is income less all expenses; `refunds` is what buyers got back; no tax is split off."""

    currency: str
    income_minor: int
    refunds_minor: int
    fees_minor: int
    goodwill_minor: int
    sensor_fault_minor: int
    gifts_minor: int
    site_rent_minor: int
    other_expense_minor: int
    ambiguous_minor: int
    result_minor: int


class SalesView(BaseModel):
    """What a machine, or a product, brought. `sold` was paid for by a buyer, `gifts` by a code of the merchant, `late`
    came out after its money had been promised back; goodwill went back on top."""

    id: str
    name: str
    name_en: str
    currency: str
    units: int
    sold_minor: int
    gifts_minor: int
    late_minor: int
    goodwill_minor: int
    other_minor: int


class StatementDayView(BaseModel):
    """One business day of the period. `open_accounts` (`channel:account`) keep it provisional."""

    day: date
    standing: Standing
    open_accounts: list[str]


class DayFiguresView(FiguresView):
    day: date


class StatementView(BaseModel):
    """A merchant's statement of one day or month. `standing`: running, provisional or closed."""

    period: str
    is_month: bool
    merchant: str
    time_zone: str
    begins_at: datetime
    ends_at: datetime
    standing: Standing
    days: list[StatementDayView]
    accounts: list[AccountLineView]
    figures: list[FiguresView]
    daily: list[DayFiguresView]
    machines: list[SalesView]
    products: list[SalesView]
    read_at: datetime


class RowView(BaseModel):
    """One ledger line."""

    at: datetime
    transaction: str
    line: int
    kind: str
    account: str
    amount_minor: int
    currency: str
    order_id: str
