"""Passkeys: made, used and removed by their person; true for one site, one challenge and one purpose, once."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import httpx
import pytest

from tests.cloud.app.conftest import browser, public_app, stranger
from tests.cloud.merchants.authenticator import Authenticator
from tests.cloud.merchants.test_people import Office
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.merchants.passkey_wire import NewCredential, Site, challenge_of, checked_use, site_at
from vendomat.kernel import VendomatError

__all__ = ["browser", "public_app", "stranger"]
pytestmark = pytest.mark.slow

HOME = "http://localhost:8080"
PASSKEYS = "/api/v1/account/passkeys"
SIGN_IN = "/api/v1/session/passkey"
PROOF = "/api/v1/session/proof"
_numbers = itertools.count(1)


class Desk:
    """A person's browser with a device beside it."""

    def __init__(self, browser: httpx.AsyncClient, device: Authenticator) -> None:
        self.browser = browser
        self.device = device

    async def options(self, path: str) -> dict[str, Any]:
        answer = await self.browser.post(f"{path}/begin")
        assert answer.status_code == 200, answer.text
        options: dict[str, Any] = answer.json()["options"]
        return options

    async def add(self, name: str = "Laptop") -> httpx.Response:
        made = self.device.make(await self.options(PASSKEYS))
        return await self.browser.post(PASSKEYS, json={"name": name, "credential": made})

    async def sign_in(self, answer: dict[str, Any] | None = None) -> httpx.Response:
        said = answer or self.device.use(await self.options(SIGN_IN))
        return await self.browser.post(SIGN_IN, json={"credential": said})

    async def prove(self, answer: dict[str, Any] | None = None) -> httpx.Response:
        return await self.browser.put(PROOF, json={"passkey": answer or self.device.use(await self.options(PROOF))})

    async def leave(self) -> None:
        self.browser.cookies.clear()


@pytest.fixture
def desk(browser: httpx.AsyncClient) -> Desk:
    return Desk(browser, Authenticator(HOME, number=next(_numbers)))


def refused(answer: httpx.Response) -> str:
    assert answer.status_code >= 400, answer.text
    return str(answer.json()["code"])


async def test_a_passkey_signs_in_alone_and_says_when_it_last_did(desk: Desk, shop: Shop) -> None:
    made = await desk.add()
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["last_used_at"]) == ("Laptop", None)
    await desk.leave()
    await shop.clock.advance(60)
    session = await desk.sign_in()
    assert session.status_code == 200, session.text
    assert session.json()["operator"]["id"] == shop.seeded.operator_id
    (listed,) = (await desk.browser.get(PASSKEYS)).json()["data"]
    assert listed["last_used_at"] > listed["created_at"]
    assert (await desk.browser.get(PROOF)).json()["ways"] == ["password", "passkey"]
    assert await Office(shop).told() == ["passkey.added"]


