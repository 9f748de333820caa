"""The merchant's side of codes: issue, list, withdraw.

The digits are drawn from a secure source, given to the merchant once and never kept. A prepaid code is posted to the
ledger in the transaction that issues it.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.codes import store
from vendomat.cloud.codes.model import (
    CODE_DIGITS,
    MOVES,
    CodeEvent,
    CodeKind,
    CodePosting,
    CodeState,
    NewCodes,
    PickupCode,
    code_hash,
)
from vendomat.cloud.merchants import MasterKey, Operator
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, RepeatKey, Repeats
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError

PostLedger = Callable[[AsyncConnection, Sequence[CodePosting]], Awaitable[None]]
_DRAWS_MAX = 20


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A new code and its digits; `repr` hides them."""

    code: PickupCode
    digits: str

    def __repr__(self) -> str:
        return f"IssuedCode({self.code.code_id})"


def codes_key(master_key: MasterKey) -> bytes:
    """The key of the codes' hashes; without it a stolen database gives no code away."""
    return master_key.derive("pickup_code")


def random_digits() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


class Codes:
    """One merchant's codes. `post_ledger` writes the postings of prepaid codes in the given transaction."""

    def __init__(
        self,
        database: Database,
        master_key: MasterKey,
        *,
        ids: Ids,
        clock: Clock,
        post_ledger: PostLedger,
        new_digits: Callable[[], str] = random_digits,
    ) -> None:
        self._database = database
        self._master_key = master_key
        self._ids = ids
        self._clock = clock
        self._post_ledger = post_ledger
        self._new_digits = new_digits
        self._repeats = Repeats(clock)

    async def issue(self, merchant_id: str, new: NewCodes) -> list[IssuedCode]:
        """Without a person, for a new installation. Raises `VendomatError(not_found)` when the machine does not sell
        the product."""
        async with self._database.merchant(merchant_id) as connection:
            return await self._issue(connection, merchant_id, new)

    async def issue_once(
        self, operator: Operator, key: RepeatKey, new: NewCodes, to_answer: Callable[[list[IssuedCode]], bytes]
    ) -> bytes:
        """A person's codes; the same request again gives the first answer again. The kept answer is sealed."""
        purpose = f"idempotency_key/{key.merchant_id}/{key.key}"
        async with self._database.merchant(key.merchant_id) as connection:

            async def effect() -> bytes:
                issued = await self._issue(connection, key.merchant_id, new)
                answer = to_answer(issued)
                for one in issued:
                    await self._note(connection, operator, "code.issued", one.code)
                return self._master_key.seal({"answer": answer.decode()}, purpose=purpose)

            sealed, _ = await self._repeats.once(connection, key, effect)
        return str(self._master_key.unseal(sealed, purpose=purpose)["answer"]).encode()

    async def list_codes(
        self, merchant_id: str, *, machine_id: str | None = None, after: Cursor | None = None, limit: int = 50
    ) -> Sequence[PickupCode]:
        """Newest first, at most `limit` of them, never their digits."""
        async with self._database.merchant(merchant_id) as connection:
            return await store.list_codes(connection, machine_id=machine_id, after=after, limit=limit)

    async def withdraw(self, operator: Operator, code_id: str) -> PickupCode:
        """Make a code worthless. Raises `VendomatError` (not_found, illegal_move once it is redeemed)."""
        now = self._clock.now()
        async with self._database.merchant(operator.merchant_id) as connection:
            code = await store.lock_code(connection, code_id)
            if code is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such code")
            if code.state is CodeState.WITHDRAWN:
                return code
            withdrawn = dataclasses.replace(code, state=MOVES.next(code.state, CodeEvent.WITHDRAW))
            await store.set_state(connection, code, withdrawn.state)
            if code.kind is CodeKind.PREPAID:
                await self._post_ledger(connection, [_posting(code, "prepaid_withdrawn", now)])
            await self._note(connection, operator, "code.withdrawn", code)
        return withdrawn

    async def _note(self, connection: AsyncConnection, operator: Operator, action: str, code: PickupCode) -> None:
        said = {
            "machine_id": code.machine_id,
            "product_id": code.product_id,
            "kind": code.kind.value,
            "value_minor": code.value.minor_units,
        }
        change = Change(
            merchant_id=code.merchant_id,
            actor=operator.operator_id,
            action=action,
            subject=code.code_id,
            at=self._clock.now(),
            after=said,
        )
        await note_change(connection, change)

    async def _issue(self, connection: AsyncConnection, merchant_id: str, new: NewCodes) -> list[IssuedCode]:
        now = self._clock.now()
        value = await store.price_at(connection, new.machine_id, new.product_id)
        if value is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "this machine does not sell this product; no code was issued")
        issued = [await self._draw(connection, self._new(merchant_id, new, value, now)) for _ in range(new.count)]
        if new.kind is CodeKind.PREPAID:
            await self._post_ledger(connection, [_posting(i.code, "prepaid_issued", now) for i in issued])
        return issued

    async def _draw(self, connection: AsyncConnection, code: PickupCode) -> IssuedCode:
        key = codes_key(self._master_key)
        for _ in range(_DRAWS_MAX):
            digits = self._new_digits()
            hashed = code_hash(key, code.merchant_id, code.machine_id, digits)
            if await store.insert_code(connection, code, hashed):
                return IssuedCode(code, digits)
        raise VendomatError(ErrorCode.UNAVAILABLE, "no free code was found at this machine; no code was issued")

    def _new(self, merchant_id: str, new: NewCodes, value: Money, now: datetime) -> PickupCode:
        return PickupCode(
            merchant_id=merchant_id,
            code_id=self._ids.new("cod"),
            machine_id=new.machine_id,
            kind=new.kind,
            product_id=new.product_id,
            value=value,
            state=MOVES.start,
            order_id="",
            issued_at=now,
            expires_at=now + new.life,
        )


def _posting(code: PickupCode, kind: str, at: datetime) -> CodePosting:
    return CodePosting(merchant_id=code.merchant_id, code_id=code.code_id, kind=kind, amount=code.value, at=at)
