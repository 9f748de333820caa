"""Coupons as a merchant issues them: drawn once, kept as hashes, withdrawn; and which of them count when."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cloud.shop_stage import Shop
from vendomat.cloud.promotions import (
    Coupon,
    Coupons,
    Limits,
    NewCoupons,
    Promotions,
    coupon_hash,
    coupons_key,
    find_coupon,
)
from vendomat.cloud.promotions.coupons.model import ALPHABET, CODE_LETTERS
from vendomat.cloud.promotions.coupons.service import random_code
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.pricing import Kind, Promotion

AT = datetime(2026, 11, 23, tzinfo=UTC)
BY = "opr_1"
MINUTE = timedelta(minutes=1)
GOOD = Coupon("mer_1", "cpn_1", "prm_1", 1, None, None, is_withdrawn=False)


@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        ({}, True),
        ({"left": 0}, False),
        ({"is_withdrawn": True}, False),
        ({"starts_at": AT}, True),
        ({"starts_at": AT + MINUTE}, False),
        ({"ends_at": AT + MINUTE}, True),
        ({"ends_at": AT}, False),
    ],
)
def test_a_coupon_is_good_in_its_time_while_uses_are_left(changes: dict[str, Any], is_good: bool) -> None:
    same = {name: getattr(GOOD, name) for name in Coupon.__slots__}
    assert Coupon(**same | changes).is_good(AT) is is_good


@pytest.mark.parametrize(
    "wrong",
    [
        {"word": "ABC"},
        {"word": "A" * 17},
        {"word": "summer"},
        {"word": "SUMMER\n"},
        {"word": "SUMMER", "count": 2},
        {"count": 0},
        {"count": 1_001},
        {"uses_each": 0},
        {"uses_each": 1_000_001},
        {"starts_at": AT, "ends_at": AT},
    ],
)
def test_what_makes_no_coupon_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(VendomatError) as refused:
        NewCoupons("prm_1", **wrong).check()
    assert refused.value.code is ErrorCode.INVALID_VALUE


@pytest.mark.parametrize("fine", [{"word": "SALE"}, {"word": "A" * 16, "uses_each": 1_000_000}, {"count": 1_000}])
def test_the_limits_themselves_are_allowed(fine: dict[str, Any]) -> None:
    new = NewCoupons("prm_1", starts_at=AT, ends_at=AT + MINUTE, **fine)
    assert new.check() is new


def test_drawn_codes_are_long_and_of_letters_that_nobody_mistakes() -> None:
    codes = {random_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == CODE_LETTERS and set(code) <= set(ALPHABET) for code in codes)
    assert len(ALPHABET) == 32 and not set("01IO") & set(ALPHABET)


class Counter:
    """Coupons of one shop, drawn from a list."""

    def __init__(self, shop: Shop, codes: Sequence[str] = ()) -> None:
        self.shop = shop
        drawn = itertools.chain(codes, (f"CODE{n:04}" for n in itertools.count(1)))
        self.promotions = Promotions(shop.database, shop.ids, shop.clock)
        self.coupons = Coupons(
            shop.database, shop.master_key, ids=shop.ids, clock=shop.clock, new_code=lambda: next(drawn)
        )

    async def promotion(self, *, is_active: bool = True, **rule: Any) -> str:
        rule = {"kind": Kind.PERCENT, "basis_points": 2_000, "coupon": "wanted"} | rule
        promotion = Promotion(promotion_id="", name="Coupon", **rule)
        kept = await self.promotions.create(self.shop.merchant_id, promotion, Limits(), by=BY)
        if is_active:
            await self.promotions.activate(self.shop.merchant_id, kept.rule.promotion_id, version=1, by=BY)
        return kept.rule.promotion_id

    async def issue(self, promotion_id: str, **new: Any) -> tuple[str, list[str]]:
        batch, codes = await self.coupons.issue(self.shop.merchant_id, NewCoupons(promotion_id, **new), by=BY)
        return batch.batch_id, codes

    async def finds(self, code: str) -> str:
        """The promotion that a code typed at the shop's machine lets count; "" for none."""
        shop = self.shop
        hashed = coupon_hash(coupons_key(shop.master_key), shop.merchant_id, code)
        async with shop.database.hot.acquire() as connection:
            machine = (shop.merchant_id, shop.machine_id, frozenset[str]())
            found = await find_coupon(connection, machine, hashed, shop.clock.now())
        return "" if found is None else found[0].promotion_id


@pytest.fixture
def counter(shop: Shop) -> Counter:
    return Counter(shop)


