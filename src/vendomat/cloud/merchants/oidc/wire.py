"""OpenID Connect as it is spoken (Core 1.0, Discovery 1.0, RFC 7636, RFC 9207): addresses, questions, signed answers.

An ID token counts only when one of the provider's own keys signed it, with one of `ALGORITHMS`, for us alone, lately,
in answer to this journey. Whatever cannot be read or is not true is refused with the reason, which is for those who
set the provider up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from vendomat.cloud.merchants.oidc.model import Claims, Journey, Provider, Purpose, Why, refusal
from vendomat.kernel import is_address

ALGORITHMS = ("RS256", "PS256", "ES256")
"""Signatures by keys that only the provider has. `none` and keys that we share are not among them."""

LEEWAY_S = 60
SCOPE = "openid email profile"
SESSION_MAX_AGE_S = 43_200
SECOND_FACTORS = frozenset({"mfa"})
"""What of `amr` (RFC 8176) says that more than one factor was asked for."""


class Metadata(msgspec.Struct, frozen=True):
    """What a provider says of itself (Discovery 1.0, section 3); of its fields those that are used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True):
    """The answer to a code (Core 1.0, section 3.1.3.3). `repr` hides it."""

    id_token: str
    access_token: str = ""

    def __repr__(self) -> str:
        return "Tokens()"


class _Said(msgspec.Struct, frozen=True):
    """The claims of an ID token beyond those that the library checks."""

    sub: str
    aud: str | list[str]
    nonce: str
    azp: str = ""
    email: str = ""
    email_verified: bool | str = False
    name: str = ""
    auth_time: int | float | None = None
    amr: list[str] = []


class _Person(msgspec.Struct, frozen=True):
    """What the userinfo endpoint says (Core 1.0, section 5.3.2)."""

    sub: str
    email: str = ""
    email_verified: bool | str = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One request that the provider gets from us."""

    address: str
    form: Mapping[str, str]
    headers: Mapping[str, str]


def metadata_address(issuer: str) -> str:
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def metadata_of(content: bytes, issuer: str, *, is_private_allowed: bool) -> Metadata:
    """Raises `VendomatError` when it is not the provider `issuer`, or sends people or secrets where nobody may go."""
    try:
        said = msgspec.json.decode(content, type=Metadata)
    except msgspec.MsgspecError as error:
        raise refusal(Why.UNREACHABLE, f"what the provider says of itself cannot be read: {error}") from error
    if said.issuer != issuer:
        raise refusal(Why.UNREACHABLE, f"the provider calls itself {said.issuer[:200]!r}: that is the issuer to enter")
    needed = (said.authorization_endpoint, said.token_endpoint, said.jwks_uri)
    offered = tuple(one for one in (said.userinfo_endpoint, said.end_session_endpoint) if one)
    for address in needed + offered:
        if not is_address(address, is_private_allowed=is_private_allowed):
            raise refusal(Why.UNREACHABLE, f"the provider names {address[:200]!r}, which is no https address")
    return said


def asking_address(metadata: Metadata, provider: Provider, journey: Journey, *, state: str, back: str) -> str:
    """Where the browser is sent. Proving asks that the person shows again, now, who they are."""
    asked = {
        "response_type": "code",
        "scope": SCOPE,
        "client_id": provider.client_id,
        "redirect_uri": back,
        "state": state,
        "nonce": journey.nonce,
        "code_challenge": challenge_of(journey.verifier),
        "code_challenge_method": "S256",
        "max_age": "0" if journey.purpose is Purpose.PROVE else str(SESSION_MAX_AGE_S),
    }
    if journey.purpose is Purpose.PROVE:
        asked["prompt"] = "login"
    return _with_query(metadata.authorization_endpoint, asked)


def leaving_address(metadata: Metadata, provider: Provider, back: str) -> str:
    """Where one signs out there, too (RP-Initiated Logout 1.0); our own page where it offers none."""
    if not metadata.end_session_endpoint:
        return back
    asked = {"client_id": provider.client_id, "post_logout_redirect_uri": back}
    return _with_query(metadata.end_session_endpoint, asked)


def challenge_of(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")


def code_question(metadata: Metadata, provider: Provider, journey: Journey, *, code: str, back: str) -> Question:
    """What turns the code into tokens. The secret goes in a header where the provider takes it there."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": journey.verifier,
    }
    methods = metadata.token_endpoint_auth_methods_supported
    if "client_secret_basic" not in methods and "client_secret_post" in methods:
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
        return Question(metadata.token_endpoint, form, {})
    pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
    return Question(
        metadata.token_endpoint, form, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    )


