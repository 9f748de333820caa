"""Pickup codes on a real database: issuing, entering, guessing, withdrawing, giving back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.cloud.shop_stage import Shop
from vendomat.cloud.codes import (
    CodeEntry,
    CodeKind,
    CodePosting,
    Codes,
    CodeState,
    IssuedCode,
    NewCodes,
    PickupCode,
    codes_key,
    enter_code,
    forget_failures,
    mark_redeemed,
    restore,
)
from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.platform.http import RepeatKey
from vendomat.kernel import ErrorCode, VendomatError

pytestmark = pytest.mark.slow


def person_of(merchant_id: str) -> Operator:
    return Operator(merchant_id, "opr_1", "ann@example.com", "Ann", Role.OWNER, "Test", "CNY")


class Counter:
    """Codes of one shop, with a ledger that remembers."""

    def __init__(self, shop: Shop, new_digits: Callable[[], str] | None = None) -> None:
        self.shop = shop
        self.posted: list[CodePosting] = []
        numbers = itertools.count(1)
        self.codes = Codes(
            shop.database,
            shop.master_key,
            ids=shop.ids,
            clock=shop.clock,
            post_ledger=self._post,
            new_digits=new_digits or (lambda: f"{next(numbers):08d}"),
        )

    async def _post(self, connection: AsyncConnection, postings: Sequence[CodePosting]) -> None:
        assert connection.in_transaction()
        self.posted += postings

    @property
    def owner(self) -> Operator:
        return person_of(self.shop.merchant_id)

    def wanted(self, kind: CodeKind = CodeKind.GIFT, count: int = 1, product: str = "cola") -> NewCodes:
        return NewCodes(self.shop.machine_id, self.shop.seeded.products[product], kind, count, timedelta(hours=24))

    async def issue(self, kind: CodeKind = CodeKind.GIFT, count: int = 1, product: str = "cola") -> list[IssuedCode]:
        return await self.codes.issue(self.shop.merchant_id, self.wanted(kind, count, product))

    async def enter(self, digits: str, machine: int = 0) -> PickupCode:
        """Type `digits` at a machine, in a transaction of its own."""
        shop = self.shop
        entry = CodeEntry(shop.merchant_id, shop.seeded.machines[machine].machine_id, digits, shop.clock.now())
        async with shop.database.hot.acquire() as connection, connection.transaction():
            found = await enter_code(connection, entry, key=codes_key(shop.master_key), ids=shop.ids)
        if isinstance(found, VendomatError):
            raise found
        return found

    async def refused(self, digits: str, machine: int = 0) -> ErrorCode:
        with pytest.raises(VendomatError) as caught:
            await self.enter(digits, machine)
        return caught.value.code

    async def redeem(self, code: PickupCode, order_id: str = "ord_1") -> bool:
        async with self.shop.database.hot.acquire() as connection, connection.transaction():
            return await mark_redeemed(connection, code, order_id, now=self.shop.clock.now())

    async def alarms(self) -> list[str]:
        rows = await self.shop.database.hot.fetch(
            "SELECT kind FROM alarm WHERE merchant_id = $1 ORDER BY kind", self.shop.merchant_id
        )
        return [row["kind"] for row in rows]


@pytest.fixture
def counter(shop: Shop) -> Counter:
    return Counter(shop)


async def test_a_code_stands_for_one_product_at_its_price(counter: Counter) -> None:
    (issued,) = await counter.issue()
    code = await counter.enter(issued.digits)
    assert (code.product_id, str(code.value)) == (counter.shop.seeded.products["cola"], "4.00 CNY")
    assert (code.kind, code.code_id) == (CodeKind.GIFT, issued.code.code_id)


async def test_checking_uses_nothing_up_and_redeeming_does(counter: Counter) -> None:
    (issued,) = await counter.issue()
    await counter.enter(issued.digits)
    code = await counter.enter(issued.digits)
    assert await counter.redeem(code) is True
    assert await counter.redeem(code, "ord_2") is False
    assert await counter.refused(issued.digits) is ErrorCode.CODE_REFUSED
    (kept,) = await counter.codes.list_codes(counter.shop.merchant_id)
    assert (kept.state, kept.order_id) == (CodeState.REDEEMED, "ord_1")


async def test_of_two_orders_at_once_one_gets_the_code(counter: Counter) -> None:
    (issued,) = await counter.issue()
    code = await counter.enter(issued.digits)
    won = await asyncio.gather(*(counter.redeem(code, f"ord_{n}") for n in range(4)))
    assert sorted(won) == [False, False, False, True]


async def test_a_code_whose_order_delivered_nothing_is_good_again(counter: Counter) -> None:
    (issued,) = await counter.issue()
    await counter.redeem(await counter.enter(issued.digits))
    key = (counter.shop.merchant_id, issued.code.code_id)
    async with counter.shop.database.hot.acquire() as connection:
        assert await restore(connection, [key, key]) == [issued.code.code_id]
        assert await restore(connection, [key]) == []
        assert await restore(connection, []) == []
    assert (await counter.enter(issued.digits)).order_id == ""


async def test_f51_a_code_is_good_at_its_own_machine_only(counter: Counter) -> None:
    """F51: a code is bound to one machine; another one refuses it."""
    (issued,) = await counter.issue()
    assert await counter.refused(issued.digits, machine=1) is ErrorCode.CODE_REFUSED
    await counter.enter(issued.digits)


async def test_expired_and_withdrawn_codes_read_like_wrong_ones(counter: Counter) -> None:
    first, second = await counter.issue(count=2)
    await counter.codes.withdraw(counter.owner, first.code.code_id)
    assert await counter.refused(first.digits) is ErrorCode.CODE_REFUSED
    await counter.shop.clock.advance(24 * 3600)
    assert await counter.refused(second.digits) is ErrorCode.CODE_REFUSED
    assert await counter.refused("99999999") is ErrorCode.CODE_REFUSED


async def test_five_wrong_tries_lock_the_machine_for_good_codes_too(counter: Counter) -> None:
    (issued,) = await counter.issue()
    for number in range(5):
        assert await counter.refused(f"9000000{number}") is ErrorCode.CODE_REFUSED
        assert (number == 4) == (await counter.alarms() == ["code.locked"])
    assert await counter.refused(issued.digits) is ErrorCode.CODE_LOCKED
    assert await counter.refused("90000009", machine=1) is ErrorCode.CODE_REFUSED
    await counter.shop.clock.advance(15 * 60)
    await counter.enter(issued.digits)


async def test_guesses_at_once_are_counted_one_by_one(counter: Counter) -> None:
    codes = await asyncio.gather(*(counter.refused(f"9100000{n}") for n in range(10)))
    assert codes.count(ErrorCode.CODE_REFUSED) == 5
    assert codes.count(ErrorCode.CODE_LOCKED) == 5


async def test_a_locked_machine_counts_no_further_tries(counter: Counter) -> None:
    for number in range(5):
        await counter.refused(f"9200000{number}")
    await counter.shop.clock.advance(14 * 60)
    await counter.refused("92000009")
    await counter.shop.clock.advance(60)
    assert await counter.refused("92000008") is ErrorCode.CODE_REFUSED


async def test_guessing_over_many_machines_locks_the_merchant(counter: Counter) -> None:
    (issued,) = await counter.issue()
    await counter.shop.as_hot_owner(
        "INSERT INTO code_attempt (merchant_id, machine_id, at) "
        "SELECT $1, 'elsewhere', $2 FROM generate_series(1, 199)",
        counter.shop.merchant_id,
        counter.shop.clock.now(),
    )
    assert await counter.refused("93000000", machine=1) is ErrorCode.CODE_REFUSED
    assert await counter.alarms() == ["code.guessing"]
    assert await counter.refused(issued.digits) is ErrorCode.CODE_LOCKED


async def test_old_tries_are_forgotten_by_the_job(counter: Counter) -> None:
    await counter.refused("94000000")
    async with counter.shop.database.hot.acquire() as connection:
        await forget_failures(connection, before=counter.shop.clock.now() + timedelta(seconds=1))
    left = await counter.shop.database.hot.fetchval(
        "SELECT count(*) FROM code_attempt WHERE merchant_id = $1", counter.shop.merchant_id
    )
    assert left == 0


async def test_the_database_keeps_no_digits(counter: Counter) -> None:
    (issued,) = await counter.issue()
    row = await counter.shop.database.hot.fetchrow(
        "SELECT p::text FROM pickup_code p WHERE code_id = $1", issued.code.code_id
    )
    assert issued.digits not in str(row) and issued.digits not in repr(issued)


async def test_digits_already_taken_are_drawn_again(shop: Shop) -> None:
    drawn = iter(["11111111", "11111111", "22222222"])
    counter = Counter(shop, lambda: next(drawn))
    issued = await counter.issue(count=2)
    assert [one.digits for one in issued] == ["11111111", "22222222"]


async def test_without_free_digits_nothing_is_issued(shop: Shop) -> None:
    counter = Counter(shop, lambda: "33333333")
    with pytest.raises(VendomatError) as caught:
        await counter.issue(CodeKind.PREPAID, count=2)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert await counter.codes.list_codes(shop.merchant_id) == []


async def test_prepaid_codes_are_posted_and_gifts_are_not(counter: Counter) -> None:
    await counter.issue(CodeKind.GIFT)
    await counter.issue(CodeKind.PRIZE)
    assert counter.posted == []
    issued = await counter.issue(CodeKind.PREPAID, count=2)
    assert [(p.kind, p.code_id, str(p.amount)) for p in counter.posted] == [
        ("prepaid_issued", one.code.code_id, "4.00 CNY") for one in issued
    ]
    counter.posted.clear()
    for _ in range(2):
        await counter.codes.withdraw(counter.owner, issued[0].code.code_id)
    assert [p.kind for p in counter.posted] == ["prepaid_withdrawn"]


async def test_a_redeemed_code_is_not_withdrawn(counter: Counter) -> None:
    (issued,) = await counter.issue()
    await counter.redeem(await counter.enter(issued.digits))
    with pytest.raises(VendomatError) as caught:
        await counter.codes.withdraw(counter.owner, issued.code.code_id)
    assert caught.value.code is ErrorCode.ILLEGAL_MOVE


async def test_another_merchant_issues_and_withdraws_nothing_here(counter: Counter) -> None:
    (issued,) = await counter.issue()
    with pytest.raises(VendomatError) as caught:
        await counter.codes.issue("mer_other", counter.wanted())
    assert caught.value.code is ErrorCode.NOT_FOUND
    with pytest.raises(VendomatError) as caught:
        await counter.codes.withdraw(person_of("mer_other"), issued.code.code_id)
    assert caught.value.code is ErrorCode.NOT_FOUND
    with pytest.raises(VendomatError) as caught:
        await counter.issue(product="gum")  # not in this machine's planogram
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_a_repeated_request_gives_the_same_codes_once(counter: Counter) -> None:
    def answer(issued: list[IssuedCode]) -> bytes:
        return ",".join(one.digits for one in issued).encode()

    key = RepeatKey(counter.shop.merchant_id, "/api/v1/codes", "key-1", b"body")
    ask = [counter.codes.issue_once(counter.owner, key, counter.wanted(count=2), answer) for _ in range(4)]
    assert set(await asyncio.gather(*ask)) == {b"00000001,00000002"}
    assert len(await counter.codes.list_codes(counter.shop.merchant_id)) == 2
    kept = await counter.shop.database.hot.fetchval(
        "SELECT answer FROM idempotency_key WHERE merchant_id = $1", counter.shop.merchant_id
    )
    assert b"00000001" not in kept
    other = RepeatKey(counter.shop.merchant_id, "/api/v1/codes", "key-1", b"another body")
    with pytest.raises(VendomatError) as caught:
        await counter.codes.issue_once(counter.owner, other, counter.wanted(), answer)
    assert caught.value.code is ErrorCode.IDEMPOTENCY_MISMATCH
    await counter.shop.clock.advance(24 * 3600)
    assert await counter.codes.issue_once(counter.owner, other, counter.wanted(), answer) == b"00000003"
