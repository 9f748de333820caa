"""The kernel: money, ids, clock, state tables, errors. Knows nothing else of Vendomat and does no I/O."""

from vendomat.kernel.addresses import is_address, is_public
from vendomat.kernel.clock import Clock, LiftedClock, ManualClock, SteadyClock, SystemClock
from vendomat.kernel.errors import ErrorCode, IllegalMoveError, VendomatError
from vendomat.kernel.flaws import SENTENCES, Flaw, FlawCode, flaw, flaw_of, flawed
from vendomat.kernel.heeding import heeding
from vendomat.kernel.ids import Ids, TimeOrderedIds, derive_id, is_id, reference_of
from vendomat.kernel.lasting import lasting
from vendomat.kernel.money import EXPONENTS, MINOR_UNITS_MAX, Money, total
from vendomat.kernel.steps import Moves

__all__ = [
    "EXPONENTS",
    "MINOR_UNITS_MAX",
    "SENTENCES",
    "Clock",
    "ErrorCode",
    "Flaw",
    "FlawCode",
    "Ids",
    "IllegalMoveError",
    "LiftedClock",
    "ManualClock",
    "Money",
    "Moves",
    "SteadyClock",
    "SystemClock",
    "TimeOrderedIds",
    "VendomatError",
    "derive_id",
    "flaw",
    "flaw_of",
    "flawed",
    "heeding",
    "is_address",
    "is_id",
    "is_public",
    "lasting",
    "reference_of",
    "total",
]
