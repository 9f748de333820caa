"""Journey 12, users and roles: a company's sign-in, a role of the merchant's own that may not refund, and the audit log
that tells each change with what was before and after. By day in one language, in the dark in the other."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.doubt_stage import DoubtStage
from tests.browser.hands import fill, press
from tests.browser.street import Street
from tests.browser.test_console_doubts import sign_in
from tests.browser.test_console_people import ASK, stage
from tests.browser.test_console_provider import be, provider, set_up
from tests.cloud.conftest import database_url, postgres
from vendomat.simulator.oidc import IdentityProvider

__all__ = ["database_url", "postgres", "provider", "stage"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WORDS = {
    "en-US": {"role": "Clerk", "refund": "Refund; above the limit a second person agrees", "changed": "your role"},
    "zh-CN": {"role": "前台", "refund": "退款（超过限额须第二人）", "changed": "角色权限"},
}


async def make_role(owner: Page, name: str) -> None:
    """What finance may, but no refund."""
    await press(owner, "role-new")
    await owner.get_by_test_id("role-name").fill(name)
    await owner.get_by_test_id("role-start").select_option("finance")
    await expect(owner.get_by_test_id("right-fleet.read")).to_be_disabled()  # what everybody has
    await expect(owner.get_by_test_id("right-order.read")).to_be_disabled()  # what other ticks need
    await owner.get_by_test_id("right-refund.ask").uncheck()
    assert await violations(owner) == []
    await press(owner, "role-save")
    await expect(owner.get_by_test_id("role-dialog")).to_have_count(0)
    await expect(owner.get_by_test_id(f"role-{name}")).to_be_visible()


async def invite(owner: Page, email: str, role: str) -> str:
    """The link for Ann."""
    await fill(owner, invite_name="Ann", invite_email=email)
    await owner.get_by_test_id("invite-role").select_option(label=role)
    await press(owner, "invite")
    link = await owner.get_by_test_id("invitation").get_attribute("data-link")
    assert link is not None
    return link


async def turn_refunds(owner: Page, role: str, *, is_on: bool) -> None:
    """The owner gives the right, or takes it."""
    await owner.reload()
    await owner.get_by_test_id(f"role-{role}").get_by_test_id("role-change").click()
    await expect(owner.get_by_test_id("role-holders")).to_contain_text("Ann")
    await owner.get_by_test_id("right-refund.ask").set_checked(is_on)
    await press(owner, "role-save")
    await expect(owner.get_by_test_id("role-dialog")).to_have_count(0)


async def give_back(page: Page) -> None:
    await press(page, "refund-give")
    await fill(page, refund_amount="0.50", refund_reason="a dented can")
    await press(page, "refund-yes")


@pytest.mark.parametrize(("locale", "size", "scheme"), [("en-US", "desk", "dark"), ("zh-CN", "phone", "light")])
async def test_a_role_of_ones_own_may_not_refund_until_it_is_changed(
    *, stage: DoubtStage, street: Street, provider: IdentityProvider, locale: str, size: str, scheme: str
) -> None:
    words = WORDS[locale]
    order_id = await stage.trade.buy("delivered", "A1")
    owner = await street.open(stage.url, size=size, locale=locale, scheme=scheme)
    await sign_in(stage, owner)
    await owner.goto(f"{stage.url}people")
    await set_up(owner, provider, name=f"Company {stage.shop.address}", role="technician")
    await make_role(owner, words["role"])

    email = f"ann{stage.shop.address}@company.example"
    ann = await street.open(await invite(owner, email, words["role"]), size=size, locale=locale, scheme=scheme)
    await expect(ann.locator("main")).to_contain_text(words["role"])
    assert await violations(ann) == []
    await ann.get_by_test_id("invitation-provider").click()
    await be(ann, email)
    await expect(ann.get_by_test_id("account").first).to_be_visible()

    await ann.goto(f"{stage.url}orders/{order_id}")
    await expect(ann.get_by_test_id("timeline")).to_be_visible()
    await expect(ann.get_by_test_id("refund-give")).to_have_count(0)
    goodwill = [f"/api/v1/orders/{order_id}/goodwill", {"amount_minor": 50, "ordinal": 1, "reason": "a dented can"}]
    assert await ann.evaluate(ASK, goodwill) == [403, "forbidden"]

    await turn_refunds(owner, words["role"], is_on=True)
    await ann.reload()
    await expect(ann.get_by_test_id("refund-give")).to_be_visible()
    await turn_refunds(owner, words["role"], is_on=False)
    await give_back(ann)  # by a page that still offers it
    await expect(ann.get_by_test_id("message")).to_contain_text(words["changed"])
    await expect(ann.get_by_test_id("refund-give")).to_have_count(0)
    await turn_refunds(owner, words["role"], is_on=True)
    await ann.reload()
    await give_back(ann)
    await expect(ann.get_by_test_id("refund-dialog")).to_have_count(0)

    await ann.goto(f"{stage.url}audit")
    for action, count in {"refund.goodwill": 1, "role.created": 1, "role.changed": 3, "person.invited": 1}.items():
        await expect(ann.locator(f"[data-action='{action}']")).to_have_count(count)
    changed = ann.locator("[data-action='role.changed']").first
    await expect(changed).to_contain_text(words["role"])
    await changed.locator("summary").click()
    before, after = (changed.locator("[data-field='permissions'] td").nth(place) for place in (0, 1))
    await expect(before).not_to_contain_text(words["refund"])
    await expect(after.locator(".other")).to_have_text([words["refund"]])
    assert await violations(ann) == []
    assert await ann.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_role_goes_when_nobody_has_it(stage: DoubtStage, street: Street) -> None:
    owner = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, owner)
    await owner.goto(f"{stage.url}people")
    await make_role(owner, "Clerk")
    await press(owner, "role-new")
    await owner.get_by_test_id("role-name").fill("clerk")
    await press(owner, "role-save")
    await expect(owner.get_by_test_id("role-failure")).to_contain_text("of this name")
    await press(owner, "role-save")
    await owner.keyboard.press("Escape")
    await press(owner, "role-change")
    await press(owner, "role-remove")
    await press(owner, "role-remove-sure")
    await expect(owner.get_by_test_id("role-Clerk")).to_have_count(0)
    assert await violations(owner) == []
