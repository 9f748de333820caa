"""What all platforms show of themselves to the wallet page and the control port, in one shape.

Amounts are integers of the currency's smallest unit: fen, unless `currency` says otherwise. These are answers to people
and tests; the product under test never sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from vendomat.simulator.gateways.notices import Notice
from vendomat.simulator.gateways.shown_codes import Habits, WalletAnswer, Wallets


class BuyerRefusal(StrEnum):
    """Why a platform does not let a buyer pay a code."""

    UNKNOWN_CODE = "unknown_code"
    CODE_DEAD = "code_dead"
    ORDER_EXPIRED = "order_expired"
    ORDER_CLOSED = "order_closed"
    ALREADY_PAID = "already_paid"
    OTHER_BUYER = "other_buyer"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the reason, not one
    NOT_ENOUGH = "not_enough"
    CARD_REFUSED = "card_refused"
    BAD_SIGNATURE = "bad_signature"
    NOT_TRUSTED = "not_trusted"


class BuyerRefusedError(Exception):
    """The buyer may not pay this code. Nothing was changed and no money moved."""

    def __init__(self, reason: BuyerRefusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


_WALLET_REFUSALS = {
    WalletAnswer.NOT_ENOUGH: BuyerRefusal.NOT_ENOUGH,
    WalletAnswer.CARD_REFUSED: BuyerRefusal.CARD_REFUSED,
}


def check_wallet(wallets: Wallets, payer: str, amount: int) -> None:
    """Raises `BuyerRefusedError` when `payer`'s wallet cannot pay a code that was scanned."""
    if reason := _WALLET_REFUSALS.get(wallets.ask_wallet(payer, amount)):
        raise BuyerRefusedError(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeView:
    """A code that can be paid, or was just paid."""

    code: str
    account: str
    payee: str
    number: str
    description: str
    machine: str
    amount_fen: int
    expires_at: datetime
    state: str
    currency: str = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillView:
    """One line of a buyer's bills: a payment with what came back of it."""

    payee: str
    description: str
    number: str
    transaction_id: str
    paid_fen: int
    refunded_fen: int
    refunding_fen: int
    paid_at: datetime
    currency: str = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """Goods to be taken first and paid after, waiting for somebody to agree."""

    number: str
    payee: str
    description: str
    machine: str
    ceiling_fen: int
    currency: str = "CNY"


class ShownCodeView(Protocol):
    """A payment code as a wallet shows it."""

    @property
    def code(self) -> str: ...

    @property
    def ends_at(self) -> datetime: ...


class Platform(Protocol):
    """A payment platform as its buyers and the control port see it."""

    name: str

    def open_codes(self) -> list[CodeView]:
        """Codes that a buyer can still pay, newest first."""
        ...

    def code_of(self, number: str) -> str:
        """The newest code of an order number; raises `BuyerRefusedError` when there is none."""
        ...

    def scan(self, code: str, payer: str) -> CodeView:
        """`payer` opens `code`; raises `BuyerRefusedError`."""
        ...

    def pay(self, code: str, payer: str, *, is_late: bool = False, is_notice_lost: bool = False) -> CodeView:
        """Take the money. `is_late`: the buyer confirmed in time and the money lands after the order's expiry."""
        ...

    def refuse(self, code: str, payer: str) -> CodeView:
        """The buyer turns away or fails to pay; the order stays payable."""
        ...

    def bills(self, payer: str) -> list[BillView]: ...

    def books(self) -> dict[str, object]:
        """The platform's own books: accounts with balances, trades, refunds."""
        ...

    def notices(self) -> list[Notice]: ...

    def set_habits(self, payer: str, habits: Habits) -> None:
        """How `payer`'s wallet pays from now on."""
        ...

    async def forge_payment_notice(self, number: str) -> str:
        """Tell the merchant, signed by a stranger, that an unpaid order was paid; what it answered, in words."""
        ...

    def set_balance(self, account: str, balance_fen: int) -> None: ...

    def settle_next_refunds_as(self, outcome: str, count: int) -> None: ...

    def advance(self) -> None:
        """Do what time has made due."""
        ...


@runtime_checkable
class KeepsServices(Protocol):
    """What a platform's wallet also does where it vouches for a buyer who takes first and pays after."""

    def services(self) -> list[ServiceView]:
        """What waits for somebody to agree, newest first."""
        ...

    def agree(self, number: str, payer: str) -> None:
        """`payer` agrees; raises `BuyerRefusedError`."""
        ...


@runtime_checkable
class OpensPages(Protocol):
    """What a platform's wallet also does where a page of the merchant's may ask it for a payment."""

    def open_page(self, parameters: Mapping[str, str], payer: str) -> CodeView:
        """What a page inside `payer`'s wallet handed over; raises `BuyerRefusedError`."""
        ...


@runtime_checkable
class ShowsCodes(Protocol):
    """What a platform's wallet also does where a buyer may show a code to be charged."""

    def show_code(self, payer: str) -> ShownCodeView:
        """The code that `payer`'s wallet shows now, to be charged once."""
        ...

    def waiting(self, payer: str) -> list[CodeView]:
        """Charges that wait for `payer`'s password."""
        ...

    def confirm(self, number: str, payer: str) -> CodeView:
        """The right password for the charge of an order number; raises `BuyerRefusedError`."""
        ...

    def decline(self, number: str, payer: str) -> CodeView:
        """No password: the charge fails."""
        ...
