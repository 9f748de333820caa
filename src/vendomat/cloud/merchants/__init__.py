"""Merchants: who owns machines, who may sign in for them, and the sealed settings of their payment accounts."""

from vendomat.cloud.merchants.accounts import PaymentAccount, PaymentAccounts
from vendomat.cloud.merchants.api import (
    COOKIE,
    CurrentOperator,
    Permitted,
    Proven,
    arriving_operator,
    current_operator,
    permitted,
    proof_router,
    session_router,
)
from vendomat.cloud.merchants.first_run import TOKEN_NAME, FirstRun
from vendomat.cloud.merchants.model import Merchant, NewMerchant, NewOperator, Operator, network_of
from vendomat.cloud.merchants.oidc import (
    Admission,
    ProviderBook,
    ProviderClient,
    ProviderDesk,
    ProviderJourneys,
    account_provider_router,
    provider_router,
    provider_session_router,
)
from vendomat.cloud.merchants.outages import begin_outage, claim_probes, end_outage
from vendomat.cloud.merchants.own_account import OwnAccount
from vendomat.cloud.merchants.passkey_api import passkey_router, passkey_session_router
from vendomat.cloud.merchants.passkey_wire import site_at
from vendomat.cloud.merchants.passkeys import Passkeys
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.merchants.people import NewPerson, People
from vendomat.cloud.merchants.people_api import account_router, invitation_router, people_router, second_factor_router
from vendomat.cloud.merchants.permissions import GRANTED, AnyRole, CustomRole, Permission, Role, may
from vendomat.cloud.merchants.proofs import Proofs
from vendomat.cloud.merchants.role_store import list_people_who_may
from vendomat.cloud.merchants.roles import Roles
from vendomat.cloud.merchants.roles_api import roles_router
from vendomat.cloud.merchants.saved_views import SavedViews
from vendomat.cloud.merchants.saved_views_api import saved_views_router
from vendomat.cloud.merchants.second_factor import SecondFactor
from vendomat.cloud.merchants.service import Merchants
from vendomat.cloud.merchants.setup_api import setup_router
from vendomat.cloud.merchants.sign_in import Session, SignIns, may_now
from vendomat.cloud.merchants.vault import MasterKey

__all__ = [
    "COOKIE",
    "GRANTED",
    "TOKEN_NAME",
    "Admission",
    "AnyRole",
    "CurrentOperator",
    "CustomRole",
    "FirstRun",
    "MasterKey",
    "Merchant",
    "Merchants",
    "NewMerchant",
    "NewOperator",
    "NewPerson",
    "Operator",
    "OwnAccount",
    "Passkeys",
    "Passwords",
    "PaymentAccount",
    "PaymentAccounts",
    "People",
    "Permission",
    "Permitted",
    "Proofs",
    "Proven",
    "ProviderBook",
    "ProviderClient",
    "ProviderDesk",
    "ProviderJourneys",
    "Role",
    "Roles",
    "SavedViews",
    "SecondFactor",
    "Session",
    "SignIns",
    "account_provider_router",
    "account_router",
    "arriving_operator",
    "begin_outage",
    "claim_probes",
    "current_operator",
    "end_outage",
    "invitation_router",
    "list_people_who_may",
    "may",
    "may_now",
    "network_of",
    "passkey_router",
    "passkey_session_router",
    "people_router",
    "permitted",
    "proof_router",
    "provider_router",
    "provider_session_router",
    "roles_router",
    "saved_views_router",
    "second_factor_router",
    "session_router",
    "setup_router",
    "site_at",
]
