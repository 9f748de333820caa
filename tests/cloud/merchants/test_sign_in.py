"""Signing in: sessions, and refusals that tell nothing and cannot be hurried."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.merchants import Merchants, NewMerchant, NewOperator, PaymentAccount, PaymentAccounts, SignIns
from vendomat.kernel import ErrorCode, VendomatError

pytestmark = pytest.mark.slow


@pytest.fixture
def sign_ins(shop: Shop) -> SignIns:
    return SignIns(shop.database, shop.passwords, shop.clock)


async def refusal(sign_ins: SignIns, email: str, password: str, address: str) -> VendomatError:
    with pytest.raises(VendomatError) as caught:
        await sign_ins.sign_in(email, password, address=address)
    return caught.value


async def test_a_session_is_the_operators_until_it_ends(shop: Shop, sign_ins: SignIns) -> None:
    session = await sign_ins.sign_in(f" {shop.seeded.email.upper()} ", PASSWORD, address=shop.address)
    operator = await sign_ins.operator_of(session.token)
    assert (operator.merchant_id, operator.operator_id) == (shop.merchant_id, shop.seeded.operator_id)
    await shop.clock.advance(12 * 3600 - 1)
    await sign_ins.operator_of(session.token)
    await shop.clock.advance(1)
    with pytest.raises(VendomatError, match="session has ended"):
        await sign_ins.operator_of(session.token)


async def test_signing_out_ends_the_session_at_once(shop: Shop, sign_ins: SignIns) -> None:
    session = await sign_ins.sign_in(shop.seeded.email, PASSWORD, address=shop.address)
    await sign_ins.sign_out(session.token)
    with pytest.raises(VendomatError):
        await sign_ins.operator_of(session.token)
    await sign_ins.sign_out(session.token)


async def test_the_database_keeps_only_the_hash_of_a_session(shop: Shop, sign_ins: SignIns) -> None:
    session = await sign_ins.sign_in(shop.seeded.email, PASSWORD, address=shop.address)
    async with shop.database.auth() as connection:
        found = await connection.exec_driver_sql(
            "SELECT session_hash FROM operator_session WHERE operator_id = $1", (shop.seeded.operator_id,)
        )
        (kept,) = found.scalars().all()
    assert len(bytes(kept)) == hashlib.sha256().digest_size
    assert session.token.encode() not in bytes(kept)


@pytest.mark.parametrize("token", ["", "x", "ü", "A" * 43, "A" * 44, "../../etc", "A" * 5000])
async def test_what_is_no_session_opens_nothing(sign_ins: SignIns, token: str) -> None:
    with pytest.raises(VendomatError) as caught:
        await sign_ins.operator_of(token)
    assert caught.value.code is ErrorCode.NOT_SIGNED_IN


async def test_unknown_person_and_wrong_password_read_the_same(shop: Shop, sign_ins: SignIns) -> None:
    wrong = await refusal(sign_ins, shop.seeded.email, "wrong password", shop.address)
    unknown = await refusal(sign_ins, "nobody@vendomat.example", PASSWORD, shop.address)
    assert (wrong.code, wrong.message, wrong.detail) == (unknown.code, unknown.message, unknown.detail)
    assert wrong.code is ErrorCode.NOT_SIGNED_IN


async def test_five_wrong_tries_close_the_email_even_for_the_right_password(shop: Shop, sign_ins: SignIns) -> None:
    for number in range(5):
        refused = await refusal(sign_ins, shop.seeded.email, "wrong", f"10.9.0.{number}")
        assert refused.code is ErrorCode.NOT_SIGNED_IN
    closed = await refusal(sign_ins, shop.seeded.email, PASSWORD, "10.9.0.99")
    assert closed.code is ErrorCode.RATE_LIMITED
    assert closed.detail["retry_after_s"] == 901
    await shop.clock.advance(15 * 60)
    await sign_ins.sign_in(shop.seeded.email, PASSWORD, address="10.9.0.99")


async def test_tries_at_once_are_counted_one_by_one(shop: Shop, sign_ins: SignIns) -> None:
    tries = [refusal(sign_ins, shop.seeded.email, "wrong", f"10.7.0.{number}") for number in range(12)]
    codes = [refused.code for refused in await asyncio.gather(*tries)]
    assert codes.count(ErrorCode.NOT_SIGNED_IN) == 5
    assert codes.count(ErrorCode.RATE_LIMITED) == 7


async def test_five_wrong_tries_close_the_address_for_every_email(shop: Shop, sign_ins: SignIns) -> None:
    for number in range(5):
        await refusal(sign_ins, f"guess{number}@vendomat.example", "wrong", shop.address)
    assert (await refusal(sign_ins, shop.seeded.email, PASSWORD, shop.address)).code is ErrorCode.RATE_LIMITED
    await sign_ins.sign_in(shop.seeded.email, PASSWORD, address="10.8.0.1")


async def test_addresses_of_one_ipv6_subscriber_count_together(shop: Shop, sign_ins: SignIns) -> None:
    for number in range(5):
        await refusal(sign_ins, f"six{number}@vendomat.example", "wrong", f"2001:db8:5:6::{number + 1}")
    closed = await refusal(sign_ins, shop.seeded.email, PASSWORD, "2001:db8:5:6:ffff::1")
    assert closed.code is ErrorCode.RATE_LIMITED


async def test_right_passwords_are_not_counted(shop: Shop, sign_ins: SignIns) -> None:
    for _ in range(8):
        await sign_ins.sign_in(shop.seeded.email, PASSWORD, address=shop.address)


async def test_a_refusal_leaves_a_security_event_without_the_password(shop: Shop, sign_ins: SignIns) -> None:
    await refusal(sign_ins, shop.seeded.email, "my other password", shop.address)
    rows = await shop.database.hot.fetch("SELECT * FROM security_event WHERE merchant_id = $1", shop.merchant_id)
    assert [row["kind"] for row in rows] == ["sign_in.refused"]
    assert "other password" not in str(rows)


async def test_purging_forgets_what_has_ended(shop: Shop, sign_ins: SignIns) -> None:
    await sign_ins.sign_in(shop.seeded.email, PASSWORD, address=shop.address)
    await refusal(sign_ins, shop.seeded.email, "wrong", shop.address)
    await shop.clock.advance(13 * 3600)
    await sign_ins.purge()
    async with shop.database.auth() as connection:
        for table in ("operator_session", "sign_in_attempt"):
            assert (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one() == 0


async def test_one_email_signs_in_for_one_merchant_only(shop: Shop) -> None:
    merchants = Merchants(shop.database, shop.passwords, shop.ids, shop.clock)
    with pytest.raises(VendomatError) as caught:
        await merchants.create(
            NewMerchant(name="Other", payee="Other"),
            NewOperator(email=shop.seeded.email.upper(), name="x", password=PASSWORD),
        )
    assert caught.value.code is ErrorCode.CONFLICT
    rows = await shop.database.hot.fetch("SELECT 1 FROM merchant WHERE name = 'Other'")
    assert rows == []


@pytest.mark.parametrize(("email", "password"), [("no-at", PASSWORD), ("a@b\x00", PASSWORD), ("a@b.example", "short")])
async def test_unusable_log_ins_are_refused(shop: Shop, email: str, password: str) -> None:
    merchants = Merchants(shop.database, shop.passwords, shop.ids, shop.clock)
    with pytest.raises(VendomatError) as caught:
        await merchants.add_operator(shop.merchant_id, NewOperator(email=email, name="x", password=password))
    assert caught.value.code is ErrorCode.INVALID_VALUE


async def test_payment_accounts_are_kept_sealed_and_open_for_their_merchant_only(shop: Shop) -> None:
    accounts = PaymentAccounts(shop.database, shop.master_key)
    account = PaymentAccount(shop.merchant_id, "wechat", "1900000001", {"private_key": "do not show"})
    await accounts.put(account)
    assert await accounts.find(shop.merchant_id, "wechat") == account
    assert account in await accounts.all_in_use()
    assert await accounts.find(shop.merchant_id, "alipay") is None
    kept = await shop.database.hot.fetchval(
        "SELECT settings_sealed FROM payment_account WHERE merchant_id = $1", shop.merchant_id
    )
    assert b"do not show" not in kept
    assert "do not show" not in repr(account)
    other, _ = await Merchants(shop.database, shop.passwords, shop.ids, shop.clock).create(
        NewMerchant(name="Thief", payee="T"),
        NewOperator(email=f"t{shop.address}@x.example", name="t", password=PASSWORD),
    )
    async with shop.database.merchant(other.merchant_id) as connection:
        await connection.exec_driver_sql(
            "INSERT INTO payment_account (merchant_id, channel, account, settings_sealed) "
            "VALUES ($1, 'wechat', 'x', $2)",
            (other.merchant_id, kept),
        )
    with pytest.raises(VendomatError) as caught:
        await accounts.find(other.merchant_id, "wechat")
    assert caught.value.code is ErrorCode.BAD_SIGNATURE
