"""Stock: what the cloud may still promise of each slot."""

from vendomat.cloud.stock.api import stock_router
from vendomat.cloud.stock.desk import StockDesk
from vendomat.cloud.stock.store import (
    LOCKED,
    RECORD_VENDS,
    SlotKey,
    SlotOffer,
    SlotRecord,
    append_moves,
    change_slots,
    lock_offers,
    slot_holding,
)

__all__ = [
    "LOCKED",
    "RECORD_VENDS",
    "SlotKey",
    "SlotOffer",
    "SlotRecord",
    "StockDesk",
    "append_moves",
    "change_slots",
    "lock_offers",
    "slot_holding",
    "stock_router",
]
