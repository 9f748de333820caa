"""Stock: what the cloud may still promise of each slot."""

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
    "append_moves",
    "change_slots",
    "lock_offers",
    "slot_holding",
]
