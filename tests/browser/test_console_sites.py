"""Sites in the console: put on the map by hand and by keys, found on it again; and what a site's owner sees."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.office import Office
from tests.browser.street import Street
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

GUEST = "wang@site.example"
GUESTS_PASSWORD = "a long word of Wang's"


async def _choose_site(page: Page, town: Town) -> None:
    await page.goto(f"{town.console_url}sites")
    await page.get_by_test_id("sites").locator("[data-row]").first.click()
    await expect(page.get_by_test_id("site-place-map")).to_have_attribute("data-zoom", "11")


async def test_a_site_is_put_on_the_map_and_found_there(office: Office, town: Town) -> None:
    page, at = office.page, office.at
    await office.sign_in()
    await _choose_site(page, town)
    position = at("site-position")
    before = await position.input_value()
    frame = page.get_by_role("application")
    await frame.focus()
    await page.keyboard.press("ArrowRight")  # the map moves, the pin stays
    await at("pin-here").click()
    moved = await position.input_value()
    assert moved != before
    await position.fill("here")
    await expect(at("keep-place")).to_be_disabled()
    await position.fill("31.233300 121.471100")
    await at("site-gcj").check()
    await at("keep-place").click()
    await expect(at("message")).to_be_visible()
    await page.reload()
    latitude, longitude = map(float, (await position.input_value()).split(","))
    assert 0.001 < abs(latitude - 31.2333) + abs(longitude - 121.4711) < 0.01  # some hundred metres
    assert not await violations(page)


async def test_the_map_says_how_sites_stand_and_leads_to_machines(office: Office, town: Town) -> None:
    page, at = office.page, office.at
    await office.sign_in()
    await page.goto(f"{town.console_url}machines")
    await page.get_by_text("Map", exact=True).click()
    await expect(page).to_have_url(f"{town.console_url}machines?view=map")
    await expect(at("pin").first).to_be_visible()
    row = at("map-list").locator("button[data-row]").first
    await row.focus()
    await page.keyboard.press("Enter")
    await expect(row).to_have_attribute("aria-expanded", "true")
    assert not await violations(page)
    pin = page.locator("[data-testid=pin].chosen")
    await pin.press("Enter")  # once more, and it is looked at no longer
    await expect(row).to_have_attribute("aria-expanded", "false")
    await at("show-all").click()
    await row.click()
    await (
        at("map-list")
        .get_by_role("link", name=town.record.machines[0].number)
        .or_(at("map-list").get_by_role("link", name=town.record.machines[1].number))
        .first.click()
    )
    await expect(page.locator("h1")).to_contain_text("SH-00")


async def test_a_site_owner_sees_their_site_and_nothing_else(office: Office, town: Town, street: Street) -> None:
    page, at = office.page, office.at
    await office.sign_in()
    await page.goto(f"{town.console_url}people")
    await at("invite-name").fill("Wang")
    await at("invite-email").fill(GUEST)
    await at("invite-role").select_option("site_owner")
    await expect(at("invite")).to_be_disabled()  # of no site
    box = at("sites-field").get_by_role("checkbox").first
    name = (await at("sites-field").locator("label").first.inner_text()).split("\n")[0]
    await box.check()
    await at("invite").click()
    link = await at("invitation").get_attribute("data-link")
    assert link is not None
    guest = await street.open(link, size="phone", locale="en-US", scheme="dark")
    await guest.get_by_test_id("invitation-password").fill(GUESTS_PASSWORD)
    await guest.get_by_test_id("invitation-accept").click()
    await expect(guest.get_by_test_id("own-head")).to_contain_text(name.split(" · ")[0])
    await expect(guest.get_by_test_id("own-machines")).to_contain_text("SH-00")
    await expect(guest.get_by_test_id("own-sales")).to_be_visible()
    assert not await violations(guest)
    for elsewhere in ("machines", "orders", "people", "sites"):
        await guest.goto(f"{town.console_url}{elsewhere}")
        await expect(guest.get_by_role("heading", name="There is no such page").first).to_be_visible()
