"""The desk for a merchant's identity provider: an owner sets it and switches it, and nobody else, since a provider says
who is who.

The client secret is sealed by the installation's master key and shown by no answer. Links belong to the issuer: with
another one nobody of the last is anybody here. Every change stands in the change log, without the secret.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants.model import Operator
from vendomat.cloud.merchants.oidc import store
from vendomat.cloud.merchants.oidc.client import ProviderClient
from vendomat.cloud.merchants.oidc.model import Provider, checked
from vendomat.cloud.merchants.permissions import Role, check_may_handle
from vendomat.cloud.merchants.proofs import Proofs, ProofWay
from vendomat.cloud.merchants.vault import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError


@dataclass(frozen=True, slots=True)
class Tried:
    """What a try said: whether the provider answers as one does, or why not."""

    is_good: bool
    detail: str = ""


class ProviderBook:
    """Opens what is kept of providers."""

    def __init__(self, database: Database, master_key: MasterKey) -> None:
        self._database = database
        self._master_key = master_key

    async def of_merchant(self, merchant_id: str) -> Provider | None:
        async with self._database.auth() as connection:
            return self.opened(await store.find_provider(connection, merchant_id))

    def opened(self, row: sa.RowMapping | None) -> Provider | None:
        if row is None:
            return None
        secret = self._master_key.unseal(bytes(row["secret_sealed"]), purpose=_purpose(row["merchant_id"]))
        return Provider(
            merchant_id=row["merchant_id"],
            name=row["name"],
            issuer=row["issuer"],
            client_id=row["client_id"],
            client_secret=str(secret["client_secret"]),
            email_domains=tuple(row["email_domains"]),
            new_role=None if row["new_role"] is None else Role(row["new_role"]),
            is_listed=row["is_listed"],
            is_active=row["is_active"],
            changed_at=row["changed_at"],
        )

    def sealed(self, provider: Provider) -> dict[str, object]:
        """The row of it."""
        secret = {"client_secret": provider.client_secret}
        return {
            "merchant_id": provider.merchant_id,
            **_said(provider),
            "secret_sealed": self._master_key.seal(secret, purpose=_purpose(provider.merchant_id)),
            "changed_at": provider.changed_at,
        }


class ProviderDesk:
    """Raises `VendomatError`; then nothing changed."""

    def __init__(
        self, database: Database, master_key: MasterKey, client: ProviderClient, *, proofs: Proofs, clock: Clock
    ) -> None:
        self._database = database
        self._book = ProviderBook(database, master_key)
        self._client = client
        self._proofs = proofs
        self._clock = clock

    async def look(self, merchant_id: str) -> Provider | None:
        return await self._book.of_merchant(merchant_id)

    async def put(self, by: Operator, wanted: Provider) -> Provider:
        """Set it; an empty secret keeps the one there is. Raises `VendomatError` (forbidden for anybody but an owner,
        invalid_value, conflict where the one who asks would be locked out)."""
        check_may_handle(by.role, Role.OWNER)
        async with self._database.merchant(by.merchant_id) as connection:
            before = self._book.opened(await store.find_provider(connection, by.merchant_id, is_locking=True))
            secret = wanted.client_secret or (before.client_secret if before else "")
            after = checked(
                replace(wanted, client_secret=secret, changed_at=self._clock.now()),
                is_private_allowed=self._client.is_private_allowed,
            )
            if before is not None and (not after.is_active or after.issuer != before.issuer):
                await self._check_not_locked_out(by)
            await store.put_provider(connection, self._book.sealed(after))
            await note_change(connection, self._change(by, before, after))
        return after

    async def try_out(self, merchant_id: str) -> Tried:
        """Ask the provider what it is. Raises `VendomatError(conflict)`."""
        provider = await self._book.of_merchant(merchant_id)
        if provider is None:
            raise VendomatError(ErrorCode.CONFLICT, "there is no identity provider yet")
        try:
            await self._client.keys(await self._client.metadata(provider.issuer))
        except VendomatError as error:
            return Tried(is_good=False, detail=error.message)
        return Tried(is_good=True)

    async def _check_not_locked_out(self, by: Operator) -> None:
        if not {ProofWay.PASSWORD, ProofWay.PASSKEY} & set(await self._proofs.ways(by)):
            raise VendomatError(
                ErrorCode.CONFLICT, "you sign in by this provider alone: make a passkey first; nothing changed"
            )

    def _change(self, by: Operator, before: Provider | None, after: Provider) -> Change:
        is_new_secret = before is None or before.client_secret != after.client_secret
        return Change(
            merchant_id=by.merchant_id,
            actor=by.operator_id,
            action="identity_provider.changed",
            subject=by.merchant_id,
            at=self._clock.now(),
            before=None if before is None else _said(before),
            after={**_said(after), "is_new_secret": is_new_secret},
        )


def _said(provider: Provider) -> State:
    """Everything but the secret."""
    return {
        "name": provider.name,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "email_domains": list(provider.email_domains),
        "new_role": None if provider.new_role is None else provider.new_role.value,
        "is_listed": provider.is_listed,
        "is_active": provider.is_active,
    }


def _purpose(merchant_id: str) -> str:
    return f"identity_provider/{merchant_id}"
