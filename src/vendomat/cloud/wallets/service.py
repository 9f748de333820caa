"""Looking at wallets: balances, and a wallet's statement line by line. Moves no money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vendomat.cloud.catalog import channel_order
from vendomat.cloud.platform.database import Database
from vendomat.cloud.wallets import store
from vendomat.cloud.wallets.store import Standing, WalletEntry

NEWEST = 2**53
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Offer:
    """With whom the money is stored, and by which platforms it can be topped up."""

    merchant_name: str
    currency: str
    channels: tuple[str, ...]


class WalletBook:
    """All merchants' wallets; each function sees the one it is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standings(self, merchant_id: str, members: Sequence[str], *, since: datetime) -> dict[str, Standing]:
        """By member: the balance, the last time it moved, and what it paid since."""
        async with self._database.merchant(merchant_id) as connection:
            found = await store.standings(connection, merchant_id, members, since)
        return {member_id: found.get(member_id, Standing()) for member_id in members}

    async def balance(self, merchant_id: str, member_id: str) -> int:
        """In minor units; 0 for a member who never stored anything."""
        return (await self.standings(merchant_id, [member_id], since=BEGINNING))[member_id].balance_minor

    async def members_of_purchase(self, merchant_id: str, text: str) -> list[str]:
        """Whose wallet moved for the order that `text` numbers, in any of the ways a buyer may have it."""
        async with self._database.merchant(merchant_id) as connection:
            return await store.members_of_purchase(connection, merchant_id, text)

    async def statement(
        self, merchant_id: str, member_id: str, *, before: int = NEWEST, limit: int = 50
    ) -> list[WalletEntry]:
        """The wallet's movements, newest first, below entry number `before`."""
        async with self._database.merchant(merchant_id) as connection:
            return await store.entries(connection, merchant_id, member_id, before=before, limit=limit)

    async def offer(self, merchant_id: str) -> Offer:
        async with self._database.merchant(merchant_id) as connection:
            name, currency, channels = await store.find_offer(connection, merchant_id)
        return Offer(name, currency, tuple(sorted(channels, key=channel_order)))
