"""An owner sets the provider: what is taken, what is told, and that the secret is shown to nobody."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.cloud.merchants.oidc.provider_stage import IDENTITY, SETTINGS, Company
from vendomat.cloud.merchants.oidc import ProviderClient
from vendomat.kernel import VendomatError

pytestmark = pytest.mark.slow


async def test_it_is_set_and_told_without_the_secret(company: Company) -> None:
    answer = await company.set_up()
    assert answer.status_code == 200, answer.text
    set_up = answer.json()
    assert set_up["back_address"].endswith(f"/api/v1/session/provider/{company.shop.merchant_id}/back")
    await company.sign_in_as_owner()
    seen = (await company.browser.get(SETTINGS)).text
    log = (await company.browser.get("/api/v1/changes")).text
    assert company.provider.registration.client_secret not in seen + log + answer.text
    assert "identity_provider.changed" in log
    async with company.shop.database.merchant(company.shop.merchant_id) as connection:
        kept = (await connection.exec_driver_sql("SELECT secret_sealed FROM identity_provider")).scalar_one()
    assert company.provider.registration.client_secret.encode() not in bytes(kept)


async def test_a_secret_left_out_is_kept(company: Company) -> None:
    await company.set_up(new_role="read_only")
    assert (await company.set_up(client_secret="", new_role="read_only")).status_code == 200
    assert await company.go("anna.of.it@company.example") == "/console/"


@pytest.mark.parametrize(
    "wrong",
    [
        {"new_role": "owner"},
        {"new_role": "site_owner"},
        {"new_role": "manager", "email_domains": []},
        {"issuer": "http://provider.example"},
        {"issuer": "https://provider.example/?tenant=1"},
        {"issuer": "https://user@provider.example"},
        {"issuer": "file:///etc/passwd"},
        {"email_domains": ["company"]},
        {"email_domains": ["company.example/"]},
        {"client_secret": ""},
    ],
    ids=json.dumps,
)
async def test_what_would_let_anybody_in_or_leads_nowhere_is_refused(
    company: Company, wrong: dict[str, object]
) -> None:
    answer = await company.set_up(**wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")


async def test_only_owners_set_it(company: Company) -> None:
    await company.set_up(new_role="manager")
    assert await company.go("manager.of.it@company.example") == "/console/"
    answer = await company.browser.put(SETTINGS, json=company.settings())
    assert answer.status_code == 403 and "people.change" in answer.json()["detail"]
    assert (await company.browser.get(SETTINGS)).status_code == 200


async def test_a_try_says_what_is_wrong(company: Company) -> None:
    await company.set_up()
    await company.sign_in_as_owner()
    assert (await company.browser.post(f"{SETTINGS}/try")).json() == {"is_good": True, "detail": ""}
    await company.browser.put(SETTINGS, json=company.settings(issuer=f"{company.provider.issuer}/"))
    tried = (await company.browser.post(f"{SETTINGS}/try")).json()
    assert tried["is_good"] is False and company.provider.issuer in tried["detail"]
    await company.browser.put(SETTINGS, json=company.settings(issuer="http://127.0.0.1:1"))
    tried = (await company.browser.post(f"{SETTINGS}/try")).json()
    assert tried["is_good"] is False and "no answer" in tried["detail"]


async def test_who_comes_by_it_alone_does_not_lock_themselves_out(company: Company) -> None:
    await company.set_up()
    await company.invite("boss.of.it@company.example", role="owner")
    await company.go("boss.of.it@company.example")
    answer = await company.browser.put(SETTINGS, json=company.settings(is_active=False))
    assert answer.json()["code"] == "conflict"


async def test_it_is_not_linked_where_there_is_none(company: Company) -> None:
    await company.sign_in_as_owner()
    assert (await company.browser.get(IDENTITY)).json()["provider"] is None
    assert (await company.browser.post(IDENTITY)).json()["code"] == "conflict"
    assert (await company.browser.post(f"{SETTINGS}/try")).json()["code"] == "conflict"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"])
async def test_no_question_leads_inside_unless_the_deployment_allows_it(company: Company, host: str) -> None:
    port = company.provider.issuer.rpartition(":")[2]
    with pytest.raises(VendomatError, match="public address") as refused:
        await ProviderClient().metadata(f"https://{host}:{port}")
    assert refused.value.detail["why"] == "unreachable"


async def test_a_provider_that_is_silent_is_not_waited_for() -> None:
    async def be_silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    gone = asyncio.Event()
    async with await asyncio.start_server(be_silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(VendomatError, match="no answer"):
            await ProviderClient(is_private_allowed=True, timeout_s=0.2).metadata(f"http://127.0.0.1:{port}")
        gone.set()