@pytest.mark.slow
async def test_codes_are_given_once_and_kept_as_hashes(counter: Counter) -> None:
    promotion_id = await counter.promotion()
    batch_id, codes = await counter.issue(promotion_id, count=3)
    assert codes == ["CODE0001", "CODE0002", "CODE0003"]
    assert [await counter.finds(code) for code in (*codes, "CODE0004")] == [promotion_id] * 3 + [""]
    kept = await counter.shop.database.hot.fetch(
        "SELECT b::text, c::text FROM coupon_batch b JOIN coupon c USING (batch_id)"
    )
    assert len(kept) == 3 and not any("CODE000" in text for row in kept for text in row)
    (listed,) = await counter.coupons.all_of(counter.shop.merchant_id, promotion_id)
    assert (listed.batch_id, listed.count, listed.used, listed.word) == (batch_id, 3, 0, "")
    said = await counter.shop.database.hot.fetchrow(
        "SELECT actor, subject, content FROM change_entry WHERE action = 'coupon.issued'"
    )
    assert (said[0], said[1]) == (BY, batch_id) and "CODE000" not in str(said[2])


@pytest.mark.slow
async def test_a_word_stands_for_one_coupon_until_that_is_withdrawn(counter: Counter) -> None:
    promotion_id = await counter.promotion()
    batch_id, codes = await counter.issue(promotion_id, word="SUMMER", uses_each=5)
    assert codes == ["SUMMER"] and await counter.finds("SUMMER") == promotion_id
    with pytest.raises(VendomatError) as twice:
        await counter.issue(promotion_id, word="SUMMER")
    assert twice.value.code is ErrorCode.CONFLICT
    merchant_id = counter.shop.merchant_id
    withdrawn = await counter.coupons.withdraw(merchant_id, promotion_id, batch_id, by=BY)
    assert withdrawn.withdrawn_at == counter.shop.clock.now() and await counter.finds("SUMMER") == ""
    again = await counter.coupons.withdraw(merchant_id, promotion_id, batch_id, by=BY)
    assert again.withdrawn_at == withdrawn.withdrawn_at
    other = await counter.promotion()
    await counter.issue(other, word="SUMMER")
    assert await counter.finds("SUMMER") == other


@pytest.mark.slow
async def test_a_code_that_is_drawn_twice_is_drawn_again(shop: Shop) -> None:
    counter = Counter(shop, ["SAME0001", "SAME0001", "SAME0002", "SAME0001", "SAME0003"])
    promotion_id = await counter.promotion()
    assert (await counter.issue(promotion_id))[1] == ["SAME0001"]
    assert sorted((await counter.issue(promotion_id, count=2))[1]) == ["SAME0002", "SAME0003"]


@pytest.mark.slow
async def test_no_free_code_issues_nothing(shop: Shop) -> None:
    counter = Counter(shop, ["SAME0001"] * 100)
    promotion_id = await counter.promotion()
    await counter.issue(promotion_id)
    with pytest.raises(VendomatError) as none_free:
        await counter.issue(promotion_id)
    assert none_free.value.code is ErrorCode.UNAVAILABLE
    assert len(await counter.coupons.all_of(shop.merchant_id, promotion_id)) == 1


@pytest.mark.slow
async def test_a_code_counts_only_where_and_while_its_promotion_does(counter: Counter) -> None:
    shop = counter.shop
    elsewhere = await counter.promotion(machines=(shop.seeded.machines[1].machine_id,))
    draft = await counter.promotion(is_active=False)
    short = await counter.promotion(ends_at=shop.clock.now() + MINUTE)
    for promotion_id, word in ((elsewhere, "ELSEWHERE"), (draft, "DRAFT"), (short, "SHORT")):
        await counter.issue(promotion_id, word=word)
    later = shop.clock.now() + MINUTE
    await counter.issue(short, word="LATER", starts_at=later)
    assert [await counter.finds(word) for word in ("ELSEWHERE", "DRAFT", "LATER", "SHORT")] == ["", "", "", short]
    await shop.clock.advance(60)
    assert await counter.finds("SHORT") == ""


@pytest.mark.slow
async def test_coupons_need_a_promotion_that_wants_them(counter: Counter) -> None:
    shop = counter.shop
    for promotion_id, code in (
        (await counter.promotion(coupon=""), ErrorCode.CONFLICT),
        ("prm_" + "9" * 26, ErrorCode.NOT_FOUND),
    ):
        with pytest.raises(VendomatError) as refused:
            await counter.issue(promotion_id)
        assert refused.value.code is code
    with pytest.raises(VendomatError) as unknown:
        await counter.coupons.all_of(shop.merchant_id, "prm_" + "9" * 26)
    assert unknown.value.code is ErrorCode.NOT_FOUND
    wanting = await counter.promotion()
    with pytest.raises(VendomatError):
        await counter.coupons.withdraw(shop.merchant_id, wanting, "cpb_" + "9" * 26, by=BY)
    await counter.promotions.end(shop.merchant_id, wanting, version=2, by=BY)
    with pytest.raises(VendomatError) as ended:
        await counter.issue(wanting)
    assert ended.value.code is ErrorCode.CONFLICT