async def test_it_is_found_without_a_name_and_asks_who_holds_it(desk: Desk) -> None:
    options = await desk.options(PASSKEYS)
    assert options["rp"]["id"] == "localhost"
    wanted = options["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    asked = await desk.options(SIGN_IN)
    assert asked["userVerification"] == "required" and not asked.get("allowCredentials")


async def test_an_answer_is_good_once(desk: Desk) -> None:
    await desk.add()
    answer = desk.device.use(await desk.options(SIGN_IN))
    assert (await desk.sign_in(answer)).status_code == 200
    assert refused(await desk.sign_in(answer)) == "forbidden"


async def test_a_challenge_ends_after_five_minutes(desk: Desk, shop: Shop) -> None:
    await desk.add()
    answer = desk.device.use(await desk.options(SIGN_IN))
    await shop.clock.advance(300)
    assert refused(await desk.sign_in(answer)) == "forbidden"


async def test_a_challenge_has_one_purpose(desk: Desk) -> None:
    await desk.add()
    to_prove = desk.device.use(await desk.options(PROOF))
    assert refused(await desk.sign_in(to_prove)) == "forbidden"
    to_sign_in = desk.device.use(await desk.options(SIGN_IN))
    assert refused(await desk.prove(to_sign_in)) == "forbidden"


@pytest.mark.parametrize("origin", ["http://localhost:8081", "https://localhost:8080", "http://evil.example"])
async def test_a_page_elsewhere_gets_no_answer_that_counts(desk: Desk, origin: str) -> None:
    await desk.add()
    desk.device.origin = origin
    assert refused(await desk.sign_in()) == "forbidden"
    assert refused(await desk.add("second")) == "forbidden"


async def test_a_device_that_does_not_know_who_holds_it_is_one_factor_only(desk: Desk) -> None:
    desk.device.is_known = False
    assert refused(await desk.add()) == "forbidden"
    desk.device.is_known = True
    await desk.add()
    desk.device.is_known = False
    assert refused(await desk.sign_in()) == "forbidden"


async def test_a_copy_is_noticed_by_its_count(desk: Desk) -> None:
    await desk.add()
    await desk.sign_in()
    desk.device.uses = 0
    assert refused(await desk.sign_in()) == "forbidden"


async def test_what_is_no_answer_is_refused_alike(desk: Desk) -> None:
    await desk.add()
    good = desk.device.use(await desk.options(SIGN_IN))
    forged = {**good["response"], "signature": base64.urlsafe_b64encode(b"x" * 70).decode().rstrip("=")}
    for answer in ({}, {"response": 1}, {**good, "rawId": "!"}, {**good, "rawId": 7}, {**good, "response": forged}):
        assert refused(await desk.browser.post(SIGN_IN, json={"credential": answer})) in ("forbidden", "rate_limited")


async def test_wrong_answers_are_counted(desk: Desk) -> None:
    for _ in range(5):
        assert refused(await desk.sign_in({"rawId": "AA"})) == "forbidden"
    assert refused(await desk.sign_in({"rawId": "AA"})) == "rate_limited"


async def test_it_proves_who_sits_there(desk: Desk, shop: Shop) -> None:
    await desk.add()
    await shop.clock.advance(15 * 60)
    assert refused(await desk.browser.delete(f"{PASSKEYS}/psk_{'0' * 26}")) == "proof_required"
    assert (await desk.prove()).status_code == 200
    assert (await desk.browser.delete(f"{PASSKEYS}/psk_{'0' * 26}")).status_code == 404


async def test_one_removed_opens_nothing(desk: Desk, shop: Shop) -> None:
    made = (await desk.add()).json()
    assert (await desk.browser.delete(f"{PASSKEYS}/{made['id']}")).status_code == 204
    assert refused(await desk.sign_in()) == "forbidden"
    assert refused(await desk.browser.post(f"{PROOF}/begin")) == "conflict"
    assert await Office(shop).told() == ["passkey.added", "passkey.removed"]


async def test_one_known_already_is_not_taken_again(desk: Desk) -> None:
    await desk.add()
    options = await desk.options(PASSKEYS)
    assert len(options["excludeCredentials"]) == 1
    made = await desk.browser.post(PASSKEYS, json={"name": "again", "credential": desk.device.make(options)})
    assert refused(made) == "conflict"


async def test_a_new_invitation_takes_the_passkeys_too(desk: Desk, shop: Shop) -> None:
    await desk.add()
    office = Office(shop)
    link = await office.people.invite_again(office.owner, office.owner.operator_id)
    await office.people.accept(link.token, "a third long word")
    assert refused(await desk.sign_in()) == "forbidden"


async def test_one_let_go_signs_in_no_more(desk: Desk, shop: Shop) -> None:
    await desk.add()
    await shop.as_merchant("UPDATE operator SET state = 'inactive'")
    assert refused(await desk.sign_in()) == "forbidden"


async def test_a_stale_session_makes_none(desk: Desk, shop: Shop) -> None:
    await shop.clock.advance(15 * 60)
    assert refused(await desk.browser.post(f"{PASSKEYS}/begin")) == "proof_required"
    signed_in = await desk.browser.put(PROOF, json={"password": PASSWORD})
    assert signed_in.status_code == 200
    assert (await desk.add()).status_code == 201


@pytest.mark.parametrize(
    ("base_url", "site"),
    [
        ("https://vending.example", Site("vending.example", "https://vending.example")),
        ("https://vending.example:8443/", Site("vending.example", "https://vending.example:8443")),
        ("http://127.0.0.1:8080", Site("localhost", "http://localhost:8080")),
        ("http://localhost:8080", Site("localhost", "http://localhost:8080")),
        ("http://vending.example", None),
        ("https://192.0.2.1", None),
        ("http://0.0.0.0:8080", None),
        ("", None),
    ],
)
async def test_passkeys_belong_to_a_name_reached_safely(base_url: str, site: Site | None) -> None:
    assert site_at(base_url) == site


async def test_only_what_is_wrong_with_an_answer_is_refused(desk: Desk) -> None:
    await desk.add()
    answer = desk.device.use(await desk.options(SIGN_IN))
    known = NewCredential(desk.device.credential_id, b"no key at all", 0)
    site = Site("localhost", HOME)
    with pytest.raises(VendomatError):
        checked_use(site, answer, challenge_of(answer), known)
    with pytest.raises(AttributeError):  # a fault of ours is loud
        checked_use(None, answer, challenge_of(answer), known)  # type: ignore[arg-type]


async def test_recovery_codes_stand_in_for_a_passkey_that_is_lost(desk: Desk, shop: Shop) -> None:
    renew = "/api/v1/account/second-factor/recovery-codes"
    assert refused(await desk.browser.post(renew)) == "conflict", "there is nothing to stand in for"
    made = (await desk.add()).json()
    codes = (await desk.browser.post(renew)).json()["recovery_codes"]
    assert (await desk.browser.get(PROOF)).json()["ways"] == ["password", "code", "passkey"]
    await shop.as_merchant("UPDATE merchant SET is_second_factor_required = true")

    await desk.leave()
    session = await desk.browser.post("/api/v1/session", json={"email": shop.seeded.email, "password": PASSWORD})
    assert session.json()["lacks_second_factor"] is True
    assert refused(await desk.browser.post(renew)) == "second_factor_missing"
    assert (await desk.browser.put(PROOF, json={"code": codes[0]})).status_code == 200
    assert refused(await desk.browser.put(PROOF, json={"code": codes[0]})) == "forbidden", "each is good once"
    assert (await desk.browser.get("/api/v1/machines")).status_code == 200
    fresh = (await desk.browser.post(renew)).json()["recovery_codes"]
    assert refused(await desk.browser.put(PROOF, json={"code": codes[1]})) == "forbidden"

    await shop.as_merchant("UPDATE merchant SET is_second_factor_required = false")
    assert (await desk.browser.delete(f"{PASSKEYS}/{made['id']}")).status_code == 204
    assert refused(await desk.browser.put(PROOF, json={"code": fresh[0]})) == "forbidden", "they ended with the last"


async def test_a_password_alone_makes_no_recovery_codes(desk: Desk, shop: Shop) -> None:
    await desk.add()
    await desk.leave()
    await desk.browser.post("/api/v1/session", json={"email": shop.seeded.email, "password": PASSWORD})
    assert refused(await desk.browser.post("/api/v1/account/second-factor/recovery-codes")) == "conflict"
