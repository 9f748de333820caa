"""Signing in by a merchant's own identity provider (OpenID Connect): its settings, the way there and back, links."""

from vendomat.cloud.merchants.oidc.admission import Admission
from vendomat.cloud.merchants.oidc.api import account_provider_router, provider_router, provider_session_router
from vendomat.cloud.merchants.oidc.client import ProviderClient
from vendomat.cloud.merchants.oidc.desk import ProviderBook, ProviderDesk
from vendomat.cloud.merchants.oidc.journey import ProviderJourneys

__all__ = [
    "Admission",
    "ProviderBook",
    "ProviderClient",
    "ProviderDesk",
    "ProviderJourneys",
    "account_provider_router",
    "provider_router",
    "provider_session_router",
]
