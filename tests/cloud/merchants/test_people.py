"""A merchant's people: invited by a link that works once, changed, deactivated; and never without an owner."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial

import pytest

from tests.cloud.shop_stage import PASSWORD, Shop, open_shop
from vendomat.cloud.changes import ChangeLog
from vendomat.cloud.changes.store import ChangeFilter
from vendomat.cloud.merchants import (
    Merchants,
    NewMerchant,
    NewOperator,
    NewPerson,
    Operator,
    OwnAccount,
    People,
    Role,
    SignIns,
)
from vendomat.cloud.merchants.people import Invitation
from vendomat.kernel import ErrorCode, VendomatError, derive_id

pytestmark = pytest.mark.slow
NEW_PASSWORD = "another long word"


class Office:
    """The owner's desk of one shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.people = People(shop.database, shop.passwords, ids=shop.ids, clock=shop.clock)
        self.sign_ins = SignIns(shop.database, shop.passwords, shop.clock)
        self.account = OwnAccount(shop.database, shop.passwords, self.sign_ins, shop.clock)
        self.email = f"ann.{shop.seeded.email}"

    @property
    def owner(self) -> Operator:
        seeded = self.shop.seeded
        return Operator(seeded.merchant_id, seeded.operator_id, seeded.email, "Demo", Role.OWNER, "S", "CNY")

    async def invite(self, role: Role = Role.MANAGER) -> Invitation:
        return await self.people.invite(self.owner, NewPerson(self.email, "Ann", role))

    async def sign_in(self, password: str = NEW_PASSWORD) -> Operator:
        session = await self.sign_ins.sign_in(self.email, password, address=self.shop.address)
        return await self.sign_ins.operator_of(session.token)

    async def state_of(self, operator_id: str) -> str:
        everybody = await self.people.everybody(self.shop.merchant_id)
        return next(one.state.value for one in everybody if one.operator_id == operator_id)

    async def told(self) -> list[str]:
        rows = await ChangeLog(self.shop.database).find(self.shop.merchant_id, ChangeFilter(), limit=50)
        return [row["action"] for row in reversed(rows)]


@pytest.fixture
def office(shop: Shop) -> Office:
    return Office(shop)


async def refused(awaited: object) -> ErrorCode:
    with pytest.raises(VendomatError) as caught:
        await awaited  # type: ignore[misc]
    return caught.value.code


async def _site(shop: Shop, number: int) -> str:
    site_id = derive_id("sit", shop.merchant_id, number)
    await shop.as_hot_owner(
        "INSERT INTO site (merchant_id, site_id, name, owner, created_at) VALUES ($1, $2, 'Lobby', 'Wang', now())",
        shop.merchant_id,
        site_id,
    )
    return site_id


async def test_a_site_owner_is_given_sites_and_nobody_else_is(office: Office, database_url: str) -> None:
    people, first, second = office.people, await _site(office.shop, 1), await _site(office.shop, 2)
    async with open_shop(database_url) as other:
        strange = await _site(other, 1)

    def new(role: Role, *site_ids: str) -> NewPerson:
        return NewPerson(office.email, "Ann", role, site_ids)

    for wrong in (new(Role.SITE_OWNER), new(Role.MANAGER, first)):
        assert await refused(people.invite(office.owner, wrong)) is ErrorCode.INVALID_VALUE
    for unknown in (strange, derive_id("sit", "nowhere")):
        wrong = new(Role.SITE_OWNER, first, unknown)
        assert await refused(people.invite(office.owner, wrong)) is ErrorCode.NOT_FOUND
    made = await people.invite(office.owner, new(Role.SITE_OWNER, second, first, first))
    person_id = made.person.operator_id
    assert made.person.site_ids == tuple(sorted((first, second)))

    async def sites_of() -> tuple[str, ...]:
        everybody = await people.everybody(office.shop.merchant_id)
        return next(one.site_ids for one in everybody if one.operator_id == person_id)

    assert await sites_of() == made.person.site_ids
    change = partial(people.change, office.owner, person_id, name="Ann")
    assert await refused(change(role=Role.SITE_OWNER)) is ErrorCode.INVALID_VALUE
    assert await refused(change(role=Role.SITE_OWNER, site_ids=[strange])) is ErrorCode.NOT_FOUND
    assert await sites_of() == made.person.site_ids
    await change(role=Role.SITE_OWNER, site_ids=[second])
    assert await sites_of() == (second,)
    await change(role=Role.READ_ONLY)
    assert await sites_of() == ()


