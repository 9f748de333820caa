"""Days that agree, bills that come late, and each difference: found, named, followed up, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.cloud.reconciliation.market import ACCOUNT, FEE, FIRST_DAY, PRICE, Market, noon
from tests.cloud.sales.conftest import MERCHANT
from vendomat.cloud.payments import BillRowKind, BillRowStatus, TradeRow, refund_number
from vendomat.cloud.sales import VendSaid

pytestmark = pytest.mark.slow

CLEARING = f"asset:clearing:wechat:{ACCOUNT}"
SECOND_DAY = FIRST_DAY + timedelta(days=1)
NOT_OURS = "20260601000000000001"


def day(n: int) -> date:
    return FIRST_DAY + timedelta(days=n - 1)


async def test_a_day_that_agrees_closes_with_its_fees_booked_once(market: Market) -> None:
    for n in range(3):
        await market.sell(noon(FIRST_DAY, n))
    await market.jam(noon(FIRST_DAY, 5))
    await market.run(SECOND_DAY)
    await market.run(SECOND_DAY, hour=23)
    assert (await market.items(), await market.days()) == ({}, {"06-01": "closed"})
    assert await market.balance("expense:fee:wechat") == 4 * FEE - FEE
    assert await market.balance(CLEARING) == 3 * PRICE - 3 * FEE
    row = await market.world.superuser.fetchrow("SELECT * FROM recon_day")
    assert (row["bill_rows"], row["ok_rows"], row["paid_minor"], row["refunded_minor"]) == (5, 5, 4 * PRICE, PRICE)
    assert (row["fee_minor"], row["closing_minor"]) == (3 * FEE, 3 * PRICE - 3 * FEE)
    lines = await market.world.superuser.fetch("SELECT txn_key FROM ledger_line WHERE txn_key LIKE 'fee:%'")
    assert {line[0] for line in lines} == {row["fee_txn"]} and len(lines) == 4  # taken and given back, both shown


async def test_a_day_without_trade_closes_and_an_early_morning_asks_for_nothing(market: Market) -> None:
    await market.run(FIRST_DAY, hour=10)  # the day before yesterday is the newest one due
    assert await market.days() == {"05-30": "closed"}
    await market.run(FIRST_DAY, hour=11)
    assert await market.days() == {"05-30": "closed", "05-31": "closed"}


async def test_a_bill_that_is_not_there_is_asked_for_again_and_nothing_is_concluded(market: Market) -> None:
    await market.sell(noon(FIRST_DAY))
    market.platform.not_yet.add(FIRST_DAY)
    await market.run(SECOND_DAY)
    await market.job.run()  # not due yet: not asked again
    asked = [call for call in market.platform.calls if call[0] == "bill.trade"]
    assert (await market.days(), await market.items()) == ({"06-01": "open"}, {}) and len(asked) == 1
    market.platform.not_yet.clear()
    await market.run(SECOND_DAY, hour=12)
    assert await market.days() == {"06-01": "closed"}


async def test_a_file_with_another_hash_or_without_sense_is_not_used(market: Market) -> None:
    await market.sell(noon(FIRST_DAY))
    market.platform.is_lying_about_hash = True
    await market.run(SECOND_DAY)
    assert await market.world.superuser.fetchval("SELECT count(*) FROM bill_file") == 0
    market.platform.is_lying_about_hash = False
    good = market.platform.bills[FIRST_DAY]
    market.platform.bills[FIRST_DAY] = [*good, replace(good[0], currency="USD", payment_number="x")]
    await market.run(SECOND_DAY, hour=13)
    kept = await market.world.superuser.fetchrow("SELECT * FROM bill_file")
    assert (kept["state"], kept["error"]) == ("unusable", "several currencies in one bill")
    assert await market.world.superuser.fetchval("SELECT kind FROM alarm") == "bill_missing"
    assert await market.balance("expense:fee:wechat") == 0
    market.platform.bills[FIRST_DAY] = good
    await market.run(SECOND_DAY, hour=23)
    assert await market.days() == {"06-01": "closed"}


async def test_a_lost_notice_is_applied_late_and_its_money_goes_back(market: Market) -> None:
    at = noon(FIRST_DAY)
    order_id, (number,) = await market.order(at)
    await market.give_up(order_id, number, at)
    market.platform.pays(number, at)
    await market.run(SECOND_DAY)
    refund = await market.world.superuser.fetchrow("SELECT * FROM refund")
    assert (refund["payment_id"], refund["amount_minor"], refund["state"]) == (number, PRICE, "requested")
    long, vend = ("06-01", "long", f"payment:{number}"), ("06-01", "vend", f"vend:{number}")
    assert await market.items() == {long: ("fixed", "nothing"), vend: ("open", "wait")}
    via = "SELECT data ->> 'via' FROM evidence WHERE kind = 'payment.paid'"
    assert await market.world.superuser.fetchval(via) == "bill"
    sent = await market.refunded(order_id, number, market.clock.now())
    market.platform.pays_back(number, sent, market.clock.now())
    await market.run(day(3))
    assert await market.items() == {long: ("fixed", "nothing"), vend: ("fixed", "nothing")}
    assert set((await market.days()).values()) == {"closed"}


async def test_a_charge_that_was_reversed_as_a_whole_is_no_difference(market: Market) -> None:
    at = noon(FIRST_DAY)
    order_id, (number,) = await market.order(at)
    await market.give_up(order_id, number, at)
    market.platform.pays(number, at)
    paid = market.platform.bills[FIRST_DAY][0]
    market.platform.lists(replace(paid, kind=BillRowKind.REFUND, fee_minor=-FEE))
    await market.run(SECOND_DAY)
    assert (await market.items(), await market.days()) == ({}, {"06-01": "closed"})
    assert await market.balance(CLEARING) == 0
    order_id, (number,) = await market.order(noon(SECOND_DAY))
    await market.give_up(order_id, number, noon(SECOND_DAY))
    market.platform.pays(number, noon(SECOND_DAY))
    paid = market.platform.bills[SECOND_DAY][0]
    market.platform.lists(replace(paid, kind=BillRowKind.REFUND, amount_minor=PRICE - 1))  # not all of it went back
    await market.run(day(3))
    assert {cls for _, cls, _ in await market.items()} == {"long", "refund_long", "vend"}


async def test_money_nobody_knows_of_is_held_until_a_person_explains_it(market: Market) -> None:
    market.platform.pays(NOT_OURS, noon(FIRST_DAY), 990)
    await market.run(SECOND_DAY)
    await market.run(day(3))
    (row,) = await market.world.superuser.fetch("SELECT * FROM recon_item")
    assert (row["class"], row["state"], row["fix"], row["bill_minor"]) == ("long", "open", "suspense", 990)
    assert await market.balance("suspense:long:wechat") == -990
    assert (await market.days())["06-01"] == "open"


async def test_a_payment_in_no_bill_waits_a_day_then_is_taken_off_the_account_and_said_aloud(market: Market) -> None:
    number = await market.sell(noon(FIRST_DAY))
    del market.platform.bills[FIRST_DAY], market.platform.trades[number]
    await market.run(SECOND_DAY)
    key = ("06-01", "timing", f"payment:{number}")
    assert await market.items() == {key: ("open", "wait")} and await market.balance("suspense:short:wechat") == 0
    await market.run(day(3))
    await market.run(day(4))
    assert await market.items() == {("06-01", "short", f"payment:{number}"): ("open", "review")}
    assert (await market.balance("suspense:short:wechat"), await market.balance(CLEARING)) == (PRICE, 0)
    alarm = await market.world.superuser.fetchrow("SELECT kind, count FROM alarm")
    assert tuple(alarm) == ("payment_short", 1)


async def test_a_platform_that_does_not_answer_proves_nothing(market: Market) -> None:
    number = await market.sell(noon(FIRST_DAY))
    del market.platform.bills[FIRST_DAY]
    await market.run(SECOND_DAY)
    await market.sell(noon(SECOND_DAY))
    await market.run(day(3), hour=10)
    bills = dict(market.platform.bills)

    async def away(verb: str) -> None:
        market.platform.is_away = verb == "look_up"

    market.platform.pause = away
    await market.run(day(3))
    assert bills == market.platform.bills
    assert (await market.items())["06-01", "short", f"payment:{number}"] == ("open", "look_up_payment")
    assert await market.balance("suspense:short:wechat") == 0


async def test_midnight_pairs_explain_each_other(market: Market) -> None:
    before_midnight = noon(FIRST_DAY, 12 * 60 - 1)
    number = await market.sell(before_midnight)
    (row,) = market.platform.bills.pop(FIRST_DAY)
    market.platform.lists(replace(row, at=before_midnight + timedelta(minutes=2)))
    await market.run(SECOND_DAY)
    assert await market.items() == {("06-01", "timing", f"payment:{number}"): ("open", "wait")}
    await market.run(day(3))
    subject = f"payment:{number}"
    assert await market.items() == {(d, "timing", subject): ("explained", "nothing") for d in ("06-01", "06-02")}
    assert set((await market.days()).values()) == {"closed"}


async def test_a_second_payment_of_an_order_must_have_gone_back(market: Market) -> None:
    at = noon(FIRST_DAY)
    number = await market.sell(at)
    order_id = await market.world.superuser.fetchval("SELECT order_id FROM payment")
    second = number[:-1] + ("0" if number[-1] != "0" else "1")
    await market.world.superuser.execute(
        "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, "
        "created_at, expires_at) SELECT merchant_id, $1, order_id, channel, account, amount_minor, currency, "
        "'created', created_at, expires_at FROM payment",
        second,
    )
    market.platform.pays(second, at + timedelta(minutes=1))
    await market.paid(order_id, second, at + timedelta(minutes=1))
    await market.run(SECOND_DAY)
    assert await market.items() == {("06-01", "dup", f"dup:{second}"): ("open", "wait")}
    refund = await market.refunded(order_id, second, market.clock.now())
    market.platform.pays_back(second, refund, market.clock.now())
    await market.run(day(3))
    assert (await market.items())["06-01", "dup", f"dup:{second}"] == ("explained", "nothing")
    assert set((await market.days()).values()) == {"closed"}


async def test_paid_and_neither_goods_nor_money_went_back(market: Market) -> None:
    at = noon(FIRST_DAY)
    order_id, (number,) = await market.order(at)
    market.platform.pays(number, at)
    await market.paid(order_id, number, at)
    await market.run(SECOND_DAY)
    assert await market.items() == {("06-01", "vend", f"vend:{number}"): ("open", "wait")}
    await market.vend(order_id, VendSaid.DELIVERED, market.clock.now())
    await market.run(day(3))
    assert (await market.items())["06-01", "vend", f"vend:{number}"] == ("fixed", "nothing")
    assert set((await market.days()).values()) == {"closed"}


async def test_refunds_are_asked_about_under_their_own_number_only(market: Market) -> None:
    old, old_refund = await market.jam(noon(FIRST_DAY))  # the bill is older than the refund's end
    gone, gone_refund = await market.jam(noon(FIRST_DAY, 1))  # in no bill, and the platform knows nothing of it
    rows = market.platform.bills[FIRST_DAY]
    market.platform.bills[FIRST_DAY] = [
        replace(row, status=BillRowStatus.PROCESSING) if row.refund_number == old_refund else row
        for row in rows
        if row.refund_number != gone_refund
    ]
    del market.platform.refunds[gone_refund]
    portal = TradeRow(
        0, BillRowKind.REFUND, BillRowStatus.SUCCEEDED, noon(FIRST_DAY), old, "x", 100, "CNY", 0, "portal1", "50x"
    )
    market.platform.lists(portal)
    await market.run(SECOND_DAY)
    await market.run(day(3))
    found = {(cls, subject.split(":")[0]): state for (_, cls, subject), state in (await market.items()).items()}
    assert found == {
        ("status", "refund"): ("explained", "nothing"),
        ("refund_short", "refund"): ("open", "review"),
        ("refund_long", "bill"): ("open", "suspense"),
    }
    assert await market.balance("suspense:short:wechat") == 100
    verbs = {(verb, number) for verb, number in market.platform.calls if verb in ("refund", "look_up_refund")}
    assert verbs == {("look_up_refund", old_refund), ("look_up_refund", gone_refund)}
    assert refund_number(gone, 1) == gone_refund


async def test_sums_that_differ_wait_for_a_person_and_fees_are_only_reported(market: Market) -> None:
    wrong, dear = await market.sell(noon(FIRST_DAY)), await market.sell(noon(FIRST_DAY, 1))
    rows = market.platform.bills[FIRST_DAY]
    market.platform.bills[FIRST_DAY] = [replace(rows[0], amount_minor=PRICE - 1), replace(rows[1], fee_minor=FEE + 2)]
    await market.world.superuser.execute("INSERT INTO fee_contract VALUES ($1, 'wechat', $2, 6000)", MERCHANT, ACCOUNT)
    await market.run(SECOND_DAY)
    assert await market.items() == {
        ("06-01", "amount", f"payment:{wrong}"): ("open", "review"),
        ("06-01", "fee", f"payment:{dear}"): ("explained", "report"),
    }
    assert await market.balance("expense:fee:wechat") == 2 * FEE + 2


async def test_the_account_must_add_up_and_payouts_are_booked(market: Market) -> None:
    await market.sell(noon(FIRST_DAY))
    market.platform.payouts[FIRST_DAY] = 300
    await market.run(SECOND_DAY)
    assert (await market.balance("asset:bank"), await market.balance(CLEARING)) == (300, PRICE - FEE - 300)
    await market.sell(noon(SECOND_DAY))
    market.platform.spoilt_funds[SECOND_DAY] = 7
    await market.run(day(3))
    assert await market.days() == {"06-01": "closed", "06-02": "open"}
    found = await market.items()
    assert {key[1:]: state[0] for key, state in found.items()} == {
        ("fund", "fund:opening"): "open",  # the row's amount does not lead to its balance
        ("fund", "fund:sum"): "open",
    }


async def test_a_bill_that_was_taken_cannot_be_replaced_and_its_file_cannot_be_written(market: Market) -> None:
    await market.sell(noon(FIRST_DAY))
    await market.run(SECOND_DAY)
    digest = await market.world.superuser.fetchval("SELECT sha256 FROM bill_file WHERE kind = 'trade'")
    path = market.shelf.path_of(digest)
    assert path.stat().st_mode & 0o777 == 0o400
    with pytest.raises(Exception, match="stays as it is"):
        await market.world.hot.execute("UPDATE bill_file SET sha256 = repeat('0', 64)")