def tokens_of(content: bytes) -> Tokens:
    """Raises `VendomatError`."""
    try:
        return msgspec.json.decode(content, type=Tokens)
    except msgspec.MsgspecError as error:
        raise refusal(Why.UNREACHABLE, f"the provider's answer to the code cannot be read: {error}") from error


def claims_of(id_token: str, keys: bytes, provider: Provider, journey: Journey, *, now: datetime) -> Claims:
    """Who it is about. Raises `VendomatError` (untrue) for a token that is not for us, of now and of this journey."""
    rules = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        token = jwt.decode(id_token, _signing_keys(keys), ALGORITHMS, JWSRegistry(strict_check_header=False))
        rules.validate(token.claims)
        said = msgspec.convert(token.claims, _Said)
    except (JoseError, msgspec.MsgspecError, ValueError) as error:
        raise refusal(Why.UNTRUE, f"the ID token does not hold: {error}") from error
    if not hmac.compare_digest(said.nonce.encode(), journey.nonce.encode()):
        raise refusal(Why.UNTRUE, "the ID token answers another question (nonce)")
    others = [] if isinstance(said.aud, str) else [one for one in said.aud if one != provider.client_id]
    if said.azp not in ("", provider.client_id) or (others and not said.azp):
        raise refusal(Why.UNTRUE, "the ID token was made for somebody else (aud, azp)")
    if not said.sub:
        raise refusal(Why.UNTRUE, "the ID token names nobody (sub)")
    return Claims(
        subject=said.sub,
        email=_verified(said.email, said.email_verified),
        name=said.name.strip(),
        signed_in_at=_moment(said.auth_time, now),
        has_second_factor=not SECOND_FACTORS.isdisjoint(said.amr),
    )


def with_userinfo(claims: Claims, content: bytes) -> Claims:
    """With the mail and name that the provider gives apart from the token. Raises `VendomatError` for another's."""
    try:
        said = msgspec.json.decode(content, type=_Person)
    except msgspec.MsgspecError as error:
        raise refusal(Why.UNREACHABLE, f"what the provider says of the person cannot be read: {error}") from error
    if said.sub != claims.subject:
        raise refusal(Why.UNTRUE, "the provider speaks of another person than its token does (sub)")
    return replace(claims, email=_verified(said.email, said.email_verified), name=claims.name or said.name.strip())


def _signing_keys(content: bytes) -> KeySet:
    """The provider's keys for signatures; those of other uses are left out."""
    said = msgspec.json.decode(content)
    if not isinstance(said, dict) or not isinstance(said.get("keys"), list):
        raise ValueError("the provider's keys cannot be read")  # noqa: TRY004 - of what was read, not of a caller
    fit = [one for one in said["keys"] if isinstance(one, dict) and one.get("use", "sig") == "sig"]
    return KeySet.import_key_set({"keys": [one for one in fit if one.get("kty") in ("RSA", "EC")]})


def _verified(email: str, is_verified: bool | str) -> str:
    """Some providers write the word `true`."""
    return email.strip().lower() if is_verified is True or is_verified == "true" else ""


def _moment(at: float | None, now: datetime) -> datetime | None:
    """A moment that has been; one in the future is none."""
    if at is None or not 0 <= at <= now.timestamp() + LEEWAY_S:
        return None
    return min(datetime.fromtimestamp(at, UTC), now)


def _with_query(address: str, more: Mapping[str, str]) -> str:
    return address + ("&" if urlsplit(address).query else "?") + urlencode(more)


def error_of(content: bytes) -> str:
    """The provider's own word for what it refuses (RFC 6749, section 5.2), for the log."""
    try:
        said: Any = msgspec.json.decode(content)
    except msgspec.MsgspecError:
        return ""
    return str(said.get("error", ""))[:80] if isinstance(said, dict) else ""
