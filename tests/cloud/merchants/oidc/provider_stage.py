"""The emulated provider on a real port, and a person who goes there from the console and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import uvicorn

from tests.cloud.merchants.test_people import Office
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.kernel import Clock
from vendomat.simulator.oidc import IdentityProvider, Trouble
from vendomat.simulator.oidc.tokens import SigningKey

SETTINGS = "/api/v1/identity-provider"
SESSION = "/api/v1/session"
IDENTITY = "/api/v1/account/identity"
PROOF = "/api/v1/session/proof"
COMPANY = "company.example"
_spare = [SigningKey("spare"), SigningKey("spare")]


@cache
def first_key(name: str) -> SigningKey:
    return SigningKey(name)


class Keys:
    """Keys are slow to make: the first of a name is shared by all tests, the next of it is another."""

    def __init__(self) -> None:
        self._made: set[str] = set()

    def new(self, name: str) -> SigningKey:
        key = _spare[0].key if name in self._made else first_key(name).key
        self._made.add(name)
        return SigningKey(name, key)


@asynccontextmanager
async def open_provider(clock: Clock, *, name: str = "127.0.0.1") -> AsyncIterator[IdentityProvider]:
    listening = socket.create_server(("127.0.0.1", 0))
    provider = IdentityProvider(f"http://{name}:{listening.getsockname()[1]}", clock, new_key=Keys().new)
    server = uvicorn.Server(uvicorn.Config(provider.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield provider
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        listening.close()


class Company:
    """A merchant whose people come by a provider. `browser` is at the console, `away` at the provider."""

    def __init__(
        self, shop: Shop, browser: httpx.AsyncClient, away: httpx.AsyncClient, provider: IdentityProvider
    ) -> None:
        self.shop = shop
        self.browser = browser
        self.away = away
        self.provider = provider
        self.office = Office(shop)
        self.start = f"{SESSION}/provider/{shop.merchant_id}"

    def settings(self, **more: object) -> dict[str, object]:
        return {
            "name": "Company",
            "issuer": self.provider.issuer,
            "client_id": self.provider.registration.client_id,
            "client_secret": self.provider.registration.client_secret,
            "email_domains": [COMPANY],
            **more,
        }

    async def set_up(self, **more: object) -> httpx.Response:
        """By the owner, whose browser is left signed out."""
        await self.sign_in_as_owner()
        answer = await self.browser.put(SETTINGS, json=self.settings(**more))
        await self.leave()
        return answer

    async def sign_in_as_owner(self) -> None:
        body = {"email": self.shop.seeded.email, "password": PASSWORD}
        answer = await self.browser.post(SESSION, json=body)
        assert answer.status_code == 200, answer.text

    async def leave(self) -> None:
        self.browser.cookies.clear()

    async def go(self, email: str, trouble: Trouble = Trouble.NONE, *, to: str = "", **more: str) -> str:
        """There and back; the page of the console where one lands."""
        begun = await self.browser.get(self.start, params={"to": to} if to else {})
        return await self.answer(await self.at_provider(begun.headers["location"], email, trouble, **more))

    async def at_provider(self, address: str, email: str, trouble: Trouble = Trouble.NONE, **more: str) -> str:
        """What the person types there; the address of ours that they are sent back to."""
        assert address.startswith(f"{self.provider.issuer}/authorize?"), address
        asked = dict(parse_qsl(urlsplit(address).query))
        said = {**asked, "email": email, "trouble": trouble.value, **more}
        answer = await self.away.post(f"{self.provider.issuer}/authorize", data=said)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def answer(self, address: str) -> str:
        parts = urlsplit(address)
        assert parts.path == f"{self.start}/back"
        answer = await self.browser.get(f"{parts.path}?{parts.query}")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def who(self) -> dict[str, Any] | None:
        """Whoever is signed in now."""
        answer = await self.browser.get(SESSION)
        return answer.json() if answer.status_code == 200 else None

    async def invite(self, email: str, role: str = "technician") -> str:
        await self.sign_in_as_owner()
        answer = await self.browser.post("/api/v1/people", json={"email": email, "name": "Ann", "role": role})
        assert answer.status_code == 201, answer.text
        await self.leave()
        return str(answer.json()["link"]).partition("#")[2]
