"""What a wallet pays and takes, as far as its limits say."""

from __future__ import annotations

import pytest

from vendomat.cloud.wallets import (
    OpenTopUps,
    Wallet,
    WalletLimits,
    WalletRefusal,
    check_top_up,
    refusal_of,
)
from vendomat.kernel import ErrorCode, Money, VendomatError

LIMITS = WalletLimits(
    top_up_min_minor=100,
    top_up_max_minor=500,
    top_up_day_max_minor=800,
    balance_max_minor=1000,
    spend_day_max_minor=600,
)


def wallet(balance: int, *, is_blocked: bool = False) -> Wallet:
    return Wallet("mer_1", "mbr_1", "CNY", balance, is_blocked)


@pytest.mark.parametrize(
    ("balance", "amount", "spent", "refusal"),
    [
        (350, 350, 0, None),
        (349, 350, 0, WalletRefusal.SHORT),
        (900, 350, 250, None),
        (900, 350, 251, WalletRefusal.DAY_LIMIT),
        (100, 350, 600, WalletRefusal.SHORT),
    ],
)
def test_what_it_pays(balance: int, amount: int, spent: int, refusal: WalletRefusal | None) -> None:
    assert refusal_of(wallet(balance), Money(amount, "CNY"), spent, LIMITS) is refusal
    assert refusal_of(wallet(balance, is_blocked=True), Money(amount, "CNY"), spent, LIMITS) is WalletRefusal.BLOCKED


def test_no_wallet_and_foreign_money_pay_nothing() -> None:
    assert refusal_of(None, Money(1, "CNY"), 0, LIMITS) is WalletRefusal.SHORT
    assert refusal_of(wallet(900), Money(1, "USD"), 0, LIMITS) is WalletRefusal.SHORT


@pytest.mark.parametrize(
    ("balance", "waiting", "day", "least", "most"),
    [(0, 0, 0, 100, 500), (600, 0, 0, 100, 400), (400, 200, 200, 100, 400), (0, 0, 500, 100, 300), (950, 0, 0, 0, 0)],
)
def test_what_may_be_topped_up(balance: int, waiting: int, day: int, least: int, most: int) -> None:
    begun = OpenTopUps(waiting, day)
    for amount in {1, least - 1, most + 1, 10_000} - {0, -1}:
        with pytest.raises(VendomatError) as caught:
            check_top_up(wallet(balance), Money(amount, "CNY"), begun, LIMITS)
        assert caught.value.code is ErrorCode.INVALID_AMOUNT
        assert caught.value.detail["max_minor"] == max(0, most or 1000 - balance - waiting)
    if most:
        for amount in (least, most):
            check_top_up(wallet(balance), Money(amount, "CNY"), begun, LIMITS)


def test_a_blocked_wallet_and_foreign_money_take_nothing() -> None:
    begun = OpenTopUps(0, 0)
    with pytest.raises(VendomatError, match="blocked"):
        check_top_up(wallet(0, is_blocked=True), Money(200, "CNY"), begun, LIMITS)
    with pytest.raises(VendomatError, match="CNY"):
        check_top_up(wallet(0), Money(200, "USD"), begun, LIMITS)
