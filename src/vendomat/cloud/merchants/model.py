"""Who somebody is, and the rules of signing in. Pure; knows no password."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vendomat.cloud.merchants.permissions import AnyRole, Role
from vendomat.kernel import ErrorCode, VendomatError

SIGN_IN_TRIES = 5
SIGN_IN_WINDOW = timedelta(minutes=15)
SESSION_LIFE = timedelta(hours=12)
PROOF_LIFE = timedelta(minutes=15)
INVITATION_LIFE = timedelta(days=3)
PASSWORD_CHARACTERS_MIN = 8
PASSWORD_CHARACTERS_MAX = 200
EMAIL_CHARACTERS_MAX = 200

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,100}@[^@\s\x00-\x1f]{1,99}")


@dataclass(frozen=True, slots=True)
class Merchant:
    merchant_id: str
    name: str
    payee: str
    currency: str
    service_phone: str
    time_zone: str = "Asia/Shanghai"


class PersonState(StrEnum):
    INVITED = "invited"  # has no password yet
    ACTIVE = "active"
    INACTIVE = "inactive"  # signs in no more; what they did keeps their name


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One of a merchant's people, as the others see them. `invited_until` while a link waits to be used; `site_ids` are
    the sites that belong to them."""

    operator_id: str
    email: str
    name: str
    role: AnyRole
    state: PersonState
    created_at: datetime
    invited_until: datetime | None = None
    sessions: int = 0
    signed_in_at: datetime | None = None
    site_ids: tuple[str, ...] = ()

    @property
    def is_owner(self) -> bool:
        return self.role is Role.OWNER and self.state is PersonState.ACTIVE


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a link invites, and where to. `provider` names the merchant's identity provider, if it has one."""

    merchant_id: str
    operator_id: str
    email: str
    name: str
    role: AnyRole
    merchant_name: str
    expires_at: datetime
    provider: str


@dataclass(frozen=True, slots=True)
class StandingSession:
    """A session that has not ended. `source` is the network it was begun from, `agent` what the browser called itself;
    `session_id` names the session and opens nothing."""

    session_id: str
    started_at: datetime | None
    expires_at: datetime
    source: str
    agent: str


@dataclass(frozen=True, slots=True)
class Operator:
    """A signed-in person of one merchant; `session_id` names the session they speak in. `proven_until` is None once who
    they are needs a new proof. The merchant may require a second factor, which the session
    has once it was given. `is_by_provider`: the merchant's identity provider let them in."""

    merchant_id: str
    operator_id: str
    email: str
    name: str
    role: AnyRole
    merchant_name: str
    currency: str
    session_id: str = ""
    proven_until: datetime | None = None
    is_second_factor_required: bool = False
    has_second_factor: bool = False
    is_by_provider: bool = False

    @property
    def lacks_second_factor(self) -> bool:
        return self.is_second_factor_required and not self.has_second_factor


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """`payee` is the name the buyer sees on the payment page. `time_zone` says when its business days begin; it stays
    once the first day has been summed up."""

    name: str
    payee: str
    currency: str = "CNY"
    service_phone: str = ""
    time_zone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class NewOperator:
    email: str
    name: str
    password: str
    role: AnyRole = Role.OWNER


def check_second_factor(operator: Operator) -> None:
    """Raises `VendomatError(second_factor_missing)` where one is required and was not given."""
    if operator.lacks_second_factor:
        raise VendomatError(
            ErrorCode.SECOND_FACTOR_MISSING,
            "your merchant requires a second factor: set one up, or prove who you are by yours; nothing was done",
        )


def check_proven(operator: Operator) -> None:
    """Raises `VendomatError(proof_required)` unless they proved lately who they are."""
    if operator.proven_until is None:
        raise VendomatError(
            ErrorCode.PROOF_REQUIRED,
            "prove again that it is you (PUT /api/v1/session/proof), then send this again; nothing was done",
        )


def checked_email(text: str) -> str:
    """The e-mail in the one form we compare: trimmed, lower case. Raises `VendomatError(invalid_value)`."""
    email = text.strip().lower()
    if len(email) > EMAIL_CHARACTERS_MAX or _EMAIL.fullmatch(email) is None:
        raise VendomatError(ErrorCode.INVALID_VALUE, "this is not an e-mail address")
    return email


def checked_password(text: str) -> str:
    """Raises `VendomatError(invalid_value)` for a password too short or too long to keep."""
    if not PASSWORD_CHARACTERS_MIN <= len(text) <= PASSWORD_CHARACTERS_MAX:
        raise VendomatError(
            ErrorCode.INVALID_VALUE,
            f"a password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters",
        )
    return text


def checked_sites(role: str, site_ids: Iterable[str]) -> tuple[str, ...]:
    """In order, each once. Raises `VendomatError(invalid_value)`: a site's owner has one, and nobody else has any."""
    sites = tuple(sorted(set(site_ids)))
    if (role == Role.SITE_OWNER) != bool(sites):
        raise VendomatError(
            ErrorCode.INVALID_VALUE, "a site owner is given at least one site, and nobody else any; nothing changed"
        )
    return sites


def checked_time_zone(name: str) -> str:
    """Raises `VendomatError(invalid_value)` for anything but an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{name!r} is not an IANA time zone") from error
    return name


def sign_in_subjects(email: str, address: str) -> list[str]:
    """Whose tries are counted: the e-mail, if one was said (only its hash is stored), and the network it came from."""
    of_network = f"address:{network_of(address)}"
    if not email:
        return [of_network]
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
    return sorted([f"email:{digest}", of_network])


def network_of(address: str) -> str:
    """One subscriber: an IPv4 address, or the /64 that a single IPv6 subscriber owns."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
