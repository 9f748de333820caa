"""The emulated provider as an application: discovery, keys, the page where one signs in, codes, tokens, userinfo.

Whoever signs in chooses who they are and, by name, what goes wrong (`Trouble`); without trouble it keeps the rules of
OpenID Connect Core 1.0: a code is good once and for a minute, for the client, the address and the proof key it was made
for. A person's subject follows from their mail. It remembers who is signed in, as providers do. All is in memory.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from vendomat.kernel import Clock
from vendomat.simulator.oidc.pages import sign_in_page, word_page
from vendomat.simulator.oidc.tokens import SigningKey, signed_by_secret, text_of, unsigned

CODE_LIFE = timedelta(minutes=1)
TOKEN_LIFE_S = 300
SILENCE_S = 60.0
COOKIE = "emulated_provider"
_ASKED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "max_age",
    "prompt",
)


class Trouble(StrEnum):
    """What goes wrong with one sign-in."""

    NONE = "none"
    CANCELLED = "cancelled"  # the person says no
    BROKEN = "broken"  # the provider says that it is not well
    OTHER_ISSUER = "other_issuer"  # the answer says that another provider gave it (RFC 9207)
    NO_ISSUER = "no_issuer"
    WRONG_NONCE = "wrong_nonce"
    WRONG_AUDIENCE = "wrong_audience"
    TWO_AUDIENCES = "two_audiences"
    WRONG_PARTY = "wrong_party"  # `azp` names another client
    WRONG_ISSUER = "wrong_issuer"  # the token names another provider
    EXPIRED = "expired"
    FROM_TOMORROW = "from_tomorrow"
    UNSIGNED = "unsigned"  # the algorithm `none`
    BY_SECRET = "by_secret"  # noqa: S105 - signed by the client's own secret
    BY_STRANGER = "by_stranger"  # signed by a key that only bears the name of the provider's
    ROTATED = "rotated"  # no trouble for who asks for the keys: a new one signs, and the last is gone
    UNVERIFIED = "unverified"  # nobody made sure that the mail is theirs
    NO_MAIL = "no_mail"
    MAIL_APART = "mail_apart"  # no trouble either: the mail is given at userinfo alone
    OTHER_PERSON = "other_person"  # userinfo speaks of somebody else
    NO_MOMENT = "no_moment"  # it does not say when they signed in
    LONG_AGO = "long_ago"  # it says that they signed in yesterday
    CODE_REFUSED = "code_refused"
    GARBLED = "garbled"  # what it answers to the code is no JSON
    HUGE = "huge"  # and is larger than anybody reads
    SILENT = "silent"  # it does not answer


@dataclass(frozen=True, slots=True)
class Registration:
    """The one client that it knows."""

    client_id: str = "vendomat"
    client_secret: str = "emulated secret"  # noqa: S105 - it guards nothing


@dataclass(frozen=True, slots=True)
class _Person:
    email: str
    name: str
    has_two_factors: bool
    signed_in_at: float

    @property
    def subject(self) -> str:
        return "emulated-" + hashlib.sha256(self.email.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a code, and then an access token, is good for."""

    person: _Person
    trouble: Trouble
    redirect_uri: str
    nonce: str
    challenge: str
    ends_at: float


