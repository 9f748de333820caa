"""A merchant's accounts at payment platforms: where their keys are kept.

An account's settings (keys, certificates) are sealed before they reach the database and are shown by no API; only code
that speaks to the platform, or tells one key from another, opens them. An account that is not active takes no new
payments; what was begun through it goes on, so it is found like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.vault import MasterKey
from vendomat.cloud.platform.database import Database

_MORE = ("off_since", "changed_at", "changed_by", "changed_by_name", "away_since")


@dataclass(frozen=True, slots=True)
class PaymentAccount:
    """An opened account: for the code that speaks to the platform, never for an answer. `repr` hides the settings.

    Two are equal when the same provider speaks for both. `changed_at` is None until a person changes it. `off_since` is
    None while it is active, and of one that never was; `away_since`, while its platform does not answer.
    """

    merchant_id: str
    channel: str
    account: str
    settings: Mapping[str, object]
    is_active: bool = field(default=True, compare=False)
    off_since: datetime | None = field(default=None, compare=False)
    changed_at: datetime | None = field(default=None, compare=False)
    changed_by: str = field(default="", compare=False)
    changed_by_name: str = field(default="", compare=False)
    away_since: datetime | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"PaymentAccount({self.merchant_id}, {self.channel}, {self.account})"


class PaymentAccounts:
    """Keeps the merchants' accounts at payment platforms, sealed."""

    def __init__(self, database: Database, master_key: MasterKey) -> None:
        self._database = database
        self._master_key = master_key

    async def put(self, account: PaymentAccount) -> None:
        """Set or replace the account of one channel."""
        async with self._database.merchant(account.merchant_id) as connection:
            await self.keep(connection, account)

    async def keep(self, connection: AsyncConnection, account: PaymentAccount) -> None:
        """As `put`, in the caller's transaction."""
        row = {
            "account": account.account,
            "settings_sealed": self._master_key.seal(account.settings, purpose=_purpose(account)),
            "is_active": account.is_active,
            "off_since": account.off_since,
            "changed_at": account.changed_at,
            "changed_by": account.changed_by,
        }
        await store.put_account(connection, account.merchant_id, account.channel, row)

    async def lock(self, connection: AsyncConnection, merchant_id: str, channel: str) -> PaymentAccount | None:
        """The account, held until the caller's transaction ends."""
        row = await store.lock_account(connection, merchant_id, channel)
        return None if row is None else self._open(row)

    async def of_merchant(self, connection: AsyncConnection, merchant_id: str) -> list[PaymentAccount]:
        """Every account of one merchant, by channel."""
        return [self._open(row) for row in await store.list_accounts(connection, merchant_id)]

    async def find(self, merchant_id: str, channel: str) -> PaymentAccount | None:
        """The account of one channel, active or not."""
        row = await self._database.hot.fetchrow(
            "SELECT merchant_id, channel, account, settings_sealed, is_active FROM payment_account "
            "WHERE merchant_id = $1 AND channel = $2",
            merchant_id,
            channel,
        )
        return None if row is None else self._open(row)

    async def all_in_use(self) -> list[PaymentAccount]:
        """The accounts of every merchant that are active, or were: they may still pay money back."""
        rows = await self._database.hot.fetch(
            "SELECT merchant_id, channel, account, settings_sealed, is_active FROM payment_account "
            "WHERE is_active OR off_since IS NOT NULL ORDER BY merchant_id, channel"
        )
        return [self._open(row) for row in rows]

    def _open(self, row: asyncpg.Record | sa.RowMapping) -> PaymentAccount:
        more = {name: row[name] for name in _MORE if name in row}
        account = PaymentAccount(row["merchant_id"], row["channel"], row["account"], {}, row["is_active"])
        settings = self._master_key.unseal(bytes(row["settings_sealed"]), purpose=_purpose(account))
        return PaymentAccount(
            account.merchant_id, account.channel, account.account, settings, account.is_active, **more
        )


def _purpose(account: PaymentAccount) -> str:
    return f"payment_account/{account.merchant_id}/{account.channel}"
