"""Signing in with a second factor: asked for after the password, good once, counted like every try."""

from __future__ import annotations

import asyncio
import base64

import pytest

from tests.cloud.merchants.test_people import Office, refused
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.merchants import SecondFactor, Session, SignIns
from vendomat.cloud.merchants.totp import code_of, step_at
from vendomat.kernel import ErrorCode

pytestmark = pytest.mark.slow


class Phone:
    """The owner's phone with its app."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.office = Office(shop)
        self.second = SecondFactor(shop.database, shop.master_key, shop.clock)
        self.sign_ins = SignIns(shop.database, shop.passwords, shop.clock, second_factor=self.second)
        self.secret = b""

    def code(self) -> str:
        return code_of(self.secret, step_at(self.shop.clock.now()))

    async def next_code(self) -> str:
        await self.shop.clock.advance(30)
        return self.code()

    async def enrol(self) -> list[str]:
        made = await self.second.begin(self.office.owner)
        self.secret = base64.b32decode(made.secret)
        return await self.second.confirm(self.office.owner, self.code())

    async def sign_in(self, code: str = "", password: str = PASSWORD) -> Session:
        return await self.sign_ins.sign_in(self.shop.seeded.email, password, address=self.shop.address, code=code)


@pytest.fixture
def phone(shop: Shop) -> Phone:
    return Phone(shop)


async def test_a_code_is_asked_for_after_the_password_and_only_then(phone: Phone) -> None:
    await phone.sign_in()
    await phone.enrol()
    assert await refused(phone.sign_in()) is ErrorCode.SECOND_FACTOR_REQUIRED
    assert await refused(phone.sign_in(await phone.next_code(), "wrong word")) is ErrorCode.NOT_SIGNED_IN
    await phone.sign_in(phone.code())


async def test_a_code_signs_in_once(phone: Phone) -> None:
    await phone.enrol()
    assert await refused(phone.sign_in(phone.code())) is ErrorCode.SECOND_FACTOR_REQUIRED, "it confirmed the enrolment"
    code = await phone.next_code()
    done = await asyncio.gather(*(phone.sign_in(code) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(one, Session) for one in done) == 1


async def test_a_secret_counts_only_once_it_was_shown_to_work(phone: Phone) -> None:
    made = await phone.second.begin(phone.office.owner)
    phone.secret = base64.b32decode(made.secret)
    assert await refused(phone.second.confirm(phone.office.owner, "000000")) is ErrorCode.FORBIDDEN
    await phone.sign_in()
    await phone.second.confirm(phone.office.owner, phone.code())
    assert await refused(phone.second.begin(phone.office.owner)) is ErrorCode.CONFLICT
    assert await phone.office.told() == ["second_factor.switched_on"]


async def test_a_recovery_code_signs_in_once_without_the_phone(phone: Phone) -> None:
    codes = await phone.enrol()
    assert len(set(codes)) == 10
    await phone.sign_in(codes[3].upper())
    assert await refused(phone.sign_in(codes[3])) is ErrorCode.SECOND_FACTOR_REQUIRED
    assert (await phone.second.standing(phone.office.owner)).recovery_left == 9


async def test_guessing_codes_is_counted_like_signing_in(phone: Phone) -> None:
    await phone.enrol()
    for _ in range(5):
        assert await refused(phone.sign_in("000000")) is ErrorCode.SECOND_FACTOR_REQUIRED
    assert await refused(phone.sign_in(await phone.next_code())) is ErrorCode.RATE_LIMITED


async def test_neither_secret_nor_recovery_code_stands_in_the_database(phone: Phone) -> None:
    codes = await phone.enrol()
    async with phone.shop.database.merchant(phone.shop.merchant_id) as connection:
        sealed = (await connection.exec_driver_sql("SELECT secret_sealed FROM operator_totp")).scalars().all()
        hashes = (await connection.exec_driver_sql("SELECT code_hash FROM operator_recovery_code")).scalars().all()
    kept = b"".join(bytes(one) for one in [*sealed, *hashes])
    for secret in (phone.secret, base64.b64encode(phone.secret), *(code.encode() for code in codes)):
        assert secret not in kept


async def test_it_is_switched_off_by_a_code_and_by_a_new_invitation(phone: Phone) -> None:
    await phone.enrol()
    owner = phone.office.owner
    assert await refused(phone.second.switch_off(owner, "000000")) is ErrorCode.FORBIDDEN
    await phone.second.switch_off(owner, await phone.next_code())
    await phone.sign_in()
    await phone.enrol()
    link = await phone.office.people.invite_again(owner, owner.operator_id)
    await phone.office.people.accept(link.token, "a third long word")
    await phone.sign_in(password="a third long word")


async def test_where_it_cannot_be_checked_nobody_who_has_one_signs_in(phone: Phone) -> None:
    await phone.enrol()
    bare = SignIns(phone.shop.database, phone.shop.passwords, phone.shop.clock)
    asked = bare.sign_in(phone.shop.seeded.email, PASSWORD, address=phone.shop.address, code=await phone.next_code())
    assert await refused(asked) is ErrorCode.UNAVAILABLE
