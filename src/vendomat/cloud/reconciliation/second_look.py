"""Asking the platform again about what its bill and our books do not agree on.

The answer is applied through the one door that notices use; what follows from it (late money goes back) is decided
there. Money that neither the bill nor the platform knows of is taken off the clearing account and said aloud. Refuses
to conclude anything from silence: an answer that is not definite leaves the item as it was.
"""

from __future__ import annotations

import asyncpg
import structlog

from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.ledger import Entry, funding, post, postings
from vendomat.cloud.payments import BillKind, BillRowKind, BillRowStatus, RefundState, TradeState
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.reconciliation import store
from vendomat.cloud.reconciliation.booking import Run, unsettled_items
from vendomat.cloud.reconciliation.matching import booked_of
from vendomat.cloud.reconciliation.model import (
    BY_ITSELF,
    LOOK_UPS,
    AccountDay,
    Billed,
    Fix,
    ItemState,
    Pair,
    ReconClass,
    Said,
    Verdict,
    after_look_up,
    after_refund_look_up,
    classify,
)
from vendomat.cloud.reconciliation.store import Taken
from vendomat.cloud.sales import Till
from vendomat.kernel import Clock, Ids, VendomatError

log = structlog.get_logger(__name__)

_OPEN = """
SELECT * FROM recon_item WHERE (merchant_id, channel, account, day) = ($1, $2, $3, $4) AND state = 'open'
    AND fix IN ('look_up_payment', 'look_up_refund') ORDER BY item_id
"""
_PAYMENT_SAID = {
    TradeState.PAID: Said.YES,
    TradeState.NOT_PAID: Said.NO,
    TradeState.CLOSED: Said.NO,
    TradeState.NOT_FOUND: Said.NO,
    TradeState.UNKNOWN: Said.NOT_KNOWN,
}
_REFUND_SAID = {
    RefundState.SUCCEEDED: Said.YES,
    RefundState.PROCESSING: Said.NOT_KNOWN,
    RefundState.CLOSED: Said.NO,
    RefundState.ABNORMAL: Said.NO,
    RefundState.NOT_ACCEPTED: Said.NO,
    RefundState.REFUSED: Said.NO,
    RefundState.NEVER: Said.NO,
    RefundState.UNKNOWN: Said.NOT_KNOWN,
}
SHORT_ALARM = "payment_short"
"""The alarm of a sale whose money is not at the platform."""


class SecondLook:
    def __init__(self, database: Database, till: Till, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._till = till
        self._clock = clock
        self._ids = ids

    async def look(self, place: AccountDay) -> None:
        """Ask about every open item of the day that a look-up may decide."""
        async with self._database.hot.acquire() as connection:
            rows = await connection.fetch(_OPEN, *place.key)
        for row in rows:
            try:
                await self._look_at(place, row)
            except VendomatError as error:  # an account that is not there: the item stays, and is tried again
                log.warning("reconciliation.not_asked", item=row["item_id"], error=error.message)

    async def _look_at(self, place: AccountDay, row: asyncpg.Record) -> None:
        verdict = Verdict(ReconClass(row["class"]), Fix(row["fix"]), ItemState.OPEN, row["note"])
        if verdict.fix is Fix.LOOK_UP_PAYMENT:
            said = _PAYMENT_SAID[await self._till.confirm_payment(place.merchant_id, row["payment_number"])]
        else:
            said = _REFUND_SAID[await self._till.confirm_refund(place.merchant_id, row["refund_number"])]
        if said is not Said.NOT_KNOWN:
            await self._database.write(lambda connection: self._keep(connection, place, row, (verdict, said)))

    async def _keep(
        self, connection: asyncpg.Connection, place: AccountDay, row: asyncpg.Record, answer: tuple[Verdict, Said]
    ) -> None:
        """The answer's verdict and what has to be booked with it; nothing when the item has ended meanwhile."""
        verdict, said = answer
        is_open = await connection.fetchval(
            "SELECT state = 'open' FROM recon_item WHERE merchant_id = $1 AND item_id = $2 FOR UPDATE",
            place.merchant_id,
            row["item_id"],
        )
        if not is_open:
            return
        if verdict.fix is Fix.LOOK_UP_REFUND and row["bill_row"]:
            refund = await payment_rows.find_refund(connection, place.merchant_id, row["refund_number"])
            is_done = refund is not None and refund["state"] == "succeeded"
            new = after_refund_look_up(verdict, said, BillRowStatus(row["bill_status"]), is_done=is_done)
        else:
            new = after_look_up(verdict, said, await self._again(connection, place, row))
        if new.cls is ReconClass.SHORT and said is Said.NO:
            await self._book_short(connection, place, row)
        if row["payment_number"] and said is Said.YES:  # money just heard of: what becomes of it is watched from now on
            run = Run(place, Taken(BillKind.TRADE, "kept"), row["run"], self._clock.now())
            await store.keep_items(connection, await unsettled_items(connection, run, row["payment_number"]))
        await store.end_item(connection, place.merchant_id, row["item_id"], new, by=BY_ITSELF, at=self._clock.now())

    async def _again(self, connection: asyncpg.Connection, place: AccountDay, row: asyncpg.Record) -> Verdict | None:
        """The pair as it stands now; None when the bill has no row of it."""
        if not row["bill_row"]:
            return None
        payment = await payment_rows.find_payment(connection, place.merchant_id, row["payment_number"])
        if payment is None:
            return None
        booked = booked_of(
            payment["state"],
            payment["captured_minor"],
            payment["currency"],
            at=payment["paid_at"],
            fits=(payment["captured_minor"] == payment["amount_minor"] or payment["is_hold"])
            and not payment["is_frozen"],
            is_of_account=(payment["channel"], payment["account"]) == (place.channel, place.account),
        )
        billed = Billed(BillRowStatus(row["bill_status"]), row["bill_minor"], row["currency"], row["fee_minor"])
        pair = Pair(BillRowKind.PAYMENT, place.day, billed, booked)
        again = classify(pair, None)
        return None if again.fix in LOOK_UPS else again

    async def _book_short(self, connection: asyncpg.Connection, place: AccountDay, row: asyncpg.Record) -> None:
        """Take the money that is not there off the clearing account, once, and have somebody look."""
        now = self._clock.now()
        fund = funding(place.channel, place.account)
        posting = postings.bill_short(row["payment_number"], place.channel, fund, row["our_minor"])
        if not await store.posted_of(connection, place.merchant_id, [posting.key]):
            await post(connection, [Entry(place.merchant_id, "", row["currency"], now, posting)])
        await connection.execute(
            "UPDATE recon_item SET posted_txn = $3 WHERE merchant_id = $1 AND item_id = $2",
            place.merchant_id,
            row["item_id"],
            posting.key,
        )
        machine_id = await connection.fetchval(
            "SELECT machine_id FROM sale_order WHERE merchant_id = $1 AND order_id = $2",
            place.merchant_id,
            row["order_id"],
        )
        detail = f"{row['payment_number']}: {row['our_minor']} {row['currency']}: goods given without money"
        alarm = AlarmRow(
            merchant_id=place.merchant_id,
            machine_id=machine_id or "",
            kind=SHORT_ALARM,
            severity=Severity.CRITICAL,
            at=now,
            order_id=row["order_id"],
            detail=detail,
        )
        await raise_alarms(connection, [alarm], ids=self._ids)
