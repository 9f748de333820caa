"""Setting up a merchant: the merchant itself and its people."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.model import (
    Merchant,
    NewMerchant,
    NewOperator,
    Operator,
    checked_email,
    checked_password,
    checked_time_zone,
)
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError


class Merchants:
    """Creates merchants and operators."""

    def __init__(self, database: Database, passwords: Passwords, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._ids = ids
        self._clock = clock

    async def create(self, new: NewMerchant, owner: NewOperator) -> tuple[Merchant, Operator]:
        """A merchant with its first owner, both or none. Raises `VendomatError` (conflict for a known e-mail)."""
        Money(0, new.currency)  # refuses a currency we do not know
        merchant = Merchant(
            self._ids.new("mer"), new.name, new.payee, new.currency, new.service_phone, checked_time_zone(new.time_zone)
        )
        operator = self._operator(merchant, owner)
        password_hash = await self._passwords.hash(checked_password(owner.password))
        now = self._clock.now()
        try:
            async with self._database.merchant(merchant.merchant_id) as connection:
                await store.insert_merchant(connection, merchant, now)
                await store.insert_operator(connection, operator, password_hash, now)
        except IntegrityError as error:
            raise _email_taken() from error
        return merchant, operator

    async def add_operator(self, merchant_id: str, new: NewOperator) -> Operator:
        """Another person of `merchant_id`. Raises `VendomatError` (not_found, conflict)."""
        password_hash = await self._passwords.hash(checked_password(new.password))
        try:
            async with self._database.merchant(merchant_id) as connection:
                merchant = await store.find_merchant(connection, merchant_id)
                if merchant is None:
                    raise VendomatError(ErrorCode.NOT_FOUND, "there is no such merchant")
                operator = self._operator(merchant, new)
                await store.insert_operator(connection, operator, password_hash, self._clock.now())
        except IntegrityError as error:
            raise _email_taken() from error
        return operator

    def _operator(self, merchant: Merchant, new: NewOperator) -> Operator:
        return Operator(
            merchant_id=merchant.merchant_id,
            operator_id=self._ids.new("opr"),
            email=checked_email(new.email),
            name=new.name,
            role=new.role,
            merchant_name=merchant.name,
            currency=merchant.currency,
        )


def _email_taken() -> VendomatError:
    return VendomatError(ErrorCode.CONFLICT, "somebody already signs in with this e-mail; nothing was created")
