"""A merchant requires a second factor: whoever has none can do nothing but set one up; nobody is locked out."""

from __future__ import annotations

import base64

import httpx
import pytest

from tests.cloud.app.conftest import browser, public_app, stranger
from tests.cloud.merchants.authenticator import Authenticator
from tests.cloud.merchants.test_passkeys import HOME, PASSKEYS, PROOF, Desk, desk, refused
from tests.cloud.merchants.test_people import Office
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.merchants import Merchants, NewOperator, Role
from vendomat.cloud.merchants.totp import code_of, step_at

__all__ = ["browser", "desk", "public_app", "stranger"]
pytestmark = pytest.mark.slow

REQUIRED = "/api/v1/people/second-factor"
SECOND = "/api/v1/account/second-factor"
SESSION = "/api/v1/session"


async def require(desk: Desk, *, is_required: bool = True) -> httpx.Response:
    return await desk.browser.put(REQUIRED, json={"is_required": is_required})


async def arrive(desk: Desk, email: str) -> dict[str, bool]:
    await desk.leave()
    answer = await desk.browser.post(SESSION, json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    session: dict[str, bool] = answer.json()
    return session


@pytest.fixture
async def colleague(desk: Desk, shop: Shop) -> str:
    """The e-mail of a manager without a second factor, of whom one is required."""
    email = f"ann.{shop.seeded.email}"
    await Merchants(shop.database, shop.passwords, shop.ids, shop.clock).add_operator(
        shop.merchant_id, NewOperator(email=email, name="Ann", password=PASSWORD, role=Role.MANAGER)
    )
    assert (await desk.add()).status_code == 201
    assert (await desk.browser.post(f"{SECOND}/recovery-codes")).status_code == 200
    assert (await require(desk)).status_code == 204
    return email


async def test_an_owner_without_one_cannot_require_it(desk: Desk) -> None:
    assert refused(await require(desk)) == "conflict"
    assert (await desk.browser.get(SESSION)).json()["merchant"]["is_second_factor_required"] is False


async def test_an_owner_whose_one_passkey_may_be_lost_makes_recovery_codes_first(desk: Desk, shop: Shop) -> None:
    assert (await desk.add()).status_code == 201
    assert refused(await require(desk)) == "conflict"
    codes = (await desk.browser.post(f"{SECOND}/recovery-codes")).json()["recovery_codes"]
    assert (await require(desk)).status_code == 204
    await desk.leave()
    lost = {"email": shop.seeded.email, "password": PASSWORD, "code": codes[0]}
    assert (await desk.browser.post(SESSION, json=lost)).json()["lacks_second_factor"] is False


async def test_two_passkeys_stand_for_each_other(desk: Desk, shop: Shop) -> None:
    await desk.add()
    desk.device = Authenticator(HOME, number=-hash(shop.seeded.email))
    assert (await desk.add()).status_code == 201
    assert (await require(desk)).status_code == 204


async def test_whoever_has_none_sets_one_up_and_goes_on(desk: Desk, shop: Shop, colleague: str) -> None:
    assert (await arrive(desk, colleague))["lacks_second_factor"] is True
    for path in ("/api/v1/machines", "/api/v1/account/sessions", "/api/v1/roles", "/api/v1/events/stream"):
        assert refused(await desk.browser.get(path)) == "second_factor_missing"
    begun = await desk.browser.post(SECOND)
    secret = base64.b32decode(begun.json()["secret"])
    code = code_of(secret, step_at(shop.clock.now()))
    assert (await desk.browser.post(f"{SECOND}/confirm", json={"code": code})).status_code == 200
    assert (await desk.browser.get(SESSION)).json()["lacks_second_factor"] is False
    assert (await desk.browser.get("/api/v1/machines")).status_code == 200
    await shop.clock.advance(30)
    code = code_of(secret, step_at(shop.clock.now()))
    assert refused(await desk.browser.post(f"{SECOND}/off", json={"code": code})) == "conflict", "it is the last"


async def test_a_passkey_is_one(desk: Desk, colleague: str) -> None:
    await arrive(desk, colleague)
    desk.device = Authenticator(HOME, number=-hash(colleague))
    made = (await desk.add()).json()
    assert (await desk.browser.get("/api/v1/machines")).status_code == 200
    assert refused(await desk.browser.delete(f"{PASSKEYS}/{made['id']}")) == "conflict"
    await desk.leave()
    assert (await desk.sign_in()).json()["lacks_second_factor"] is False


async def test_a_password_alone_adds_no_factor_to_those_there_are(desk: Desk, shop: Shop, colleague: str) -> None:
    assert (await arrive(desk, shop.seeded.email))["lacks_second_factor"] is True
    for path in (SECOND, f"{PASSKEYS}/begin"):
        assert refused(await desk.browser.post(path)) == "second_factor_missing"
    assert (await desk.browser.put(PROOF, json={"password": PASSWORD})).status_code == 200
    assert refused(await desk.browser.get("/api/v1/machines")) == "second_factor_missing"
    assert (await desk.prove()).status_code == 200
    assert (await desk.browser.get("/api/v1/machines")).status_code == 200


async def test_sessions_from_before_are_asked_too_and_it_can_be_given_up(
    desk: Desk, shop: Shop, colleague: str
) -> None:
    assert (await require(desk, is_required=False)).status_code == 204
    await arrive(desk, colleague)
    assert (await desk.browser.get("/api/v1/machines")).status_code == 200
    await desk.leave()
    await desk.sign_in()
    await require(desk)
    await require(desk)
    told = await Office(shop).told()
    assert [one for one in told if one.startswith("second_factor")] == [
        "second_factor.required",
        "second_factor.not_required",
        "second_factor.required",
    ]


async def test_only_who_may_change_people_requires_it(desk: Desk, shop: Shop, colleague: str) -> None:
    assert (await require(desk, is_required=False)).status_code == 204
    await arrive(desk, colleague)
    assert refused(await require(desk, is_required=False)) == "forbidden"
