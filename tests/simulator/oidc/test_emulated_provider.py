"""The emulated provider by itself: the rules it keeps, checked with an ordinary library of the protocol's parts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from vendomat.kernel import ManualClock
from vendomat.simulator.oidc import IdentityProvider, Trouble
from vendomat.simulator.oidc.tokens import SigningKey

ISSUER = "https://provider.example"
BACK = "https://client.example/back"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "response_type": "code",
    "client_id": "vendomat",
    "redirect_uri": BACK,
    "scope": "openid email",
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
KEY = SigningKey("key 1")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def away(clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    provider = IdentityProvider(ISSUER, clock, new_key=lambda name: SigningKey(name, KEY.key))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(provider.app), base_url=ISSUER) as client:
        yield client


async def code_of(away: httpx.AsyncClient, trouble: Trouble = Trouble.NONE) -> str:
    answer = await away.post("/authorize", data={**ASKED, "email": "Ann@company.example", "trouble": trouble.value})
    return httpx.URL(answer.headers["location"]).params["code"]


async def redeem(away: httpx.AsyncClient, code: str, secret: str = "emulated secret", **more: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **more}
    return await away.post("/token", data=form, auth=("vendomat", secret))


async def test_a_token_holds_by_the_published_key(away: httpx.AsyncClient) -> None:
    answer = (await redeem(away, await code_of(away))).json()
    keys = KeySet.import_key_set((await away.get("/jwks")).json())
    claims = jwt.decode(answer["id_token"], keys, ["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "vendomat", "n")
    assert (claims["email"], claims["email_verified"]) == ("ann@company.example", True)
    said = await away.get("/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert said.json()["sub"] == claims["sub"]
    assert (await away.get("/userinfo")).status_code == 401


async def test_a_code_is_good_once_for_a_minute_and_for_whom_it_was_made(
    away: httpx.AsyncClient, clock: ManualClock
) -> None:
    code = await code_of(away)
    assert (await redeem(away, code)).status_code == 200
    assert (await redeem(away, code)).json() == {"error": "invalid_grant"}
    assert (await redeem(away, await code_of(away), code_verifier="w" * 43)).status_code == 400
    assert (await redeem(away, await code_of(away), redirect_uri=f"{BACK}/other")).status_code == 400
    assert (await redeem(away, await code_of(away), "wrong secret")).json() == {"error": "invalid_client"}
    code = await code_of(away)
    await clock.advance(60)
    assert (await redeem(away, code)).status_code == 400


@pytest.mark.parametrize("wrong", [{"client_id": "x"}, {"code_challenge": "short"}, {"redirect_uri": "javascript:1"}])
async def test_a_question_that_is_none_is_told_to_the_person(away: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    assert (await away.get("/authorize", params={**ASKED, **wrong})).status_code == 400
    assert (await away.post("/authorize", data={**ASKED, **wrong, "email": "a@b.example"})).status_code == 400


async def test_it_remembers_who_is_signed_in_until_it_is_asked_not_to(
    away: httpx.AsyncClient, clock: ManualClock
) -> None:
    assert (await away.get("/authorize", params=ASKED)).status_code == 200
    await code_of(away)
    assert (await away.get("/authorize", params=ASKED)).status_code == 303
    assert (await away.get("/authorize", params={**ASKED, "prompt": "login"})).status_code == 200
    await clock.advance(30)
    assert (await away.get("/authorize", params={**ASKED, "max_age": "30"})).status_code == 200
    left = await away.get("/end-session", params={"post_logout_redirect_uri": BACK})
    assert left.headers["location"] == BACK
    assert (await away.get("/authorize", params=ASKED)).status_code == 200


async def test_what_is_typed_is_shown_and_never_run(away: httpx.AsyncClient) -> None:
    page = await away.get("/authorize", params={**ASKED, "state": '"><script>'})
    assert "<script>" not in page.text
