"""Orders: lines, units and the one command of each unit."""

from vendomat.cloud.orders import store
from vendomat.cloud.orders.buyer_link import BuyerLinks
from vendomat.cloud.orders.model import (
    CASH,
    COMMAND_MOVES,
    FINDING_MOVES,
    ORDER_MOVES,
    TOP_UP,
    UNIT_MOVES,
    Closing,
    Command,
    CommandMove,
    CommandState,
    Finding,
    FindingMove,
    OrderMove,
    OrderState,
    Unit,
    UnitMove,
    UnitOutcome,
)
from vendomat.cloud.orders.said import note_said
from vendomat.cloud.orders.store import Key

__all__ = [
    "CASH",
    "COMMAND_MOVES",
    "FINDING_MOVES",
    "ORDER_MOVES",
    "TOP_UP",
    "UNIT_MOVES",
    "BuyerLinks",
    "Closing",
    "Command",
    "CommandMove",
    "CommandState",
    "Finding",
    "FindingMove",
    "Key",
    "OrderMove",
    "OrderState",
    "Unit",
    "UnitMove",
    "UnitOutcome",
    "note_said",
    "store",
]
