"""The ledger: double entry in integer minor units, append-only."""

from vendomat.cloud.ledger import model as postings
from vendomat.cloud.ledger.model import Posting, funding, receivable, wallet_member
from vendomat.cloud.ledger.store import Entry, post

__all__ = ["Entry", "Posting", "funding", "post", "postings", "receivable", "wallet_member"]
