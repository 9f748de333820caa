"""People sign in by their company's provider: who is let in, as whom, and whose words are not believed."""

from __future__ import annotations

import pytest

from tests.cloud.app.conftest import HOST
from tests.cloud.merchants.oidc.provider_stage import COMPANY, IDENTITY, PROOF, SESSION, SETTINGS, Company
from tests.cloud.shop_stage import PASSWORD
from vendomat.simulator.oidc import Trouble

pytestmark = pytest.mark.slow

ANN = f"ann@{COMPANY}"


async def test_an_invited_person_joins_by_the_mail_and_then_signs_in_by_the_link(company: Company) -> None:
    mail = f"ann{company.shop.address}@{COMPANY}"
    assert (await company.set_up()).status_code == 200
    await company.invite(mail)
    assert await company.go(mail) == "/console/"
    session = await company.who()
    assert session is not None and session["operator"]["email"] == mail
    assert (session["operator"]["role"], session["is_by_provider"]) == ("technician", True)
    told = await company.office.told()
    assert told[-3:] == ["person.invited", "person.joined", "identity.linked"]

    await company.leave()
    assert await company.go(mail, to="/console/machines?filter=all") == "/console/machines?filter=all"
    assert await company.who() is not None


async def test_who_joined_has_no_password_and_no_word_opens_it(company: Company) -> None:
    mail = f"bob{company.shop.address}@{COMPANY}"
    await company.set_up()
    await company.invite(mail)
    await company.go(mail)
    assert (await company.browser.get(PROOF)).json()["ways"] == ["provider"]
    await company.leave()
    for word in ("nobody has this password", "", " "):
        answer = await company.browser.post(SESSION, json={"email": mail, "password": word or "x"})
        assert answer.json()["code"] == "not_signed_in"


async def test_a_stranger_is_refused_unless_the_merchant_lets_the_domain_in(company: Company) -> None:
    mail = f"carl{company.shop.address}@{COMPANY}"
    await company.set_up()
    assert await company.go(mail) == "/console/?refused=unknown"
    await company.set_up(new_role="read_only")
    assert await company.go(f"carl{company.shop.address}@elsewhere.example") == "/console/?refused=mail"
    assert await company.who() is None
    assert await company.go(mail) == "/console/"
    session = await company.who()
    assert session is not None and session["operator"]["role"] == "read_only"
    answer = await company.browser.post("/api/v1/codes", json={})
    assert answer.status_code == 403


async def test_whoever_has_an_account_links_it_by_their_own_wish_only(company: Company) -> None:
    owner = company.shop.seeded.email
    await company.set_up(email_domains=[])
    assert await company.go(owner) == "/console/?refused=link_first"
    assert await company.who() is None
    await company.sign_in_as_owner()
    begun = await company.browser.post(IDENTITY)
    back = await company.at_provider(begun.json()["address"], "another.mail@private.example")
    assert await company.answer(back) == "/console/account"
    linked = (await company.browser.get(IDENTITY)).json()
    assert (linked["provider"], linked["email"]) == ("Company", "another.mail@private.example")
    assert (await company.browser.post(IDENTITY)).status_code == 200
    await company.leave()
    await company.go("another.mail@private.example")
    session = await company.who()
    assert session is not None and session["operator"]["email"] == owner


async def test_one_identity_is_one_person(company: Company) -> None:
    mail = f"dora{company.shop.address}@{COMPANY}"
    await company.set_up()
    await company.invite(mail)
    await company.go(mail)
    await company.leave()
    await company.sign_in_as_owner()
    begun = await company.browser.post(IDENTITY)
    back = await company.at_provider(begun.json()["address"], mail)
    assert await company.answer(back) == "/console/account?refused=somebody_else"


async def test_a_link_taken_away_opens_nothing_and_the_only_way_in_stays(company: Company) -> None:
    mail = f"eve{company.shop.address}@{COMPANY}"
    await company.set_up()
    await company.invite(mail)
    await company.go(mail)
    assert (await company.browser.delete(IDENTITY)).json()["code"] == "conflict"
    await company.leave()
    await company.sign_in_as_owner()
    back = await company.at_provider((await company.browser.post(IDENTITY)).json()["address"], "mine@private.example")
    await company.answer(back)
    assert (await company.browser.delete(IDENTITY)).status_code == 204
    await company.leave()
    assert await company.go("mine@private.example") == "/console/?refused=mail"


