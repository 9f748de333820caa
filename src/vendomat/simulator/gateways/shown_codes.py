"""Payment codes that buyers show: new each minute, good for one charge; and how each buyer's wallet takes a charge.

One book per platform, the same rules for both; only the digits differ. It knows no order and no money, and forgets
everything when the process ends: a code of a former process is one that nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.simulator.gateways.numbers import Numbers

CODE_LIFE = timedelta(seconds=60)
PASSWORD_ABOVE_FEN = 100_000
"""More than 1000 CNY is not taken without the buyer's password."""


class CodeFault(StrEnum):
    """Why a shown code cannot be charged."""

    UNKNOWN = "unknown"
    OVER = "over"  # too old, or used before


class WalletAnswer(StrEnum):
    """How a buyer's wallet takes a charge."""

    TAKEN = "taken"
    PASSWORD = "password"  # noqa: S105 - the buyer is asked for one
    NOT_ENOUGH = "not_enough"
    CARD_REFUSED = "card_refused"
    BANK_TROUBLE = "bank_trouble"  # the bank does not say; the buyer or time will


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a buyer's wallet behaves. `balance_fen` is what it can pay at once; nothing is subtracted from it."""

    balance_fen: int = 1_000_000
    asks_password: bool = False
    refuses_card: bool = False
    has_bank_trouble: bool = False


@dataclass(frozen=True, slots=True)
class ShownCode:
    code: str
    payer: str
    made_at: datetime
    is_used: bool = False

    @property
    def ends_at(self) -> datetime:
        return self.made_at + CODE_LIFE


class Wallets:
    """The buyers' wallets of one platform. One nobody described has plenty and asks for nothing."""

    def __init__(self) -> None:
        self._habits: dict[str, Habits] = {}

    def set_habits(self, payer: str, habits: Habits) -> None:
        self._habits[payer] = habits

    def ask_wallet(self, payer: str, amount_fen: int) -> WalletAnswer:
        """How `payer`'s wallet takes a charge of `amount_fen`."""
        habits = self._habits.get(payer, Habits())
        if habits.refuses_card:
            return WalletAnswer.CARD_REFUSED
        if amount_fen > habits.balance_fen:
            return WalletAnswer.NOT_ENOUGH
        if habits.has_bank_trouble:
            return WalletAnswer.BANK_TROUBLE
        needs_password = habits.asks_password or amount_fen > PASSWORD_ABOVE_FEN
        return WalletAnswer.PASSWORD if needs_password else WalletAnswer.TAKEN


class ShownCodes(Wallets):
    """The codes of one platform: `prefixes` begin them, `length` digits make one."""

    def __init__(self, numbers: Numbers, *, prefixes: tuple[str, ...], length: int) -> None:
        super().__init__()
        self._numbers = numbers
        self._prefixes = prefixes
        self._length = length
        self._codes: dict[str, ShownCode] = {}
        self._newest: dict[str, str] = {}

    def show(self, payer: str, now: datetime) -> ShownCode:
        """What `payer`'s wallet shows now."""
        shown = self._codes.get(self._newest.get(payer, ""))
        if shown is None or shown.is_used or now >= shown.ends_at:
            self._codes = {code: one for code, one in self._codes.items() if now < one.ends_at + CODE_LIFE}
            shown = ShownCode(self._new_code(), payer, now)
            self._codes[shown.code] = shown
            self._newest[payer] = shown.code
        return shown

    def use(self, code: str, now: datetime) -> str | CodeFault:
        """Whose code it is; from now on it is used, whatever becomes of the charge."""
        shown = self._codes.get(code)
        if shown is None:
            return CodeFault.UNKNOWN
        if shown.is_used or now >= shown.ends_at:
            return CodeFault.OVER
        self._codes[code] = replace(shown, is_used=True)
        return shown.payer

    def payer_of(self, code: str) -> str:
        """Whose code it is or was, or ""."""
        shown = self._codes.get(code)
        return shown.payer if shown else ""

    def _new_code(self) -> str:
        while True:
            prefix = self._prefixes[self._numbers.bits(16) % len(self._prefixes)]
            code = prefix + self._numbers.digits(self._length - len(prefix))
            if code not in self._codes:
                return code