class IdentityProvider:
    """`issuer` is the address where `app` is served."""

    def __init__(
        self,
        issuer: str,
        clock: Clock,
        registration: Registration | None = None,
        *,
        new_key: Callable[[str], SigningKey] = SigningKey,
    ) -> None:
        self.issuer = issuer
        self.registration = registration or Registration()
        self._clock = clock
        self._new_key = new_key
        self._key = new_key("key 1")
        self._keys_made = 1
        self._people: dict[str, _Person] = {}
        self._codes: dict[str, _Grant] = {}
        self._tokens: dict[str, _Grant] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._ask, methods=["GET"]),
                Route("/authorize", self._answer, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo),
                Route("/jwks", self._jwks),
                Route("/end-session", self._end_session),
            ]
        )

    async def _metadata(self, _request: Request) -> Response:
        ends = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": "jwks",
            "end_session_endpoint": "end-session",
        }
        return JSONResponse(
            {
                "issuer": self.issuer,
                **{name: f"{self.issuer}/{path}" for name, path in ends.items()},
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._key.published()]})

    async def _ask(self, request: Request) -> Response:
        asked = {name: request.query_params[name] for name in _ASKED if name in request.query_params}
        if problem := self._problem_of(asked):
            return HTMLResponse(word_page("This question cannot be answered", problem), 400)
        person = self._people.get(request.cookies.get(COOKIE, ""))
        if person is not None and self._is_recent(person, asked):
            return self._back(asked, person, Trouble.NONE)
        return HTMLResponse(sign_in_page(asked, Trouble, person.email if person else ""))

    async def _answer(self, request: Request) -> Response:
        said = await _form(request)
        asked = {name: said[name] for name in _ASKED if name in said}
        if problem := self._problem_of(asked):
            return HTMLResponse(word_page("This question cannot be answered", problem), 400)
        email = said.get("email", "").strip().lower()
        name = said.get("name", "").strip() or email.partition("@")[0].title()
        person = _Person(email, name, said.get("mfa") == "yes", self._clock.now().timestamp())
        browser = secrets.token_urlsafe(16)
        self._people[browser] = person
        response = self._back(asked, person, Trouble(said.get("trouble", Trouble.NONE.value)))
        response.set_cookie(COOKIE, browser, httponly=True, samesite="lax")
        return response

    def _problem_of(self, asked: dict[str, str]) -> str:
        if asked.get("client_id") != self.registration.client_id:
            return "there is no such client"
        if not asked.get("redirect_uri", "").startswith(("http://", "https://")):
            return "there is no address to go back to"
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return "only codes are given, and only for openid"
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            return "the proof key (PKCE, S256) is missing"
        return ""

    def _is_recent(self, person: _Person, asked: dict[str, str]) -> bool:
        age_s = self._clock.now().timestamp() - person.signed_in_at
        return asked.get("prompt") != "login" and age_s < float(asked.get("max_age", "inf"))

    def _back(self, asked: dict[str, str], person: _Person, trouble: Trouble) -> RedirectResponse:
        issuer = "https://other.example" if trouble is Trouble.OTHER_ISSUER else self.issuer
        said = {"state": asked.get("state", "")} | ({} if trouble is Trouble.NO_ISSUER else {"iss": issuer})
        if trouble is Trouble.CANCELLED:
            said["error"] = "access_denied"
        elif trouble is Trouble.BROKEN:
            said["error"] = "server_error"
        else:
            said["code"] = secrets.token_urlsafe(24)
            ends_at = self._clock.now().timestamp() + CODE_LIFE.total_seconds()
            self._codes[said["code"]] = _Grant(
                person, trouble, asked["redirect_uri"], asked.get("nonce", ""), asked["code_challenge"], ends_at
            )
        address = asked["redirect_uri"]
        return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{urlencode(said)}", 303)

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        if not self._is_client(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        grant = self._codes.pop(form.get("code", ""), None)
        if grant is None or not self._fits(grant, form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        if grant.trouble is Trouble.SILENT:
            await asyncio.sleep(SILENCE_S)
        if grant.trouble is Trouble.GARBLED:
            return Response("<html>", media_type="text/html")
        if grant.trouble is Trouble.HUGE:
            return Response("x" * 1_000_000)
        access = secrets.token_urlsafe(24)
        self._tokens[access] = replace(grant, ends_at=self._clock.now().timestamp() + TOKEN_LIFE_S)
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFE_S,
                "access_token": access,
                "id_token": self._id_token(grant),
            },
            headers={"Cache-Control": "no-store"},
        )

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            try:
                client_id, _, secret = base64.b64decode(pair, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeError):
                return False
            client_id, secret = unquote(client_id), unquote(secret)
        is_right = hmac.compare_digest(secret.encode(), self.registration.client_secret.encode())
        return client_id == self.registration.client_id and is_right

    def _fits(self, grant: _Grant, form: dict[str, str]) -> bool:
        challenge = text_of(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        return (
            form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == grant.redirect_uri
            and hmac.compare_digest(challenge, grant.challenge)
            and self._clock.now().timestamp() < grant.ends_at
            and grant.trouble is not Trouble.CODE_REFUSED
        )

    def _id_token(self, grant: _Grant) -> str:
        claims = self._claims(grant)
        match grant.trouble:
            case Trouble.UNSIGNED:
                return unsigned(claims)
            case Trouble.BY_SECRET:
                return signed_by_secret(claims, self.registration.client_secret.encode(), self._key.name)
            case Trouble.BY_STRANGER:
                return self._new_key(self._key.name).sign(claims)
            case Trouble.ROTATED:
                self._keys_made += 1
                self._key = self._new_key(f"key {self._keys_made}")
        return self._key.sign(claims)

    def _claims(self, grant: _Grant) -> dict[str, object]:
        now, person = int(self._clock.now().timestamp()), grant.person
        claims: dict[str, object] = {
            "iss": self.issuer,
            "sub": person.subject,
            "aud": self.registration.client_id,
            "iat": now,
            "exp": now + TOKEN_LIFE_S,
            "nonce": grant.nonce,
            "auth_time": int(person.signed_in_at),
            "amr": ["pwd", "otp", "mfa"] if person.has_two_factors else ["pwd"],
            **self._mail(grant),
        }
        changed = _CHANGES.get(grant.trouble, {})
        claims |= {name: value(now) if callable(value) else value for name, value in changed.items()}
        return {name: value for name, value in claims.items() if value is not None}

    def _mail(self, grant: _Grant) -> dict[str, object]:
        person = grant.person
        if grant.trouble in (Trouble.NO_MAIL, Trouble.MAIL_APART, Trouble.OTHER_PERSON):
            return {}
        is_verified = grant.trouble is not Trouble.UNVERIFIED
        return {"email": person.email, "email_verified": is_verified, "name": person.name}

    async def _userinfo(self, request: Request) -> Response:
        grant = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if grant is None or self._clock.now().timestamp() >= grant.ends_at:
            return JSONResponse({"error": "invalid_token"}, 401)
        subject = "somebody else" if grant.trouble is Trouble.OTHER_PERSON else grant.person.subject
        if grant.trouble in (Trouble.NO_MAIL, Trouble.UNVERIFIED):
            return JSONResponse({"sub": subject})
        return JSONResponse(
            {"sub": subject, "email": grant.person.email, "email_verified": True, "name": grant.person.name}
        )

    async def _end_session(self, request: Request) -> Response:
        self._people.pop(request.cookies.get(COOKIE, ""), None)
        address = request.query_params.get("post_logout_redirect_uri", "")
        if address.startswith(("http://", "https://")):
            return RedirectResponse(address, 303)
        return HTMLResponse(word_page("Signed out", "You are signed out here."))


_CHANGES: dict[Trouble, dict[str, object]] = {
    Trouble.WRONG_NONCE: {"nonce": "another"},
    Trouble.WRONG_AUDIENCE: {"aud": "another client"},
    Trouble.TWO_AUDIENCES: {"aud": ["vendomat", "another client"]},
    Trouble.WRONG_PARTY: {"azp": "another client"},
    Trouble.WRONG_ISSUER: {"iss": "https://other.example"},
    Trouble.EXPIRED: {"iat": lambda now: now - 7_200, "exp": lambda now: now - 3_600},
    Trouble.FROM_TOMORROW: {"iat": lambda now: now + 86_400, "exp": lambda now: now + 90_000},
    Trouble.NO_MOMENT: {"auth_time": None},
    Trouble.LONG_AGO: {"auth_time": lambda now: now - 86_400},
}


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
