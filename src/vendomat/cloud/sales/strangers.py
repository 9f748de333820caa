"""Money for a number that we never gave: kept as a security event for people, because no order can take it."""

from __future__ import annotations

from datetime import datetime

import structlog

from vendomat.cloud.payments import Trade
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.rows import is_storable

log = structlog.get_logger(__name__)


async def note_unknown_payment(database: Database, merchant_id: str, trade: Trade, *, via: str, at: datetime) -> None:
    """The platform will not tell it twice: what it took has to stand somewhere, for a person to find its owner."""
    assert trade.amount is not None
    log.error("payment.of_unknown_number", merchant=merchant_id, number=trade.number, amount=str(trade.amount))
    said = {
        "number": trade.number,
        "amount_minor": trade.amount.minor_units,
        "currency": trade.amount.currency,
        "account": trade.account,
        "transaction_id": trade.transaction_id,
    }
    detail = {key: value if is_storable(str(value)) else ascii(value) for key, value in said.items()}
    await database.hot.execute(
        "INSERT INTO security_event (merchant_id, at, kind, source, detail) VALUES ($1, $2, $3, $4, $5)",
        merchant_id,
        at,
        "payment_of_unknown_number",
        via,
        detail,
    )
