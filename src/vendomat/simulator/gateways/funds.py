"""A merchant's money at an emulated platform: what moved it, fees, and the payout of each day to the bank.

Every movement but a transfer follows from a payment or a refund, so none is kept twice: entries are made from the
records whenever they are asked for. What a day brought, less fees and refunds, goes to the bank at 08:00 of the next
day (T+1); what the merchant laid in at the beginning stays, so that refunds can be made. Pure, over a given time.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import ClassVar

CHINA = timezone(timedelta(hours=8))
PAYOUT_AT = time(8, tzinfo=CHINA)


def day_of(moment: datetime) -> date:
    """The platform's day of `moment`."""
    return moment.astimezone(CHINA).date()


def moment_on(day: date, at: time) -> datetime:
    return datetime.combine(day, at).astimezone(UTC)


def fee_of(amount_fen: int, basis_points: int) -> int:
    """Half up to the fen; one basis point is a hundredth of a percent."""
    return (amount_fen * basis_points + 5_000) // 10_000


def fee_back_of(amount_fen: int, basis_points: int, *, rest_fen: int, is_last: bool) -> int:
    """The fee returned with a refund: its share, and with the last part of an order all that is left of the fee."""
    return rest_fen if is_last else min(fee_of(amount_fen, basis_points), rest_fen)


def yuan_of(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def digits_of(text: str, count: int) -> str:
    """Digits that look given out, the same for the same text: a bill made twice is the same."""
    return str(int(hashlib.sha256(text.encode()).hexdigest(), 16))[-count:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Money laid in (positive), drawn (negative) or paid out for `day` (negative, or zero when nothing was left)."""

    KIND: ClassVar[str] = "transfer"

    platform: str
    account: str
    number: str
    at: datetime
    amount_fen: int
    day: date | None = None
    name: str = ""  # of what is neither: a share given or got

    @property
    def key(self) -> str:
        return f"{self.account}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FundEntry:
    """One movement as the fund bill shows it. `amount_fen` is positive when it came in."""

    at: datetime
    name: str
    business: str
    amount_fen: int
    platform_number: str
    voucher: str
    note: str = ""
    balance_fen: int = 0
    is_transfer: bool = False


def with_balances(entries: Iterable[FundEntry], closing_fen: int) -> list[FundEntry]:
    """All entries of an account in the order of time, each with the balance after it; the last is `closing_fen`."""
    ordered = sorted(entries, key=lambda entry: (entry.at, entry.amount_fen < 0))
    balance_fen = closing_fen - sum(entry.amount_fen for entry in ordered)
    result = []
    for entry in ordered:
        balance_fen += entry.amount_fen
        result.append(replace(entry, balance_fen=balance_fen))
    return result


class Transfers:
    """Transfers of one platform's accounts, and which days wait for their payout."""

    def __init__(self, platform: str, keep: Callable[[Transfer], None]) -> None:
        self._platform = platform
        self._keep = keep
        self._of: defaultdict[str, list[Transfer]] = defaultdict(list)
        self._waiting: defaultdict[str, set[date]] = defaultdict(set)
        self._next_due_at: datetime | None = None

    def restore(self, transfers: Iterable[Transfer], movements: Iterable[tuple[str, datetime]]) -> None:
        """Take over the records of a former process; `movements` are (account, moment) of payments and refunds."""
        paid_out = set()
        for transfer in transfers:
            if transfer.platform == self._platform:
                self._of[transfer.account].append(transfer)
                paid_out.add((transfer.account, transfer.day))
        for account, at in movements:
            if (account, day_of(at)) not in paid_out:
                self.note(account, at)

    def note(self, account: str, at: datetime) -> None:
        """Money of `account` moved: its day will be paid out."""
        day = day_of(at)
        if day not in self._waiting[account]:
            self._waiting[account].add(day)
            due_at = _payout_at(day)
            self._next_due_at = due_at if self._next_due_at is None else min(self._next_due_at, due_at)

    def due(self, now: datetime) -> Sequence[tuple[str, date]]:
        """Accounts and days whose payout has come, oldest first; they wait no longer."""
        if self._next_due_at is None or now < self._next_due_at:
            return ()
        due = [(day, account) for account, days in self._waiting.items() for day in days if _payout_at(day) <= now]
        for day, account in due:
            self._waiting[account].discard(day)
        rest = [_payout_at(day) for days in self._waiting.values() for day in days]
        self._next_due_at = min(rest, default=None)
        return [(account, day) for day, account in sorted(due)]

    def pay_out(self, account: str, day: date, amount_fen: int) -> None:
        self._add(
            Transfer(
                platform=self._platform,
                account=account,
                number=f"payout_{day:%Y%m%d}",
                at=_payout_at(day),
                amount_fen=-amount_fen,
                day=day,
            )
        )

    def lay_in(self, account: str, amount_fen: int, at: datetime) -> None:
        """A deposit, or what was drawn when negative."""
        if amount_fen:
            number = f"transfer_{len(self._of[account]):06d}"
            self._add(Transfer(platform=self._platform, account=account, number=number, at=at, amount_fen=amount_fen))

    def share(self, account: str, amount_fen: int, at: datetime, *, name: str, number: str) -> None:
        """A share of another payment came (positive) or went."""
        self._add(
            Transfer(platform=self._platform, account=account, number=number, at=at, amount_fen=amount_fen, name=name)
        )

    def of(self, account: str) -> list[Transfer]:
        return self._of[account]

    def _add(self, transfer: Transfer) -> None:
        self._of[transfer.account].append(transfer)
        self._keep(transfer)


def transfer_entries(transfers: Iterable[Transfer]) -> list[FundEntry]:
    """Deposits and payouts; both platforms call a payout 提现 here."""
    return [
        FundEntry(
            at=transfer.at,
            name=transfer.name or ("充值" if transfer.amount_fen > 0 else "提现"),
            business=transfer.name or ("充值" if transfer.amount_fen > 0 else "提现"),
            amount_fen=transfer.amount_fen,
            platform_number=digits_of(transfer.key, 20),
            voucher=transfer.number,
            is_transfer=True,
        )
        for transfer in transfers
        if transfer.amount_fen
    ]


def brought_fen(entries: Iterable[FundEntry], day: date) -> int:
    """What payments, refunds and fees of `day` left."""
    return sum(entry.amount_fen for entry in entries if not entry.is_transfer and day_of(entry.at) == day)


def _payout_at(day: date) -> datetime:
    return moment_on(day + timedelta(days=1), PAYOUT_AT)
