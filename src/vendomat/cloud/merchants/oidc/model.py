"""What a merchant says of its identity provider, who comes back from there, and why one is refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from vendomat.cloud.merchants.permissions import Role
from vendomat.kernel import ErrorCode, VendomatError, is_address

JOURNEY_LIFE = timedelta(minutes=10)
DOMAINS_MAX = 20
NEVER_BY_SIGNING_IN = frozenset({Role.OWNER, Role.SITE_OWNER})
_DOMAIN = re.compile(r"(?=.{3,190}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


class Why(StrEnum):
    """Why somebody who went to the provider is not let in. The page says each in its own words."""

    OFF = "off"  # the merchant has none, or has switched it off
    CANCELLED = "cancelled"  # the person, or the provider, said no there
    UNREACHABLE = "unreachable"  # it does not answer, or not as a provider does
    REFUSED = "refused"  # it does not take our id, secret or address
    UNTRUE = "untrue"  # what it said of the person does not hold
    STALE = "stale"  # the way back was used, took too long, or began in another browser
    UNKNOWN = "unknown"  # nobody here is that person
    LINK_FIRST = "link_first"  # somebody here has this mail, and a way in of their own
    MAIL = "mail"  # no verified mail, or not one of the domains
    SOMEBODY_ELSE = "somebody_else"  # another person than the one who has to prove, or linked to another
    TOO_OLD = "too_old"  # nobody signed in there just now


class Purpose(StrEnum):
    """What one goes to the provider for."""

    SIGN_IN = "sign_in"
    LINK = "link"
    PROVE = "prove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A merchant's identity provider. `new_role` is what a first sign-in gives to one of `email_domains` whom nobody
    invited; None: nobody comes in uninvited. Listed, its name stands on the sign-in page for everybody to read."""

    merchant_id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str
    email_domains: Sequence[str] = ()
    new_role: Role | None = None
    is_listed: bool = True
    is_active: bool = True
    changed_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Provider({self.merchant_id}, {self.issuer})"

    def takes(self, email: str) -> bool:
        """Whether this mail is of its domains; of any, when it names none."""
        return not self.email_domains or email.rpartition("@")[2] in self.email_domains


@dataclass(frozen=True, slots=True)
class Journey:
    """One way to the provider and back, which this browser began. `operator_id` and `session_id` are empty for signing
    in; `home` is the page to come back to."""

    merchant_id: str
    purpose: Purpose
    operator_id: str
    session_id: str
    nonce: str
    verifier: str
    home: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """With what the browser comes back (OpenID Connect Core 1.0, section 3.1.2.5; RFC 9207)."""

    state: str
    code: str = ""
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who came back, as the provider says and signs. `email` is empty unless it says that it is verified.
    `signed_in_at` is when they last showed there who they are; None where it does not say."""

    subject: str
    email: str = ""
    name: str = ""
    signed_in_at: datetime | None = None
    has_second_factor: bool = False


_SAID_NO = frozenset(
    {"access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required"}
)
_NOT_WELL = frozenset({"server_error", "temporarily_unavailable"})


def why_of(error: str) -> Why:
    """What the provider's own word for an error (RFC 6749, section 4.1.2.1) means to the person."""
    return Why.CANCELLED if error in _SAID_NO else Why.UNREACHABLE if error in _NOT_WELL else Why.REFUSED


def refusal(why: Why, message: str = "") -> VendomatError:
    """Nobody was let in, nothing changed; `message` is for the log and for whoever sets the provider up."""
    return VendomatError(ErrorCode.FORBIDDEN, message or f"the identity provider: {why.value}", why=why.value)


def checked(provider: Provider, *, is_private_allowed: bool) -> Provider:
    """Raises `VendomatError(invalid_value)` for what cannot be a provider, or would let anybody in."""
    if not is_issuer(provider.issuer, is_private_allowed=is_private_allowed):
        raise _invalid("the issuer is an https address without a query, as the provider's documents write it")
    if len(provider.email_domains) > DOMAINS_MAX or not all(_DOMAIN.fullmatch(one) for one in provider.email_domains):
        raise _invalid(f"the domains are up to {DOMAINS_MAX} names as company.example")
    if provider.new_role in NEVER_BY_SIGNING_IN:
        raise _invalid("nobody becomes an owner, or a site's, by signing in; invite them, or change their role")
    if provider.new_role is not None and not provider.email_domains:
        raise _invalid("name the mail domains whose people come in uninvited, or anybody could")
    if not provider.client_secret:
        raise _invalid("the client secret is missing")
    return provider


def is_issuer(address: str, *, is_private_allowed: bool) -> bool:
    """Whether `address` can name a provider (OpenID Connect Discovery 1.0, section 2)."""
    parts = urlsplit(address)
    return is_address(address, is_private_allowed=is_private_allowed) and not parts.query and not parts.fragment


def checked_home(path: str) -> str:
    """A page of the console to come back to; its first page for anything else."""
    is_ours = re.fullmatch(r"/console/[\w/?=&.%~-]*", path) is not None and "//" not in path and ".." not in path
    return path if is_ours else "/console/"


def _invalid(message: str) -> VendomatError:
    return VendomatError(ErrorCode.INVALID_VALUE, f"{message}; nothing changed")
