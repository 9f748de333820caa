"""The platforms change their keys while we sell: the old and the new one are believed, side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.cloud.sales.at_platforms.conftest import urls
from tests.cloud.sales.at_platforms.shop import PRICE, House, Shop, open_house
from tests.cloud.sales.selling_stage import MASTER
from vendomat.cloud.merchants import PaymentAccounts
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.simulator.gateways import KeyMode

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NEXT_SECRET = "whsec_next"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres: PostgresEngine, database_url: str, spare_keys: list[RSAPrivateKey]) -> AsyncIterator[House]:
    """WeChat Pay and Alipay sign by certificates here, which they may change without telling anybody."""
    async with open_house(urls(postgres, database_url), spare_keys, mode=KeyMode.CERTIFICATE) as opened:
        yield opened


async def begin_change(shop: Shop) -> None:
    """From now on the platform signs by both, or some by the one and some by the other."""
    if shop.channel == "wechat":
        shop.platform.rotate_certificate(newest_percent=50)
    elif shop.channel == "alipay":
        shop.platform.seals.authority.rotate()
    else:
        sign_events_by(shop, *shop.platform.books_now.accounts[shop.account].webhook_secrets, NEXT_SECRET)


async def end_change(shop: Shop) -> None:
    """The old one is gone. What we have to be told of the new one (Stripe's secret) we have been told."""
    if shop.channel == "wechat":
        shop.platform.sign_by_newest(100)
    elif shop.channel == "stripe":
        sign_events_by(shop, NEXT_SECRET)
        account = shop.house.accounts["stripe"]
        told = replace(account, settings=account.settings | {"webhook_secrets": [NEXT_SECRET]})
        await PaymentAccounts(shop.house.database, MASTER).put(told)
        await shop.pass_time(60)


def sign_events_by(shop: Shop, *secrets: str) -> None:
    books = shop.platform.books_now
    books.add_account(replace(books.accounts[shop.account], webhook_secrets=secrets))


async def sell_and_give_back(shop: Shop) -> None:
    """A sale told by notice, and its refund: the platform's word is believed at once."""
    number = await shop.offer()
    shop.pay(number, is_told=True)
    await shop.heard(lambda: shop.notice_of(number).state == "accepted")
    assert shop.notice_of(number).sendings == 1
    assert await shop.one("SELECT state FROM payment WHERE payment_id = $1", number) == "paid"
    order_id = await shop.one("SELECT order_id FROM payment WHERE payment_id = $1", number)
    assert await shop.one("SELECT count(*) FROM command WHERE order_id = $1", order_id) == 1
    await shop.refuse()
    await shop.settle_refunds()
    assert shop.given_back(number) == [("SUCCESS", PRICE)]


async def test_pf26_keys_change_while_we_sell(shop: Shop) -> None:
    await sell_and_give_back(shop)
    await shop.pass_time(61)  # a strange number is asked for once a minute
    await begin_change(shop)
    for _ in range(3):
        await sell_and_give_back(shop)
    await end_change(shop)
    await sell_and_give_back(shop)
