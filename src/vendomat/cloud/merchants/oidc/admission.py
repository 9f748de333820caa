"""Whom an identity may be: the one it is linked to; else, once, an invited person by their mail; else nobody, or new.

A link is by the provider's own subject, never by a mail: mails are given to other people. A mail counts once, when it
is verified and a standing invitation went to it. Somebody who signs in already links their identity by their own wish.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import people_store
from vendomat.cloud.merchants.model import Operator, Person, PersonState, checked_email
from vendomat.cloud.merchants.oidc import store
from vendomat.cloud.merchants.oidc.model import Claims, Provider, Why, refusal
from vendomat.cloud.merchants.people import begin_anew
from vendomat.cloud.merchants.store import find_operator
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

NAME_CHARACTERS_MAX = 80


class Admission:
    """Raises `VendomatError` with `why`; then nothing changed."""

    def __init__(self, database: Database, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock

    async def known(self, provider: Provider, claims: Claims) -> Operator | None:
        """Whoever this identity is linked to and may sign in; the link is noted as used."""
        async with self._database.auth() as connection:
            link = await store.find_link(connection, provider.merchant_id, provider.issuer, claims.subject)
            if link is None:
                return None
            operator = await find_operator(connection, link.merchant_id, link.operator_id)
            if operator is not None:
                await store.use_link(connection, link, self._clock.now())
        return operator

    async def first_time(self, provider: Provider, claims: Claims) -> Operator:
        """Whoever was invited, or comes uninvited where the merchant lets them: linked and active from now on."""
        email = _mail_of(provider, claims)
        try:
            async with self._database.merchant(provider.merchant_id) as connection:
                person = await people_store.lock_person_by_email(connection, email)
                if person is None:
                    person = await self._newcomer(connection, provider, claims, email)
                elif person.state is PersonState.ACTIVE:
                    raise refusal(Why.LINK_FIRST, "somebody with this mail signs in here in another way")
                elif not await people_store.delete_invitation(
                    connection, person.operator_id, valid_at=self._clock.now()
                ):
                    raise refusal(Why.UNKNOWN, "no invitation waits for this mail")
                await begin_anew(connection, provider.merchant_id, person, password_hash="", at=self._clock.now())
                await self._link(connection, provider, claims, person.operator_id)
        except IntegrityError as error:  # the mail of another merchant's person, or two at once
            raise refusal(Why.UNKNOWN, "this mail or identity is somebody else's") from error
        operator = await self.known(provider, claims)
        assert operator is not None, "linked and active"
        return operator

    async def link(self, provider: Provider, claims: Claims, operator: Operator) -> None:
        """By the person's own wish, who is signed in. Raises `VendomatError` (somebody_else) for a taken identity."""
        try:
            async with self._database.merchant(operator.merchant_id) as connection:
                await self._link(connection, provider, claims, operator.operator_id)
        except IntegrityError as error:
            raise refusal(Why.SOMEBODY_ELSE, "one of the two is linked already") from error

    async def unlink(self, operator: Operator) -> None:
        """Raises `VendomatError(conflict)`."""
        async with self._database.merchant(operator.merchant_id) as connection:
            if not await people_store.delete_links(connection, operator.operator_id):
                raise VendomatError(ErrorCode.CONFLICT, "there is no link; nothing changed")
            await note_change(
                connection, self._change(operator.merchant_id, operator.operator_id, "identity.unlinked", {})
            )

    async def _newcomer(self, connection: AsyncConnection, provider: Provider, claims: Claims, email: str) -> Person:
        if provider.new_role is None:
            raise refusal(Why.UNKNOWN, "nobody is invited with this mail")
        person = Person(
            operator_id=self._ids.new("opr"),
            email=email,
            name=claims.name[:NAME_CHARACTERS_MAX] or email.partition("@")[0][:NAME_CHARACTERS_MAX],
            role=provider.new_role,
            state=PersonState.INVITED,
            created_at=self._clock.now(),
        )
        await people_store.insert_person(connection, provider.merchant_id, person)
        return person

    async def _link(self, connection: AsyncConnection, provider: Provider, claims: Claims, operator_id: str) -> None:
        link = store.Link(
            merchant_id=provider.merchant_id,
            issuer=provider.issuer,
            subject=claims.subject,
            operator_id=operator_id,
            email=claims.email,
            linked_at=self._clock.now(),
            last_used_at=None,
        )
        await store.insert_link(connection, link)
        said = {"provider": provider.name, "issuer": provider.issuer, "email": claims.email}
        await note_change(connection, self._change(provider.merchant_id, operator_id, "identity.linked", said))

    def _change(self, merchant_id: str, operator_id: str, action: str, after: State) -> Change:
        return Change(
            merchant_id=merchant_id,
            actor=operator_id,
            action=action,
            subject=operator_id,
            at=self._clock.now(),
            after=after,
        )


def _mail_of(provider: Provider, claims: Claims) -> str:
    if not claims.email:
        raise refusal(Why.MAIL, "the provider gives no mail that it says is verified")
    if not provider.takes(claims.email):
        raise refusal(Why.MAIL, "the mail is not of the domains that are let in")
    try:
        return checked_email(claims.email)
    except VendomatError as error:
        raise refusal(Why.MAIL, error.message) from error
