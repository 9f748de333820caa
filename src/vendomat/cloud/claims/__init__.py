"""Claims: what buyers say is wrong with an order, and what a person answers. Moves money only by the refund desk."""

from vendomat.cloud.claims.api import BuyerThrottles, buyers_router, claims_router
from vendomat.cloud.claims.buyer_desk import Bill, BuyerDesk, Saying, Seen
from vendomat.cloud.claims.claim_desk import ClaimDesk
from vendomat.cloud.claims.model import MOVES, Claim, ClaimState, What
from vendomat.cloud.claims.tasks import CLAIM_OLD, CLAIMS_MANY, ClaimRounds

__all__ = [
    "CLAIMS_MANY",
    "CLAIM_OLD",
    "MOVES",
    "Bill",
    "BuyerDesk",
    "BuyerThrottles",
    "Claim",
    "ClaimDesk",
    "ClaimRounds",
    "ClaimState",
    "Saying",
    "Seen",
    "What",
    "buyers_router",
    "claims_router",
]
