"""The desk for members who leave: a blocked wallet's rest goes back, and the wallet is empty.

Everything of a pay-out is one transaction: what each top-up owes again, the rest by hand, and the row that says who
decided it. The refunds it numbers are asked for later, like all others. The division is made anew when it is carried
out; one that is not what was asked for any more is refused. Refuses to pay out a wallet that may still be spent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import asyncpg

from vendomat.cloud.ledger import Entry, post, postings
from vendomat.cloud.members import member_exists
from vendomat.cloud.merchants import Operator
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.desk_model import StoredMoneyReturned
from vendomat.cloud.sales.loading import load_purchases
from vendomat.cloud.sales.use_cases import Applied, apply_events
from vendomat.cloud.sales.writer import Writer
from vendomat.cloud.wallets import (
    GIVES_BACK,
    PAYOUT_MOVES,
    Division,
    Payout,
    PayoutMove,
    PayoutState,
    ToppedUp,
    Wallet,
    divide,
    follow,
    keep_payout,
    lock_payout,
    lock_wallet,
    payouts_of,
)
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError


@dataclass(frozen=True, slots=True)
class PayoutWish:
    """`amount_minor` is the whole balance, as the page showed it; the way by hand is needed for a rest by hand."""

    amount_minor: int
    hand_way: str
    hand_reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a pay-out would be now, and those that were."""

    wallet: Wallet | None
    division: Division
    payouts: tuple[Payout, ...]


_Written = tuple[Payout, tuple[Applied, ...]]
_Work = Callable[[asyncpg.Connection], Awaitable[_Written]]


