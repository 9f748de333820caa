"""People sign in by their company's provider, at another site; their role still decides, and all of it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.doubt_stage import DoubtStage
from tests.browser.street import Street
from tests.browser.test_console_doubts import SECOND_PRESS_MS, sign_in
from tests.browser.test_console_people import ASK, stage
from tests.browser.test_console_proof import leave_alone
from tests.cloud.conftest import database_url, postgres
from tests.cloud.merchants.oidc.provider_stage import open_provider
from vendomat.simulator.oidc import IdentityProvider, Trouble

__all__ = ["database_url", "postgres", "stage"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

REFUND = "/api/v1/orders/ord_00000000000000000000000000/refund"


@pytest_asyncio.fixture(loop_scope="session")
async def provider(stage: DoubtStage) -> AsyncIterator[IdentityProvider]:
    """At another site than the console, as a browser sees it: at a name."""
    async with open_provider(stage.shop.clock, name="localhost") as opened:
        yield opened


async def set_up(page: Page, provider: IdentityProvider, *, name: str = "Company", role: str) -> None:
    await page.get_by_test_id("provider-edit").click()
    await page.get_by_test_id("provider-name").fill(name)
    await page.get_by_test_id("provider-issuer").fill(provider.issuer)
    await page.get_by_test_id("provider-client").fill(provider.registration.client_id)
    await page.get_by_test_id("provider-secret").fill(provider.registration.client_secret)
    await page.get_by_test_id("provider-domains").fill("company.example")
    await page.get_by_test_id("provider-role").select_option(role)
    await page.get_by_test_id("provider-save").click()
    await expect(page.get_by_test_id("message")).to_be_visible()
    await expect(page.get_by_test_id("provider")).to_contain_text(provider.issuer)


async def be(page: Page, email: str, trouble: Trouble = Trouble.NONE) -> None:
    """At the provider's page."""
    await page.get_by_test_id("provider-email").fill(email)
    await page.get_by_test_id("provider-trouble").select_option(trouble.value)
    await page.get_by_test_id("provider-sign-in").click()


@pytest.mark.parametrize(("locale", "size"), [("en-US", "desk"), ("zh-CN", "phone")])
async def test_somebody_comes_by_the_company_and_may_what_their_role_may(
    stage: DoubtStage, street: Street, provider: IdentityProvider, locale: str, size: str
) -> None:
    owner = await street.open(stage.url, size=size, locale=locale)
    await sign_in(stage, owner)
    await owner.goto(f"{stage.url}people")
    name = f"Company {stage.shop.address}"
    await set_up(owner, provider, name=name, role="technician")
    assert await violations(owner) == []
    assert await owner.evaluate("document.documentElement.scrollWidth <= innerWidth")

    email = f"ann{stage.shop.address}@company.example"
    ann = await street.open(f"{stage.url}machines", size=size, locale=locale)
    door = ann.get_by_test_id("sign-in-provider").filter(has_text=name)
    await door.click()
    await be(ann, email, Trouble.WRONG_NONCE)
    await expect(ann.get_by_test_id("sign-in-failure")).to_be_visible()
    assert await violations(ann) == []
    await ann.wait_for_timeout(SECOND_PRESS_MS)
    await door.click()  # the provider knows who is there by now
    await expect(ann.get_by_test_id("nav-machines")).to_be_visible()
    assert "/console/machines" in ann.url
    assert await ann.evaluate(ASK, [REFUND, {}]) == [403, "forbidden"]

    await ann.goto(f"{stage.url}account")
    await expect(ann.get_by_test_id("identity")).to_contain_text(email)
    await expect(ann.get_by_test_id("old-password")).to_have_count(0)
    assert await violations(ann) == []

    await owner.goto(f"{stage.url}audit")
    joined = owner.get_by_role("listitem").filter(has_text=f"Ann{stage.shop.address}")
    await expect(joined.first).to_be_visible()


async def test_what_needs_a_proof_is_proven_in_a_window_of_the_company(
    stage: DoubtStage, street: Street, provider: IdentityProvider
) -> None:
    owner = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, owner)
    await owner.goto(f"{stage.url}people")
    await set_up(owner, provider, role="read_only")
    await owner.goto(f"{stage.url}account")
    await owner.get_by_test_id("identity-link").click()
    await be(owner, "the.owner@private.example")
    await expect(owner.get_by_test_id("identity")).to_contain_text("the.owner@private.example")

    await leave_alone(stage)
    await owner.goto(f"{stage.url}people")
    await owner.get_by_test_id("invite-name").fill("Bob")
    await owner.get_by_test_id("invite-email").fill(f"bob.{stage.shop.seeded.email}")
    await owner.get_by_test_id("invite").click()
    async with owner.expect_popup() as opening:
        await owner.get_by_test_id("proof-provider").click()
    window = await opening.value
    await be(window, "the.owner@private.example", Trouble.NO_MOMENT)
    await expect(window.get_by_test_id("proven-failure")).to_be_visible()
    await expect(owner.get_by_test_id("proof-failure")).to_be_visible()
    await window.close()
    await owner.wait_for_timeout(SECOND_PRESS_MS)
    async with owner.expect_popup() as opening:
        await owner.get_by_test_id("proof-provider").click()
    await be(await opening.value, "the.owner@private.example")
    await expect(owner.get_by_test_id("invitation")).to_be_visible()
