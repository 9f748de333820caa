"""To the identity provider and back: to sign in, to link one's account, to prove again who one is.

A journey is a row: begun by one browser, for one purpose and person, taken by whatever comes back before it is looked
at, and over after ten minutes. The database knows the hashes of its state and of the browser's cookie. The code goes to
the provider that the journey began with, with the proof key (PKCE); what comes back is signed, or nothing.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from vendomat.cloud.merchants.model import Operator, network_of
from vendomat.cloud.merchants.oidc import store
from vendomat.cloud.merchants.oidc.admission import Admission
from vendomat.cloud.merchants.oidc.client import ProviderClient
from vendomat.cloud.merchants.oidc.desk import ProviderBook
from vendomat.cloud.merchants.oidc.model import (
    JOURNEY_LIFE,
    Answer,
    Claims,
    Journey,
    Provider,
    Purpose,
    Why,
    checked_home,
    refusal,
    why_of,
)
from vendomat.cloud.merchants.oidc.wire import LEEWAY_S, asking_address, claims_of, leaving_address
from vendomat.cloud.merchants.proofs import Proofs, ProofWay
from vendomat.cloud.merchants.sign_in import ByProvider, Session, SignIns
from vendomat.cloud.merchants.store import find_operator, note_security_event
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError

_SECRET_BYTES = 32
_LEEWAY = timedelta(seconds=LEEWAY_S)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose browser it is: the secret of its cookie, its address, what it calls itself."""

    browser: str
    address: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Where the browser goes now. `session` is for one who signed in; `why` for one who was refused."""

    home: str
    session: Session | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ProviderJourneys:
    """`base_url` is where people reach this cloud; `wall` is true time, which the provider's words are held against."""

    database: Database
    book: ProviderBook
    client: ProviderClient
    admission: Admission
    sign_ins: SignIns
    proofs: Proofs
    clock: Clock
    wall: Clock
    base_url: str
    randomness: Callable[[int], bytes] = secrets.token_bytes

    def start_address(self, merchant_id: str) -> str:
        """Where signing in begins; what a provider's own page of applications links to."""
        return f"{self.base_url}/api/v1/session/provider/{merchant_id}"

    def back_address(self, merchant_id: str) -> str:
        """Where the provider sends people back to; it has to know this address."""
        return f"{self.start_address(merchant_id)}/back"

    async def doors(self) -> list[tuple[str, str]]:
        """Merchant and name of the providers that the sign-in page offers."""
        async with self.database.auth() as connection:
            return await store.list_doors(connection, limit=5)

    def new_browser(self) -> str:
        return _text(self.randomness(_SECRET_BYTES))

    async def begin(
        self, merchant_id: str, purpose: Purpose, browser: str, *, home: str, operator: Operator | None = None
    ) -> str:
        """Where to send the browser. Raises `VendomatError` (with `why`: off, unreachable)."""
        provider = await self._provider(merchant_id)
        metadata = await self.client.metadata(provider.issuer)
        state, now = _text(self.randomness(_SECRET_BYTES)), self.clock.now()
        journey = Journey(
            merchant_id=merchant_id,
            purpose=purpose,
            operator_id=operator.operator_id if operator else "",
            session_id=operator.session_id if operator else "",
            nonce=_text(self.randomness(_SECRET_BYTES)),
            verifier=_text(self.randomness(_SECRET_BYTES)),
            home=home if purpose is not Purpose.SIGN_IN else checked_home(home),
            begun_at=self.wall.now(),
        )
        async with self.database.auth() as connection:
            await store.delete_journeys(connection, now)
            await store.put_journey(
                connection,
                journey,
                state_hash=_hash(state),
                browser_hash=_hash(browser),
                expires_at=now + JOURNEY_LIFE,
            )
        return asking_address(metadata, provider, journey, state=state, back=self.back_address(merchant_id))

    async def finish(self, merchant_id: str, answer: Answer, visitor: Visitor) -> Arrived:
        """Never raises for what the provider or the browser says: the page that is shown says why."""
        async with self.database.auth() as connection:
            journey = await store.take_journey(
                connection,
                merchant_id,
                state_hash=_hash(answer.state),
                browser_hash=_hash(visitor.browser),
                now=self.clock.now(),
            )
        if journey is None:
            return Arrived("/console/", why=Why.STALE.value)
        try:
            return await self._finished(journey, answer, visitor)
        except VendomatError as error:
            why = str(error.detail.get("why", "")) or error.code.value
            log.warning("provider.refused", merchant_id=merchant_id, why=why, said=error.message)
            async with self.database.auth() as connection:
                detail: dict[str, object] = {"operator_id": journey.operator_id, "why": why, "said": error.message}
                await note_security_event(
                    connection,
                    "provider.refused",
                    self.clock.now(),
                    merchant_id=merchant_id,
                    source=network_of(visitor.address),
                    detail=detail,
                )
            return Arrived(journey.home, why=why)

    async def standing(self, operator: Operator) -> tuple[str | None, store.Link | None]:
        """The name of the merchant's provider, if it lets people in, and this person's link to it."""
        provider = await self.book.of_merchant(operator.merchant_id)
        if provider is None or not provider.is_active:
            return None, None
        async with self.database.merchant(operator.merchant_id) as connection:
            return provider.name, await store.link_of(connection, provider.issuer, operator.operator_id)

    async def unlink(self, operator: Operator) -> None:
        """Raises `VendomatError` (conflict, also for one who has no other way in)."""
        if not {ProofWay.PASSWORD, ProofWay.PASSKEY} & set(await self.proofs.ways(operator)):
            raise VendomatError(ErrorCode.CONFLICT, "this is your only way in: make a passkey first; nothing changed")
        await self.admission.unlink(operator)

    async def leaving_address(self, merchant_id: str) -> str:
        """Where one signs out at the provider, too. Raises `VendomatError` as `begin`."""
        provider = await self._provider(merchant_id)
        return leaving_address(await self.client.metadata(provider.issuer), provider, f"{self.base_url}/console/")

    async def _finished(self, journey: Journey, answer: Answer, visitor: Visitor) -> Arrived:
        provider = await self._provider(journey.merchant_id)
        claims = await self._claims(provider, journey, answer)
        if journey.purpose is Purpose.SIGN_IN:
            operator = await self.admission.known(provider, claims) or await self.admission.first_time(provider, claims)
            return Arrived(journey.home, await self._session(operator, claims, visitor))
        operator = await self._person_of(journey)
        if journey.purpose is Purpose.LINK:
            await self.admission.link(provider, claims, operator)
        else:
            await self._prove(provider, claims, journey, operator)
        return Arrived(journey.home)

    async def _claims(self, provider: Provider, journey: Journey, answer: Answer) -> Claims:
        if answer.issuer and answer.issuer != provider.issuer:
            raise refusal(Why.UNTRUE, f"another provider answers: {answer.issuer[:200]!r}")
        if answer.error or not answer.code:
            raise refusal(why_of(answer.error), f"the provider says {answer.error[:80]!r} instead of a code")
        metadata = await self.client.metadata(provider.issuer)
        if metadata.authorization_response_iss_parameter_supported and not answer.issuer:
            raise refusal(Why.UNTRUE, "the answer does not say which provider it is from")
        back = self.back_address(provider.merchant_id)
        tokens = await self.client.tokens(metadata, provider, journey, code=answer.code, back=back)
        keys = await self.client.keys(metadata)
        claims = claims_of(tokens.id_token, keys, provider, journey, now=self.wall.now())
        return claims if journey.purpose is Purpose.PROVE else await self.client.with_mail(metadata, tokens, claims)

    async def _session(self, operator: Operator, claims: Claims, visitor: Visitor) -> Session:
        return await self.sign_ins.open(
            operator,
            address=visitor.address,
            agent=visitor.agent,
            has_second_factor=claims.has_second_factor,
            by_provider=ByProvider(self._moment(claims.signed_in_at)),
        )

    def _moment(self, at: datetime | None) -> datetime | None:
        """A moment of true time by the clock that sessions go by."""
        return None if at is None else self.clock.now() - (self.wall.now() - at)

    async def _prove(self, provider: Provider, claims: Claims, journey: Journey, operator: Operator) -> None:
        known = await self.admission.known(provider, claims)
        if known is None or known.operator_id != operator.operator_id:
            raise refusal(Why.SOMEBODY_ELSE, "another person signed in there")
        if claims.signed_in_at is None or claims.signed_in_at < journey.begun_at - _LEEWAY:
            raise refusal(Why.TOO_OLD, "the provider does not say that they signed in just now (auth_time)")
        await self.proofs.by_provider(operator, is_second_factor=claims.has_second_factor)

    async def _person_of(self, journey: Journey) -> Operator:
        """Whoever began it, if they still may."""
        async with self.database.auth() as connection:
            operator = await find_operator(connection, journey.merchant_id, journey.operator_id)
        if operator is None:
            raise refusal(Why.UNKNOWN, "they are let in no more")
        return replace(operator, session_id=journey.session_id)

    async def _provider(self, merchant_id: str) -> Provider:
        provider = await self.book.of_merchant(merchant_id)
        if provider is None or not provider.is_active:
            raise VendomatError(ErrorCode.CONFLICT, "no identity provider lets people in here", why=Why.OFF.value)
        return provider


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
