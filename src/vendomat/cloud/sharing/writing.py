"""One event of one share, or one plan, in one transaction: the rows, the ledger, the alarm, the word about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.ledger import Entry, Posting, post, postings
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.sharing import store
from vendomat.cloud.sharing.model import SHAREABLE, Agreement, Alarm, Duty, Post, Share, ShareEvent, ShareKey
from vendomat.cloud.sharing.plan import Frozen, Plan, plan_shares
from vendomat.cloud.sharing.steps import SHARE_ALARM, step
from vendomat.cloud.sharing.store import Stated
from vendomat.kernel import ErrorCode, Ids, VendomatError, derive_id


@dataclass(frozen=True, slots=True)
class Asked:
    """When, and by whom unless by itself. `may_share`: the account can share now."""

    at: datetime
    by: str = ""
    may_share: bool = True


@dataclass(frozen=True, slots=True)
class _Batch:
    """What shares that are written together have in common."""

    agreement: Agreement
    currency: str
    asked: Asked
    position: int = 0
    round: int = 0

    def share(self, payment: Frozen, amount_minor: int = 0) -> Share:
        """To give `amount_minor`, or to set it free. Its number follows from the payment: there is never a second."""
        one = self.agreement
        return Share(
            merchant_id=one.merchant_id,
            share_id=derive_id("shr", payment.payment_id),
            site_id=one.site_id,
            duty=Duty.GIVE if amount_minor else Duty.FREE,
            payment_id=payment.payment_id,
            transaction_id=payment.transaction_id,
            channel=one.channel,
            account=one.account,
            kind=one.kind,
            receiver=one.receiver,
            currency=self.currency,
            amount_minor=amount_minor,
            asked_at=self.asked.at,
            asked_by=self.asked.by,
            may_until=payment.paid_at + SHAREABLE,
            position=self.position,
            round=self.round,
        )


async def apply_event(connection: asyncpg.Connection, key: ShareKey, event: ShareEvent, *, ids: Ids) -> Share:
    """The share after `event`, written. Raises `VendomatError(not_found)`."""
    before = await store.load_share(connection, key)
    if before is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such share; nothing changed")
    done = step(before, event)
    if done.share == before:
        return before
    await store.save_share(connection, done.share)
    found = [effect.posting for effect in done.effects if isinstance(effect, Post)]
    await post(connection, [Entry(before.merchant_id, "", before.currency, event.at, one) for one in found])
    alarms = [effect for effect in done.effects if isinstance(effect, Alarm)]
    await raise_alarms(connection, [_alarm_row(before.merchant_id, one, event.at) for one in alarms], ids=ids)
    if done.share.stage is not before.stage:
        await _tell(connection, before.merchant_id, before.site_id, event.at)
    return done.share


def _alarm_row(merchant_id: str, alarm: Alarm, at: datetime) -> AlarmRow:
    severity = Severity.CRITICAL if alarm.is_critical else Severity.WARNING
    return AlarmRow(
        merchant_id=merchant_id, machine_id="", kind=alarm.kind, severity=severity, at=at, detail=alarm.detail
    )


async def raise_alarm(connection: asyncpg.Connection, merchant_id: str, detail: str, *, at: datetime, ids: Ids) -> None:
    await raise_alarms(connection, [_alarm_row(merchant_id, Alarm(SHARE_ALARM, False, detail), at)], ids=ids)


async def _tell(connection: asyncpg.Connection, merchant_id: str, site_id: str, at: datetime) -> None:
    await append_events(connection, [OutboxEvent(merchant_id, "site_statement.shared", site_id, {}, at)])


async def write_plan(
    connection: asyncpg.Connection,
    agreement: Agreement,
    stated: Stated,
    round_: int,
    *,
    asked: Asked,
    ids: Ids,
) -> Plan:
    """Divide what is still owed for a statement over payments, under the site's lock, which the caller holds.

    While the account cannot share, all of it is missing: no payment is touched.
    """
    owed = await store.owed_minor(connection, stated.merchant_id, postings.site_rent(stated.site_id))
    wanted = max(0, min(owed, stated.total_minor - await store.planned_minor(connection, stated)))
    frozen = await store.find_frozen(connection, agreement, stated.currency, asked.at) if asked.may_share else ()
    plan = plan_shares(wanted, frozen, ceiling_bp=agreement.ceiling_bp, month_end=stated.month_end)
    await store.keep_plan(
        connection, stated, (round_, wanted, plan.given_minor, plan.missing_minor), at=asked.at, by=asked.by
    )
    batch = _Batch(agreement, stated.currency, asked, stated.position, round_)
    shares = [batch.share(one, minor) for one, minor in plan.gives]
    await store.insert_shares(connection, [*shares, *(batch.share(one) for one in plan.frees)])
    await post(connection, [Entry(s.merchant_id, "", s.currency, asked.at, _planned(s)) for s in shares])
    if plan.missing_minor:
        detail = (
            f"statement {stated.position}: {plan.missing_minor} of {wanted} found no payment that may carry it; "
            "pay it by hand"
        )
        await raise_alarm(connection, stated.merchant_id, detail, at=asked.at, ids=ids)
    await _tell(connection, stated.merchant_id, stated.site_id, asked.at)
    return plan


def _planned(share: Share) -> Posting:
    return postings.share_planned(share.share_id, share.site_id, share.amount_minor)


async def free_all(connection: asyncpg.Connection, agreement: Agreement, currency: str, asked: Asked) -> int:
    """Nothing is shared with this owner any more: whatever waits is the merchant's; how many payments."""
    frozen = await store.find_frozen(connection, agreement, currency, asked.at)
    batch = _Batch(agreement, currency, asked)
    await store.insert_shares(connection, [batch.share(one) for one in frozen])
    return len(frozen)
