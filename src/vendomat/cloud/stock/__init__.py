"""Stock: what the cloud may still promise of each slot."""

from vendomat.cloud.stock.store import SlotOffer, append_moves, change_slots, lock_offers, slot_holding

__all__ = ["SlotOffer", "append_moves", "change_slots", "lock_offers", "slot_holding"]
