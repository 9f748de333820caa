"""Rate caps on refunds that follow from a machine's word or from kindness: beyond them a person looks first.

A cap counts per machine and hour, and per payer and some days. A payer is known by a mark only: a keyed hash of the
platform's word for them, of one merchant and one account, which nobody without this installation's key turns back or
joins with another merchant's. Refuses to hold what is owed for a late or second payment, and what a person let go.
"""

from __future__ import annotations

import hashlib
import hmac

import asyncpg
import structlog

from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.desk_model import HeldFor, RefundHeld
from vendomat.kernel import Clock

HOUR_S = 3600.0
DAY_S = 86_400.0
MARK_CHARACTERS = 32

_log = structlog.get_logger(__name__)


def payers_key(master_key: MasterKey) -> bytes:
    """The key of the payers' marks; without it a stolen database names no payer."""
    return master_key.derive("payer")


class RefundCaps:
    """Who asked for too much lately. Reads rows only: whoever counts, and whenever, finds the same."""

    def __init__(self, database: Database, *, settings: CloudSettings, clock: Clock, key: bytes) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._key = key

    def mark_of(self, merchant_id: str, account: str, payer: str) -> str:
        """The payer's mark; "" when the platform does not say who paid."""
        if not payer:
            return ""
        said = "\n".join((merchant_id, account, payer)).encode()
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()[:MARK_CHARACTERS]

    async def find_hold(self, row: asyncpg.Record) -> RefundHeld | None:
        """Why a person has to look at the due refund `row` before its platform is asked; None when nobody has to."""
        if row["approved_by"] or not row["is_winning"]:
            return None
        settings = self._settings
        async with self._database.hot.acquire() as connection:
            if settings.refunds_per_machine_hour > 0:
                earlier = await payment_rows.count_refunds_before(connection, row, within_s=HOUR_S)
                if earlier >= settings.refunds_per_machine_hour:
                    return self._held(row, HeldFor.MACHINE, earlier)
            if settings.refunds_per_payer > 0 and row["payer"]:
                within_s = settings.payer_days * DAY_S
                earlier = await payment_rows.count_payer_refunds_before(connection, row, within_s=within_s)
                if earlier >= settings.refunds_per_payer:
                    return self._held(row, HeldFor.PAYER, earlier)
        return None

    def _held(self, row: asyncpg.Record, because: HeldFor, earlier: int) -> RefundHeld:
        _log.warning("refund.held", refund=row["refund_id"], because=because, earlier=earlier)
        return RefundHeld(row["refund_id"], earlier, self._clock.now(), because, self._settings.payer_days)