class WalletPayouts:
    """Each method raises `VendomatError`; nothing was paid out then."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        *,
        settings: CloudSettings,
        clock: Clock,
        ids: Ids,
        alone_minor: int,
    ) -> None:
        """What is paid out above `alone_minor` waits for a second person."""
        self._database = database
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._alone_minor = alone_minor

    async def look(self, merchant_id: str, member_id: str) -> Outlook:
        return await self._database.write(lambda c: self._look(c, merchant_id, member_id))

    async def ask(self, operator: Operator, member_id: str, wish: PayoutWish) -> Payout:
        """Pay out what is stored; a large sum waits for a second person. The same again is the same pay-out."""
        return await self._written(lambda c: self._ask(c, operator, member_id, wish))

    async def agree(self, operator: Operator, payout_id: str) -> Payout:
        """The second person's word."""
        return await self._written(lambda c: self._agree(c, operator, payout_id))

    async def decline(self, operator: Operator, payout_id: str) -> Payout:
        """It is not paid out; the wallet stays as it is."""
        return await self._written(lambda c: self._decline(c, operator, payout_id))

    async def _written(self, work: _Work) -> Payout:
        payout, applied = await self._database.write(work)
        for one in applied:
            self._writer.follow(one)
        return payout

    async def _look(self, connection: asyncpg.Connection, merchant_id: str, member_id: str) -> Outlook:
        wallet = await lock_wallet(connection, merchant_id, member_id)
        payouts = tuple(await payouts_of(connection, merchant_id, member_id))
        if wallet is None:
            if not await member_exists(connection, merchant_id, member_id):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such member")
            return Outlook(None, Division((), 0), payouts)
        return Outlook(wallet, await self._division(connection, wallet), payouts)

    async def _ask(
        self, connection: asyncpg.Connection, operator: Operator, member_id: str, wish: PayoutWish
    ) -> _Written:
        wallet, division = await self._locked(connection, operator.merchant_id, member_id)
        known = await payouts_of(connection, operator.merchant_id, member_id)
        if again := _asked_again(known, operator, wish):
            return again, ()
        if any(one.state is PayoutState.ASKED for one in known):
            raise VendomatError(ErrorCode.CONFLICT, "a pay-out of this wallet waits for a second person already")
        _check(wallet, division, wish)
        has_rest = division.by_hand_minor > 0
        payout = Payout(
            merchant_id=operator.merchant_id,
            payout_id=self._ids.new("wpo"),
            member_id=member_id,
            amount_minor=wish.amount_minor,
            by_hand_minor=division.by_hand_minor,
            currency=wallet.currency,
            state=PayoutState.ASKED,
            hand_way=wish.hand_way if has_rest else "",
            hand_reference=wish.hand_reference if has_rest else "",
            reason=wish.reason,
            asked_by=operator.operator_id,
            asked_at=self._clock.now(),
        )
        await keep_payout(connection, payout)
        if payout.amount_minor > self._alone_minor:
            return payout, ()
        return await self._carry_out(connection, payout, division, operator)

    async def _agree(self, connection: asyncpg.Connection, operator: Operator, payout_id: str) -> _Written:
        payout = await self._open(connection, operator, payout_id, PayoutState.DONE)
        if payout.state is PayoutState.DONE:
            return payout, ()
        if payout.asked_by == operator.operator_id:
            raise VendomatError(ErrorCode.CONFLICT, "you asked for this; another person has to agree")
        wallet, division = await self._locked(connection, payout.merchant_id, payout.member_id)
        is_same = (wallet.balance_minor, division.by_hand_minor) == (payout.amount_minor, payout.by_hand_minor)
        if not (wallet.is_blocked and is_same):
            raise VendomatError(
                ErrorCode.CONFLICT, "this wallet is not what it was when it was asked; decline it and ask anew"
            )
        return await self._carry_out(connection, payout, division, operator)

    async def _decline(self, connection: asyncpg.Connection, operator: Operator, payout_id: str) -> _Written:
        payout = await self._open(connection, operator, payout_id, PayoutState.DECLINED)
        if payout.state is PayoutState.DECLINED:
            return payout, ()
        declined = self._decided(payout, PayoutMove.DECLINE, operator)
        await keep_payout(connection, declined)
        return declined, ()

    async def _open(
        self, connection: asyncpg.Connection, operator: Operator, payout_id: str, wanted: PayoutState
    ) -> Payout:
        payout = await lock_payout(connection, operator.merchant_id, payout_id)
        if payout is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such pay-out")
        if payout.state not in (PayoutState.ASKED, wanted):
            raise VendomatError(ErrorCode.CONFLICT, "something else was decided about this pay-out; nothing changed")
        return payout

    async def _locked(
        self, connection: asyncpg.Connection, merchant_id: str, member_id: str
    ) -> tuple[Wallet, Division]:
        """The wallet and its division, with the top-ups' orders locked before it, as every sale locks."""
        orders = [(merchant_id, one.order_id) for one in await self._topped_up(connection, merchant_id, member_id)]
        await load_purchases(connection, sorted(orders))
        wallet = await lock_wallet(connection, merchant_id, member_id)
        if wallet is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "this member has no wallet")
        return wallet, await self._division(connection, wallet)

    async def _division(self, connection: asyncpg.Connection, wallet: Wallet) -> Division:
        topped_up = await self._topped_up(connection, wallet.merchant_id, wallet.member_id)
        return divide(wallet.balance_minor, topped_up)

    async def _topped_up(self, connection: asyncpg.Connection, merchant_id: str, member_id: str) -> Sequence[ToppedUp]:
        since = self._clock.now() - GIVES_BACK
        return [
            ToppedUp(*row) for row in await payment_rows.find_topped_up(connection, merchant_id, member_id, since=since)
        ]

    def _decided(self, payout: Payout, move: PayoutMove, operator: Operator) -> Payout:
        state = PAYOUT_MOVES.next(payout.state, move)
        return replace(payout, state=state, decided_by=operator.operator_id, decided_at=self._clock.now())

    async def _carry_out(
        self, connection: asyncpg.Connection, payout: Payout, division: Division, operator: Operator
    ) -> _Written:
        now = self._clock.now()
        events = [
            (
                (payout.merchant_id, part.order_id),
                StoredMoneyReturned(
                    part.payment_id, part.amount_minor, payout.payout_id, operator.operator_id, payout.reason, now
                ),
            )
            for part in division.parts
        ]
        results = await apply_events(connection, events, self._settings, self._ids)
        applied = tuple(one for one in results if isinstance(one, Applied) and one.is_changed)
        assert len(applied) == len(events), "the top-ups are locked and untouched"
        if payout.by_hand_minor:
            posting = postings.wallet_paid_by_hand(payout.payout_id, payout.member_id, payout.by_hand_minor)
            entries = [Entry(payout.merchant_id, "", payout.currency, now, posting)]
            await post(connection, entries)
            await follow(connection, entries)
        done = self._decided(payout, PayoutMove.CARRY_OUT, operator)
        await keep_payout(connection, done)
        return done, applied


def _asked_again(known: Sequence[Payout], operator: Operator, wish: PayoutWish) -> Payout | None:
    wanted = (wish.amount_minor, wish.reason, operator.operator_id)
    newest = known[0] if known else None
    is_same = newest is not None and (newest.amount_minor, newest.reason, newest.asked_by) == wanted
    return newest if newest is not None and is_same and newest.state is PayoutState.ASKED else None


def _check(wallet: Wallet, division: Division, wish: PayoutWish) -> None:
    if not wallet.is_blocked:
        raise VendomatError(ErrorCode.CONFLICT, "block this wallet first, so that nobody pays with it meanwhile")
    if not 0 < wish.amount_minor == wallet.balance_minor:
        stored = Money(wallet.balance_minor, wallet.currency)
        raise VendomatError(ErrorCode.INVALID_AMOUNT, f"exactly {stored} is stored here; nothing was paid out")
    if division.by_hand_minor and not (wish.hand_way and wish.hand_reference):
        rest = Money(division.by_hand_minor, wallet.currency)
        raise VendomatError(
            ErrorCode.INVALID_VALUE, f"{rest} has to be paid by hand: say how, and where it can be found"
        )
