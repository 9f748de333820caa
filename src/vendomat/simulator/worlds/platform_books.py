"""A payment platform's own books in a world: trades, refunds, and what may be done with them. Pure.

Two kinds of platform: one makes the trade when the code is made, the other only when a buyer scans. Both close by
themselves a while after the expiry that was asked for. It is honest about money: it never takes it twice, never gives
more back than it took, and knows every number for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

LAPSES_ONE_IN = 9
"""One hold in so many is gone after `LAPSES_AFTER`, whether its money was taken or not."""

LAPSES_AFTER = timedelta(seconds=6)
OWN_LIFE_MORE = timedelta(seconds=5)
"""How much longer than asked a code lives here."""


class RefusedError(Exception):
    """The platform's definite no; nothing changed."""


@dataclass(slots=True)
class PlatformTrade:
    number: str
    amount_minor: int
    expires_at: datetime
    code: str
    is_scanned: bool
    paid_at: datetime | None = None
    is_closed: bool = False
    transaction_id: str = ""
    payer: str = ""
    is_hold: bool = False
    held_at: datetime | None = None
    captured_minor: int = 0

    @property
    def taken_minor(self) -> int:
        """What the buyer has paid."""
        return (self.captured_minor if self.is_hold else self.amount_minor) if self.paid_at is not None else 0


@dataclass(slots=True)
class PlatformRefund:
    number: str
    refund_number: str
    amount_minor: int
    created_at: datetime
    settles_at: datetime
    is_done: bool = False


class PlatformBooks:
    """Trades by our payment number, refunds by our refund number."""

    def __init__(self, channel: str, account: str, *, makes_trade_on_scan: bool) -> None:
        self.channel = channel
        self.account = account
        self.trades: dict[str, PlatformTrade] = {}
        self.refunds: dict[str, PlatformRefund] = {}
        self.is_short_of_money = False
        self._makes_trade_on_scan = makes_trade_on_scan

    # --- the merchant's calls ----------------------------------------------------------------------------------------

    def start(self, number: str, amount_minor: int, expires_at: datetime, *, is_hold: bool = False) -> str:
        """The code of a payment; the same number again gives the same code."""
        trade = self.trades.get(number)
        if trade is None:
            trade = PlatformTrade(
                number,
                amount_minor,
                expires_at,
                f"{self.channel}://{number}",
                not self._makes_trade_on_scan,
                is_hold=is_hold,
            )
            self.trades[number] = trade
        if trade.amount_minor != amount_minor:
            raise RefusedError("the number was used for another amount")
        if trade.is_closed or trade.paid_at is not None:
            raise RefusedError("the trade has ended")
        return trade.code

    def find(self, number: str, now: datetime) -> PlatformTrade | None:
        """The trade as the merchant may see it; one that nobody has scanned is not there on some platforms."""
        trade = self.trades.get(number)
        if trade is None or not trade.is_scanned:
            return None
        if trade.paid_at is None and trade.held_at is None and now >= trade.expires_at + OWN_LIFE_MORE:
            trade.is_closed = True
        is_brief = crc32(number.encode()) % LAPSES_ONE_IN == 0
        if trade.paid_at is None and trade.held_at is not None and is_brief and now >= trade.held_at + LAPSES_AFTER:
            trade.is_closed = True
        return trade

    def close(self, number: str, now: datetime) -> PlatformTrade | None:
        """Close an unpaid trade; None when there is none to close."""
        trade = self.find(number, now)
        if trade is not None and trade.paid_at is None:
            trade.is_closed = True
        return trade

    def capture(self, number: str, amount_minor: int, now: datetime) -> bool:
        """Take of a hold that stands; whether it was taken now. Raises `RefusedError`: more than is held."""
        trade = self.find(number, now)
        if trade is None or trade.held_at is None or trade.is_closed or trade.paid_at is not None:
            return False
        if amount_minor > trade.amount_minor:
            raise RefusedError("more than is held")
        trade.paid_at, trade.captured_minor = now, amount_minor
        return True

    def release(self, number: str, now: datetime) -> None:
        """Give up a hold, or the offer of one."""
        trade = self.find(number, now)
        if trade is not None and trade.paid_at is None:
            trade.is_closed = True

    def refund(self, refund: PlatformRefund) -> PlatformRefund:
        """Accept a refund; the same number again gives the one that was accepted."""
        known = self.refunds.get(refund.refund_number)
        if known is not None:
            if (known.number, known.amount_minor) != (refund.number, refund.amount_minor):
                raise RefusedError("the refund number was used for something else")
            return known
        trade = self.trades.get(refund.number)
        if trade is None or trade.paid_at is None:
            raise RefusedError("nothing was paid under this number")
        if self.is_short_of_money:
            raise RefusedError("not enough balance")
        if self.refunded_minor(refund.number) + refund.amount_minor > trade.taken_minor:
            raise RefusedError("more than was paid")
        self.refunds[refund.refund_number] = refund
        return refund

    def refunded_minor(self, number: str) -> int:
        return sum(r.amount_minor for r in self.refunds.values() if r.number == number)

    # --- the buyer's deeds -------------------------------------------------------------------------------------------

    def pay(self, code: str, payer: str, now: datetime, *, is_late: bool = False) -> PlatformTrade:
        """Take the buyer's money, or hold it. `is_late`: a payment that was on its way when the code's life ended."""
        trade = next((t for t in self.trades.values() if t.code == code), None)
        if trade is None:
            raise RefusedError("no such code")
        if trade.is_closed or trade.paid_at is not None or trade.held_at is not None:
            raise RefusedError("the code can no longer be paid")
        life_end = trade.expires_at + OWN_LIFE_MORE
        if now >= life_end + (timedelta(seconds=5) if is_late else timedelta()):
            raise RefusedError("the code's life is over")
        trade.is_scanned = True
        trade.payer = payer
        if trade.is_hold:
            trade.held_at = now
        else:
            trade.paid_at = now
        trade.transaction_id = f"t_{self.channel}_{trade.number}"
        return trade

    # --- for the audit -----------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, object]:
        """The books in the form in which an audit reads them."""
        return {
            "accounts": [{"account": self.account}],
            "trades": [
                {
                    "account": self.account,
                    "number": trade.number,
                    "is_paid": trade.paid_at is not None,
                    "amount_fen": trade.taken_minor or trade.amount_minor,
                    "paid_at": trade.paid_at,
                }
                for trade in self.trades.values()
            ],
            "refunds": [
                {
                    "account": self.account,
                    "number": refund.number,
                    "refund_number": refund.refund_number,
                    "state": "SUCCESS" if refund.is_done else "PROCESSING",
                    "amount_fen": refund.amount_minor,
                    "created_at": refund.created_at,
                }
                for refund in self.refunds.values()
            ],
        }
