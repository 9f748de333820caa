"""The provider book: one open provider per account, settings taken up in time, all closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tests.cloud.sales.conftest import MERCHANT, World, world
from tests.cloud.sales.selling_stage import MASTER, Platform
from vendomat.cloud.merchants import PaymentAccount, PaymentAccounts
from vendomat.cloud.payments import ProviderBook
from vendomat.cloud.payments.book import KEPT_S, TokenBucket
from vendomat.kernel import ErrorCode, ManualClock, VendomatError

__all__ = ["world"]
pytestmark = pytest.mark.slow


class Openings:
    """Opens platforms and remembers which are open."""

    def __init__(self) -> None:
        self.opened: list[Counted] = []

    def open(self, channel: str, settings: Mapping[str, object], **_: object) -> Platform:
        self.opened.append(Counted(account=str(settings["mchid"])))
        return self.opened[-1]


class Counted(Platform):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def put(world: World, mchid: str) -> PaymentAccounts:
    accounts = PaymentAccounts(world.database, MASTER)
    await accounts.put(PaymentAccount(MERCHANT, "wechat", mchid, {"mchid": mchid}))
    return accounts


async def test_an_unchanged_account_keeps_its_provider_and_a_changed_one_gets_a_new_one(world: World) -> None:
    clock, openings = ManualClock(), Openings()
    accounts = await put(world, "1900000001")
    book = ProviderBook(accounts, clock, threads=1, lookups_per_second=1.0, open_provider=openings.open)
    first = await asyncio.gather(*(book.get(MERCHANT, "wechat") for _ in range(5)))
    for _ in range(3):
        await clock.advance(KEPT_S)
        assert await book.get(MERCHANT, "wechat") is first[0]
    assert len(openings.opened) == 1
    await put(world, "1900000002")
    assert await book.get(MERCHANT, "wechat") is first[0], "read again in a while, not at each call"
    await clock.advance(KEPT_S)
    assert (await book.get(MERCHANT, "wechat")).account == "1900000002"
    assert [one.closed for one in openings.opened] == [0, 0], "calls of the old one may be under way"
    await book.aclose()
    assert [one.closed for one in openings.opened] == [1, 1]


async def test_a_channel_without_an_account_is_not_offered(world: World) -> None:
    book = ProviderBook(PaymentAccounts(world.database, MASTER), ManualClock(), threads=1, lookups_per_second=1.0)
    with pytest.raises(VendomatError) as refused:
        await book.get(MERCHANT, "alipay")
    assert refused.value.code is ErrorCode.METHOD_UNAVAILABLE
    await book.aclose()


async def test_look_ups_beyond_the_rate_wait_their_turn() -> None:
    clock = ManualClock()
    bucket = TokenBucket(clock, 2.0, 2.0)
    assert [bucket.wait_s() for _ in range(4)] == [0.0, 0.0, 0.5, 1.0]
    await clock.advance(10.0)
    assert [bucket.wait_s() for _ in range(3)] == [0.0, 0.0, 0.5], "what was not used does not gather beyond the burst"