UNTRUE = [
    Trouble.OTHER_ISSUER,
    Trouble.NO_ISSUER,
    Trouble.WRONG_NONCE,
    Trouble.WRONG_AUDIENCE,
    Trouble.TWO_AUDIENCES,
    Trouble.WRONG_PARTY,
    Trouble.WRONG_ISSUER,
    Trouble.EXPIRED,
    Trouble.FROM_TOMORROW,
    Trouble.UNSIGNED,
    Trouble.BY_SECRET,
    Trouble.BY_STRANGER,
]
REFUSED = {
    **dict.fromkeys(UNTRUE, "untrue"),
    Trouble.OTHER_PERSON: "untrue",
    Trouble.CANCELLED: "cancelled",
    Trouble.BROKEN: "unreachable",
    Trouble.CODE_REFUSED: "refused",
    Trouble.GARBLED: "unreachable",
    Trouble.HUGE: "unreachable",
    Trouble.UNVERIFIED: "mail",
    Trouble.NO_MAIL: "mail",
}


@pytest.mark.parametrize("trouble", REFUSED)
async def test_what_goes_wrong_lets_nobody_in_and_says_why(company: Company, trouble: Trouble) -> None:
    mail = f"fay{company.shop.address}@{COMPANY}"
    await company.set_up(new_role="read_only")
    assert await company.go(mail, trouble) == f"/console/?refused={REFUSED[trouble]}"
    assert await company.who() is None
    people = await company.office.people.everybody(company.shop.merchant_id)
    assert mail not in {one.email for one in people}
    assert await company.go(mail) == "/console/"


@pytest.mark.parametrize("trouble", [Trouble.ROTATED, Trouble.MAIL_APART])
async def test_what_only_looks_like_trouble_is_none(company: Company, trouble: Trouble) -> None:
    await company.set_up(new_role="read_only")
    assert await company.go(f"gus{company.shop.address}@{COMPANY}", trouble) == "/console/"


def test_every_trouble_is_tried() -> None:
    of_proofs = {Trouble.NO_MOMENT, Trouble.LONG_AGO, Trouble.SILENT}
    assert {*REFUSED, *of_proofs, Trouble.NONE, Trouble.ROTATED, Trouble.MAIL_APART} == set(Trouble)


async def test_the_way_back_is_good_once_in_one_browser_and_for_ten_minutes(company: Company) -> None:
    mail = f"hal{company.shop.address}@{COMPANY}"
    await company.set_up(new_role="read_only")

    async def begun() -> str:
        answer = await company.browser.get(company.start)
        return await company.at_provider(answer.headers["location"], mail)

    back = await begun()
    assert await company.answer(back) == "/console/"
    await company.browser.delete(SESSION)
    assert await company.answer(back) == "/console/?refused=stale"
    back = await begun()
    cookies = dict(company.browser.cookies)
    await company.leave()
    assert await company.answer(back) == "/console/?refused=stale", "another browser"
    company.browser.cookies.update(cookies)
    assert await company.answer(back) == "/console/", "which used nothing up"
    await company.browser.delete(SESSION)
    back = await begun()
    await company.shop.clock.advance(600)
    assert await company.answer(back) == "/console/?refused=stale"
    assert await company.answer(f"{HOST}{company.start}/back?state=x&code=y") == "/console/?refused=stale"


async def test_a_code_taken_to_another_journey_is_refused_by_its_proof_key(company: Company) -> None:
    mail = f"ida{company.shop.address}@{COMPANY}"
    await company.set_up(new_role="read_only")
    first = await company.at_provider((await company.browser.get(company.start)).headers["location"], mail)
    second = await company.at_provider((await company.browser.get(company.start)).headers["location"], mail)
    code = first.partition("code=")[2].partition("&")[0]
    mixed = second.replace(second.partition("code=")[2].partition("&")[0], code)
    assert await company.answer(mixed) == "/console/?refused=refused"


async def test_proving_again_asks_for_a_sign_in_of_just_now(company: Company) -> None:
    mail = f"jon{company.shop.address}@{COMPANY}"
    await company.set_up()
    await company.invite(mail, role="owner")
    await company.go(mail)
    assert (await company.browser.get(PROOF)).json()["proven_until"] is not None
    await company.shop.clock.advance(16 * 60)
    refused = await company.browser.put(SETTINGS, json=company.settings())
    assert refused.json()["code"] == "proof_required"

    async def prove(trouble: Trouble, email: str = mail) -> str:
        begun = (await company.browser.post(f"{PROOF}/provider")).json()["address"]
        assert "prompt=login" in begun and "max_age=0" in begun
        return await company.answer(await company.at_provider(begun, email, trouble))

    for trouble in (Trouble.NO_MOMENT, Trouble.LONG_AGO):
        assert await prove(trouble) == "/console/proven?refused=too_old"
    assert await prove(Trouble.NONE, f"other@{COMPANY}") == "/console/proven?refused=somebody_else"
    assert (await company.browser.get(PROOF)).json()["proven_until"] is None
    assert await prove(Trouble.NONE) == "/console/proven"
    assert (await company.browser.put(SETTINGS, json=company.settings())).status_code == 200
    assert "session.proven" in await company.office.told()


