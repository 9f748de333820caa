"""Setting up a merchant: the merchant itself, its people, and its accounts at payment platforms.

An account's settings (keys, certificates) are sealed before they reach the database and are shown by no API; only code
that speaks to the platform opens them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from sqlalchemy.exc import IntegrityError

from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.model import (
    Merchant,
    NewMerchant,
    NewOperator,
    Operator,
    checked_email,
    checked_password,
    checked_time_zone,
)
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.merchants.vault import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError


class Merchants:
    """Creates merchants and operators."""

    def __init__(self, database: Database, passwords: Passwords, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._ids = ids
        self._clock = clock

    async def create(self, new: NewMerchant, owner: NewOperator) -> tuple[Merchant, Operator]:
        """A merchant with its first owner, both or none. Raises `VendomatError` (conflict for a known e-mail)."""
        Money(0, new.currency)  # refuses a currency we do not know
        merchant = Merchant(
            self._ids.new("mer"), new.name, new.payee, new.currency, new.service_phone, checked_time_zone(new.time_zone)
        )
        operator = self._operator(merchant, owner)
        password_hash = await self._passwords.hash(checked_password(owner.password))
        now = self._clock.now()
        try:
            async with self._database.merchant(merchant.merchant_id) as connection:
                await store.insert_merchant(connection, merchant, now)
                await store.insert_operator(connection, operator, password_hash, now)
        except IntegrityError as error:
            raise _email_taken() from error
        return merchant, operator

    async def add_operator(self, merchant_id: str, new: NewOperator) -> Operator:
        """Another person of `merchant_id`. Raises `VendomatError` (not_found, conflict)."""
        password_hash = await self._passwords.hash(checked_password(new.password))
        try:
            async with self._database.merchant(merchant_id) as connection:
                merchant = await store.find_merchant(connection, merchant_id)
                if merchant is None:
                    raise VendomatError(ErrorCode.NOT_FOUND, "there is no such merchant")
                operator = self._operator(merchant, new)
                await store.insert_operator(connection, operator, password_hash, self._clock.now())
        except IntegrityError as error:
            raise _email_taken() from error
        return operator

    def _operator(self, merchant: Merchant, new: NewOperator) -> Operator:
        return Operator(
            merchant_id=merchant.merchant_id,
            operator_id=self._ids.new("opr"),
            email=checked_email(new.email),
            name=new.name,
            role=new.role,
            merchant_name=merchant.name,
            currency=merchant.currency,
        )


@dataclass(frozen=True, slots=True)
class PaymentAccount:
    """An opened account: for the code that speaks to the platform, never for an answer. `repr` hides the settings."""

    merchant_id: str
    channel: str
    account: str
    settings: Mapping[str, object]

    def __repr__(self) -> str:
        return f"PaymentAccount({self.merchant_id}, {self.channel}, {self.account})"


class PaymentAccounts:
    """Keeps the merchants' accounts at payment platforms, sealed."""

    def __init__(self, database: Database, master_key: MasterKey) -> None:
        self._database = database
        self._master_key = master_key

    async def put(self, account: PaymentAccount) -> None:
        """Set or replace the account of one channel."""
        sealed = self._master_key.seal(account.settings, purpose=_purpose(account.merchant_id, account.channel))
        async with self._database.merchant(account.merchant_id) as connection:
            await store.put_account(
                connection, account.merchant_id, account.channel, account=account.account, settings_sealed=sealed
            )

    async def find(self, merchant_id: str, channel: str) -> PaymentAccount | None:
        """The active account of one channel, opened."""
        row = await self._database.hot.fetchrow(
            "SELECT merchant_id, channel, account, settings_sealed FROM payment_account "
            "WHERE merchant_id = $1 AND channel = $2 AND is_active",
            merchant_id,
            channel,
        )
        return None if row is None else self._open(row)

    async def all_active(self) -> list[PaymentAccount]:
        """Every active account of every merchant, opened."""
        rows = await self._database.hot.fetch(
            "SELECT merchant_id, channel, account, settings_sealed FROM payment_account WHERE is_active "
            "ORDER BY merchant_id, channel"
        )
        return [self._open(row) for row in rows]

    def _open(self, row: asyncpg.Record) -> PaymentAccount:
        settings = self._master_key.unseal(
            bytes(row["settings_sealed"]), purpose=_purpose(row["merchant_id"], row["channel"])
        )
        return PaymentAccount(row["merchant_id"], row["channel"], row["account"], settings)


def _purpose(merchant_id: str, channel: str) -> str:
    return f"payment_account/{merchant_id}/{channel}"


def _email_taken() -> VendomatError:
    return VendomatError(ErrorCode.CONFLICT, "somebody already signs in with this e-mail; nothing was created")
