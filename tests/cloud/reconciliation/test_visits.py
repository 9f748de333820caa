"""What was collected for visits at coolers agrees with the bill, which lists it under the platform's own numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cloud.reconciliation.market import FIRST_DAY, Market, fee_of, noon
from tests.cloud.sales.conftest import MACHINE, MERCHANT
from tests.cloud.sales.selling_stage import ACCOUNT
from vendomat.cloud.payments import BillRowKind, BillRowStatus, TradeRow

pytestmark = pytest.mark.slow
FUND = f"asset:clearing:wechat:{ACCOUNT}"


async def _paid_visit(market: Market, at: object) -> None:
    run = market.world.superuser.execute
    await run(f"INSERT INTO cooler VALUES ('{MERCHANT}', '{MACHINE}', 2000, true)")
    await run(
        "INSERT INTO cooler_visit (merchant_id, visit_id, machine_id, request_id, channel, account, currency, "
        "ceiling_minor, created_at, agree_by, state, cmd_id, command_state, owed_minor, paid_minor, transaction_id, "
        "paid_at, next_try_at) VALUES ($1, 'vis_1', $2, 'r', 'wechat', $3, 'CNY', 2000, $4, $4, 'paid', 'cmd_v', "
        "'done', 700, 700, 'T-VISIT', $4, $4)",
        MERCHANT,
        MACHINE,
        ACCOUNT,
        at,
    )
    await run(
        "WITH t AS (INSERT INTO ledger_transaction VALUES ($1, 'visit_paid:vis_1', 'visit_collected', 'vis_1', $2)) "
        "INSERT INTO ledger_line SELECT $1, 'visit_paid:vis_1', n, a, m, 'CNY', $2 "
        "FROM (VALUES (1, $3, 700), (2, 'asset:receivable', -700)) AS l (n, a, m)",
        MERCHANT,
        at,
        FUND,
    )


def _listed(market: Market, at: object, minor: int = 700) -> None:
    kind, status = BillRowKind.PAYMENT, BillRowStatus.SUCCEEDED
    market.platform.lists(TradeRow(0, kind, status, at, "9" * 30, "T-VISIT", minor, "CNY", fee_of(minor)))  # type: ignore[arg-type]


async def test_a_collected_visit_agrees(market: Market) -> None:
    await _paid_visit(market, noon(FIRST_DAY))
    _listed(market, noon(FIRST_DAY))
    await market.run(FIRST_DAY + timedelta(days=1))
    assert (await market.items(), await market.days()) == ({}, {"06-01": "closed"})


async def test_a_visit_is_found_in_the_next_days_bill(market: Market) -> None:
    await _paid_visit(market, noon(FIRST_DAY, 12 * 60 - 1))
    _listed(market, noon(FIRST_DAY + timedelta(days=1), -12 * 60 + 1))
    await market.run(FIRST_DAY + timedelta(days=2))
    await market.run(FIRST_DAY + timedelta(days=3))
    assert await market.balance("suspense:long:wechat") == 0
    assert {state for state, _ in (await market.items()).values()} <= {"closed", "explained", "fixed"}


async def test_another_sum_is_a_difference(market: Market) -> None:
    await _paid_visit(market, noon(FIRST_DAY))
    _listed(market, noon(FIRST_DAY), 600)
    await market.run(FIRST_DAY + timedelta(days=1))
    assert [subject for _, _, subject in await market.items()] == ["payment:vis_1"]