@pytest.mark.parametrize("trouble", [Trouble.NO_MOMENT, Trouble.LONG_AGO])
async def test_a_sign_in_of_some_time_ago_is_no_proof(company: Company, trouble: Trouble) -> None:
    await company.set_up(new_role="read_only")
    assert await company.go(f"kim{company.shop.address}@{COMPANY}", trouble) == "/console/"
    assert (await company.browser.get(PROOF)).json()["proven_until"] is None


async def test_two_factors_there_are_two_factors_here(company: Company) -> None:
    mail = f"leo{company.shop.address}@{COMPANY}"
    await company.set_up(new_role="read_only")
    await company.shop.as_merchant("UPDATE merchant SET is_second_factor_required = true")
    await company.go(mail)
    session = await company.who()
    assert session is not None and session["lacks_second_factor"] is True
    await company.leave()
    await company.go(mail, mfa="yes")
    session = await company.who()
    assert session is not None and session["lacks_second_factor"] is False


async def test_one_let_go_is_let_in_no_more_until_invited_again(company: Company) -> None:
    mail = f"mia{company.shop.address}@{COMPANY}"
    await company.set_up()
    await company.invite(mail)
    await company.go(mail)
    session = await company.who()
    assert session is not None
    person = session["operator"]["id"]
    await company.office.people.deactivate(company.office.owner, person)
    assert await company.who() is None
    assert await company.go(mail) == "/console/?refused=unknown"
    await company.office.people.invite_again(company.office.owner, person)
    assert await company.go(mail) == "/console/"


async def test_an_invitation_that_ran_out_is_none(company: Company) -> None:
    mail = f"ned{company.shop.address}@{COMPANY}"
    await company.set_up()
    await company.invite(mail)
    await company.shop.clock.advance(3 * 86_400)
    assert await company.go(mail) == "/console/?refused=unknown"


async def test_a_new_invitation_takes_the_link_too(company: Company) -> None:
    mail = f"ola{company.shop.address}@{COMPANY}"
    await company.set_up()
    await company.invite(mail)
    await company.go(mail)
    session = await company.who()
    assert session is not None
    link = await company.office.people.invite_again(company.office.owner, session["operator"]["id"])
    await company.office.people.accept(link.token, PASSWORD)
    assert await company.go(mail) == "/console/?refused=link_first"


async def test_signing_out_offers_to_sign_out_there_too(company: Company) -> None:
    await company.set_up(new_role="read_only")
    await company.go(f"pia{company.shop.address}@{COMPANY}")
    left = await company.browser.get(f"{company.start}/leave")
    assert left.headers["location"].startswith(f"{company.provider.issuer}/end-session?client_id=vendomat&post_logout")


async def test_switched_off_it_lets_nobody_in_and_is_not_offered(company: Company) -> None:
    await company.set_up(name="0, the first", new_role="read_only")
    assert company.start in {one["path"] for one in (await company.browser.get(f"{SESSION}/doors")).json()["data"]}
    begun = await company.browser.get(company.start)
    cookies = dict(company.browser.cookies)
    await company.set_up(name="0, the first", is_active=False)
    assert company.start not in {one["path"] for one in (await company.browser.get(f"{SESSION}/doors")).json()["data"]}
    back = await company.at_provider(begun.headers["location"], ANN)
    assert (await company.browser.get(company.start)).headers["location"] == "/console/?refused=off"
    company.browser.cookies.update(cookies)
    assert await company.answer(back) == "/console/?refused=off"
    assert (await company.browser.get(f"{company.start}/leave")).headers["location"] == "/console/"


async def test_a_way_back_leads_to_a_page_of_ours_only(company: Company) -> None:
    await company.set_up(new_role="read_only")
    mail = f"quin{company.shop.address}@{COMPANY}"
    for to in ("https://evil.example/", "//evil.example", "/console/../api", "/console//evil.example", "javascript:1"):
        assert await company.go(mail, to=to) == "/console/"
        await company.leave()


async def test_a_network_that_only_ever_begins_is_stopped(company: Company) -> None:
    for _ in range(60):
        assert (await company.browser.get(company.start)).headers["location"] == "/console/?refused=off"
    assert (await company.browser.get(company.start)).headers["location"] == "/console/?refused=rate_limited"