async def test_one_is_invited_and_joins_with_a_password_of_their_own(office: Office) -> None:
    made = await office.invite(Role.FINANCE)
    assert await refused(office.sign_in("")) is ErrorCode.NOT_SIGNED_IN
    invited = await office.people.look(made.token)
    assert (invited.email, invited.role, invited.merchant_id) == (office.email, Role.FINANCE, office.shop.merchant_id)
    await office.people.accept(made.token, NEW_PASSWORD)
    operator = await office.sign_in()
    assert (operator.operator_id, operator.role) == (made.person.operator_id, Role.FINANCE)
    assert await office.told() == ["person.invited", "person.joined"]


async def test_a_link_works_once_and_the_database_knows_its_hash_only(office: Office) -> None:
    made = await office.invite()
    async with office.shop.database.auth() as connection:
        found = await connection.exec_driver_sql("SELECT token_hash FROM operator_invitation")
        kept = [bytes(one) for one in found.scalars()]
    assert all(len(one) == hashlib.sha256().digest_size and made.token.encode() not in one for one in kept)
    done = await asyncio.gather(
        *(office.people.accept(made.token, NEW_PASSWORD) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(one, VendomatError) for one in done) == 2
    assert await refused(office.people.look(made.token)) is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("token", ["", "x", "ü", "A" * 43, "A" * 44])
async def test_what_is_no_link_invites_nobody(office: Office, token: str) -> None:
    await office.invite()
    assert await refused(office.people.accept(token, NEW_PASSWORD)) is ErrorCode.NOT_FOUND


async def test_a_link_ends_after_three_days_and_when_a_new_one_is_made(office: Office) -> None:
    first = await office.invite()
    second = await office.people.invite_again(office.owner, first.person.operator_id)
    assert await refused(office.people.look(first.token)) is ErrorCode.NOT_FOUND
    await office.shop.clock.advance(3 * 24 * 3600 - 1)
    await office.people.look(second.token)
    await office.shop.clock.advance(1)
    assert await refused(office.people.accept(second.token, NEW_PASSWORD)) is ErrorCode.NOT_FOUND


async def test_a_new_link_resets_whoever_uses_it(office: Office) -> None:
    made = await office.invite()
    await office.people.accept(made.token, NEW_PASSWORD)
    session = await office.sign_ins.sign_in(office.email, NEW_PASSWORD, address=office.shop.address)
    again = await office.people.invite_again(office.owner, made.person.operator_id)
    await office.sign_ins.operator_of(session.token)
    await office.people.accept(again.token, "a third long word")
    assert await refused(office.sign_ins.operator_of(session.token)) is ErrorCode.NOT_SIGNED_IN
    assert await refused(office.sign_in()) is ErrorCode.NOT_SIGNED_IN
    await office.sign_in("a third long word")


async def test_an_email_belongs_to_one_person(office: Office) -> None:
    await office.invite()
    assert await refused(office.invite()) is ErrorCode.CONFLICT
    assert await office.told() == ["person.invited"]


async def test_a_deactivated_person_is_signed_out_and_comes_back_by_a_new_link(office: Office) -> None:
    made = await office.invite()
    await office.people.accept(made.token, NEW_PASSWORD)
    session = await office.sign_ins.sign_in(office.email, NEW_PASSWORD, address=office.shop.address)
    for _ in range(2):
        await office.people.deactivate(office.owner, made.person.operator_id)
    assert await refused(office.sign_ins.operator_of(session.token)) is ErrorCode.NOT_SIGNED_IN
    assert await refused(office.sign_in()) is ErrorCode.NOT_SIGNED_IN
    back = await office.people.invite_again(office.owner, made.person.operator_id)
    assert await office.state_of(made.person.operator_id) == "invited"
    await office.people.accept(back.token, NEW_PASSWORD)
    await office.sign_in()
    assert await office.told() == [
        "person.invited",
        "person.joined",
        "person.deactivated",
        "person.invited_again",
        "person.joined",
    ]


async def test_a_waiting_link_ends_with_a_deactivation(office: Office) -> None:
    made = await office.invite()
    await office.people.deactivate(office.owner, made.person.operator_id)
    assert await refused(office.people.accept(made.token, NEW_PASSWORD)) is ErrorCode.NOT_FOUND


async def test_the_last_owner_stays(office: Office) -> None:
    owner = office.owner
    invited = await office.invite(Role.OWNER)
    for move in (
        office.people.change(owner, owner.operator_id, name="Demo", role=Role.MANAGER),
        office.people.deactivate(owner, owner.operator_id),
    ):
        assert await refused(move) is ErrorCode.CONFLICT, "an owner who has not joined is none yet"
    await office.people.accept(invited.token, NEW_PASSWORD)
    both = (owner.operator_id, invited.person.operator_id)
    for _ in range(10):
        left = await asyncio.gather(
            *(office.people.change(owner, one, name="Ann", role=Role.READ_ONLY) for one in both), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in left) == ["Person", "VendomatError"], left
        for one in both:
            await office.people.change(owner, one, name="Ann", role=Role.OWNER)
    done = await asyncio.gather(
        office.people.deactivate(owner, owner.operator_id),
        office.people.change(owner, invited.person.operator_id, name="Ann", role=Role.READ_ONLY),
        return_exceptions=True,
    )
    assert [isinstance(one, VendomatError) for one in done].count(True) == 1, "of two at once one stays an owner"


async def test_a_role_is_changed_at_once_and_noted(office: Office) -> None:
    made = await office.invite()
    await office.people.accept(made.token, NEW_PASSWORD)
    session = await office.sign_ins.sign_in(office.email, NEW_PASSWORD, address=office.shop.address)
    for _ in range(2):
        await office.people.change(office.owner, made.person.operator_id, name="Anna", role=Role.TECHNICIAN)
    operator = await office.sign_ins.operator_of(session.token)
    assert (operator.name, operator.role) == ("Anna", Role.TECHNICIAN)
    assert (await office.told()).count("person.changed") == 1


async def test_people_of_another_merchant_are_nobody_here(office: Office) -> None:
    shop = office.shop
    merchants = Merchants(shop.database, shop.passwords, shop.ids, shop.clock)
    _, other = await merchants.create(
        NewMerchant("Other", "Other"), NewOperator(f"o.{shop.seeded.email}", "Other", PASSWORD)
    )
    stranger = other.operator_id
    assert stranger not in [one.operator_id for one in await office.people.everybody(shop.merchant_id)]
    for move in (
        office.people.change(office.owner, stranger, name="x", role=Role.READ_ONLY),
        office.people.deactivate(office.owner, stranger),
        office.people.invite_again(office.owner, stranger),
    ):
        assert await refused(move) is ErrorCode.NOT_FOUND


async def test_a_new_password_needs_the_old_one_and_ends_other_sessions(office: Office) -> None:
    shop = office.shop
    await office.people.accept((await office.invite()).token, NEW_PASSWORD)
    elsewhere = await office.sign_ins.sign_in(office.email, NEW_PASSWORD, address=shop.address, agent="Phone")
    here = await office.sign_in()
    wrong = office.account.change_password(here, "wrong word", "a third long word", address=shop.address)
    assert await refused(wrong) is ErrorCode.FORBIDDEN
    short = office.account.change_password(here, NEW_PASSWORD, "short", address=shop.address)
    assert await refused(short) is ErrorCode.INVALID_VALUE
    assert await office.account.change_password(here, NEW_PASSWORD, "a third long word", address=shop.address) == 1
    assert await refused(office.sign_ins.operator_of(elsewhere.token)) is ErrorCode.NOT_SIGNED_IN
    assert [one.session_id for one in await office.account.sessions(here)] == [here.session_id]
    await office.sign_in("a third long word")


async def test_guessing_the_old_password_is_counted_like_signing_in(office: Office) -> None:
    await office.people.accept((await office.invite()).token, NEW_PASSWORD)
    here = await office.sign_in()
    for _ in range(5):
        guess = office.account.change_password(here, "wrong word", "a third long word", address=office.shop.address)
        assert await refused(guess) is ErrorCode.FORBIDDEN
    right = office.account.change_password(here, NEW_PASSWORD, "a third long word", address=office.shop.address)
    assert await refused(right) is ErrorCode.RATE_LIMITED


async def test_sessions_are_ended_one_by_one_and_only_ones_own(office: Office) -> None:
    shop = office.shop
    await office.people.accept((await office.invite()).token, NEW_PASSWORD)
    owners = await office.sign_ins.sign_in(shop.seeded.email, PASSWORD, address=shop.address)
    elsewhere = await office.sign_ins.sign_in(office.email, NEW_PASSWORD, address=shop.address, agent="Phone")
    here = await office.sign_in()
    seen = {one.session_id: one for one in await office.account.sessions(here)}
    there = next(one for one in seen.values() if one.agent == "Phone")
    assert len(seen) == 2 and there.source == shop.address
    await office.account.end_session(here, there.session_id)
    assert await refused(office.sign_ins.operator_of(elsewhere.token)) is ErrorCode.NOT_SIGNED_IN
    foreign = (await office.sign_ins.operator_of(owners.token)).session_id
    for gone in (there.session_id, foreign, "0" * 64):
        assert await refused(office.account.end_session(here, gone)) is ErrorCode.NOT_FOUND
    assert await office.account.end_others(here) == 0
