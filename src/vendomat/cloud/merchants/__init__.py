"""Merchants: who owns machines, who may sign in for them, and the sealed settings of their payment accounts."""

from vendomat.cloud.merchants.accounts import PaymentAccount, PaymentAccounts
from vendomat.cloud.merchants.api import (
    CurrentOperator,
    changing_operator,
    current_operator,
    owning_operator,
    session_router,
)
from vendomat.cloud.merchants.model import Merchant, NewMerchant, NewOperator, Operator, Role, network_of
from vendomat.cloud.merchants.outages import begin_outage, claim_probes, end_outage
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.merchants.service import Merchants
from vendomat.cloud.merchants.sign_in import Session, SignIns
from vendomat.cloud.merchants.vault import MasterKey

__all__ = [
    "CurrentOperator",
    "MasterKey",
    "Merchant",
    "Merchants",
    "NewMerchant",
    "NewOperator",
    "Operator",
    "Passwords",
    "PaymentAccount",
    "PaymentAccounts",
    "Role",
    "Session",
    "SignIns",
    "begin_outage",
    "changing_operator",
    "claim_probes",
    "current_operator",
    "end_outage",
    "network_of",
    "owning_operator",
    "session_router",
]
